"""Text inside of XML reads as what was written."""

from xml.etree import ElementTree

import pytest

from samovar.wire.markup import escape, quoted


@pytest.mark.parametrize("text", ["", "a<b>&amp;c", "]]>", '"it\'s"', "line\nbreak\tand\rmore", "é €"])
def test_what_is_written_is_what_a_parser_reads(text: str):
    element = ElementTree.fromstring(f"<a b={quoted(text)}>{escape(text)}</a>")
    assert element.attrib["b"] == text
    assert (element.text or "") == text.replace("\r", "\n")  # as XML has it; who needs it spells it `&#xD;`
