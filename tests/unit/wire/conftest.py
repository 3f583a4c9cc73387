"""Models are read once for all tests of the wire."""

import pytest

from samovar.wire.model import Models


@pytest.fixture(scope="session")
def models() -> Models:
    return Models()
