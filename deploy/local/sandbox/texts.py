"""What a carrier makes of a text: CP949 or a question mark, and its length as Aligo counts it."""

SMS_BYTES = 90
LONG_BYTES = 2000
TITLE_BYTES = 44


def carried(text: str) -> tuple[str, int]:
    """The text as the handset will show it, and its bytes. Aligo counts a line break as two."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    try:
        raw = plain.encode("cp949")
    except UnicodeEncodeError:
        raw = plain.encode("cp949", "replace")
        plain = raw.decode("cp949")
    return plain, len(raw) + raw.count(b"\n")


def fallback_title(text: str) -> str:
    """The first line of the body, or its first 44 bytes: what Aligo uses when no title is given."""
    first = text.split("\n", 1)[0].encode("cp949", "replace")
    return first[:TITLE_BYTES].decode("cp949", "ignore")
