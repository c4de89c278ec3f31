"""What a merchant sets for everything that is sent: shop name, free opt-out number, quiet hours."""

from datetime import time

from core.errors import InvalidInput, Violation
from core.rules import label
from core.rules.night import Window
from core.rules.text import UnsupportedText, find_unsupported, normalise

_ANY_NUMBER = "0800000000"


def shop_name(raw: str) -> str:
    """The name as it stands in the label of every advertisement; refused when no label can be made of it."""
    name = normalise(raw).strip()
    if found := find_unsupported(name):
        raise _wrong("name", UnsupportedText(found).message, "UNSUPPORTED_CHARACTERS")
    try:
        label.check_furnished(label.furnish("가", shop=name, optout_number=_ANY_NUMBER), shop=name, optout_number=_ANY_NUMBER)
    except InvalidInput as refusal:
        raise _wrong("name", refusal.message, refusal.reason) from None
    return name


def optout_number(raw: str) -> str:
    """The digits of a free 080 number, or none at all."""
    return label.check_optout_number(raw) if raw.strip() else ""


def quiet_hours(quiet_from: str, quiet_until: str) -> Window:
    """Two times of day, `HH:MM`, as the window in which advertising rests; refused when the law wants more rest."""
    try:
        return Window(time.fromisoformat(quiet_from), time.fromisoformat(quiet_until))
    except InvalidInput as refusal:
        raise _wrong("quiet_from", refusal.message, refusal.reason) from None


def _wrong(field: str, sentence: str, reason: str) -> InvalidInput:
    return InvalidInput(sentence, [Violation(field, sentence, reason)], reason=reason)
