"""Names in tables that a spreadsheet would compute: an apostrophe stands before their sign, as in spreadsheets."""

SIGNS = ("=", "+", "-", "@")


def escape(value: object) -> object:
    """A cell as it is written; numbers stay as they are."""
    return f"'{value}" if isinstance(value, str) and _is_formula(value) else value


def unescape(text: str) -> str:
    """The text of a cell as it was before `escape`."""
    return text[1:] if text.startswith("'") and _is_formula(text) else text


def _is_formula(text: str) -> bool:
    """Whether `escape` changes a text; one with an apostrophe gets another, so that there is a way back."""
    return text.lstrip("'").startswith(SIGNS)
