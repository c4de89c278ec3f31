"""The one exception of the embedded stack: a plain sentence that says what is wrong and what to do."""


class Refusal(Exception):
    """The stack cannot start or go on; the text is shown to the developer as it is."""
