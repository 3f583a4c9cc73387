"""Identifiers from pooled randomness."""

import re

from samovar.core.ids import short_id, uuid4


def test_ids_are_of_awss_forms_and_none_comes_twice():
    short, uuid = r"[A-Za-z0-9_-]{14}[AEIMQUYcgkosw048]=", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    for make, form in ((short_id, short), (uuid4, uuid)):
        made = [make() for _ in range(300)]
        assert all(re.fullmatch(form, each) for each in made)
        assert len(set(made)) == 300
