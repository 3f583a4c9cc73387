"""Text inside of XML: what of it would mean something else, spelled so that it doesn't.

The standard library's own (`xml.sax.saxutils`) imports a client for HTTP and the e-mail package, 25 ms of a start.
"""


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def quoted(text: str) -> str:
    """An attribute's value, with its quotes. A reader would take line breaks and tabs for blanks."""
    spelled = escape(text).replace('"', "&quot;")
    return f'"{spelled}"'.replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")
