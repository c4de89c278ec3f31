"""The sentences for broken protovalidate rules: rule id -> machine-readable reason and Korean sentence."""

import re
from collections.abc import Collection, Iterable

from google.protobuf.message import Message
from protovalidate import Validator, Violation

from core import errors

_validator = Validator()

# {0}, {1}: the numbers of the rule in its own order.
SENTENCES: dict[str, tuple[str, str]] = {
    "required": ("REQUIRED", "꼭 입력해야 합니다."),
    "string.min_len": ("REQUIRED", "{0}자 이상 입력해야 합니다."),
    "string.max_len": ("TOO_LONG", "{0}자까지 쓸 수 있습니다."),
    "string.email": ("INVALID_EMAIL", "이메일 주소의 형식이 아닙니다."),
    "string.email_empty": ("REQUIRED", "이메일 주소를 입력해야 합니다."),
    "string.uuid": ("INVALID_ID", "식별자(UUID)의 형식이 아닙니다."),
    "string.uuid_empty": ("REQUIRED", "식별자를 입력해야 합니다."),
    "string.pattern": ("INVALID_FORMAT", "정해진 형식이 아닙니다."),
    "string.in": ("NOT_ALLOWED", "쓸 수 있는 값이 아닙니다."),
    "int32.gte": ("OUT_OF_RANGE", "{0} 이상이어야 합니다."),
    "int32.lte": ("OUT_OF_RANGE", "{0} 이하여야 합니다."),
    "int32.gte_lte": ("OUT_OF_RANGE", "{0} 이상 {1} 이하여야 합니다."),
    "duration.gte": ("OUT_OF_RANGE", "{0}초 이상이어야 합니다."),
    "duration.lte": ("OUT_OF_RANGE", "{0}초 이하여야 합니다."),
    "duration.gte_lte": ("OUT_OF_RANGE", "{0}초 이상 {1}초 이하여야 합니다."),
    "bytes.max_len": ("TOO_LONG", "{0}바이트까지 보낼 수 있습니다."),
    "repeated.min_items": ("TOO_FEW", "{0}개 이상이어야 합니다."),
    "repeated.max_items": ("TOO_MANY", "{0}개까지 쓸 수 있습니다."),
    "repeated.unique": ("DUPLICATE", "같은 값이 두 번 들어 있습니다."),
    "map.max_pairs": ("TOO_MANY", "{0}개까지 쓸 수 있습니다."),
    "enum.defined_only": ("NOT_ALLOWED", "쓸 수 있는 값이 아닙니다."),
    "enum.not_in": ("REQUIRED", "값을 골라야 합니다."),
    "product.sale_price_below_price": ("SALE_PRICE_NOT_BELOW_PRICE", "할인가는 정가보다 낮아야 합니다."),
}


def check(message: Message, prefix: str = "", only: Collection[str] | None = None) -> None:
    """Refuse a message that breaks the rules of its proto, naming every wrong field (of `only`, and of the whole)."""
    found = _validator.collect_violations(message)
    wrong = [_violation(violation, prefix) for violation in found if only is None or _first(violation) in {"", *only}]
    if wrong:
        raise errors.InvalidInput("입력한 내용을 확인해 주세요.", wrong)


def _violation(violation: Violation, prefix: str) -> errors.Violation:
    broken = violation.proto
    reason, sentence = SENTENCES.get(broken.rule_id, (_reason(broken.rule_id), "값을 확인해 주세요."))
    numbers = [f"{int(number):,}" for number in re.findall(r"-?\d+", broken.message)]
    path = _path(broken.field.elements if broken.field else ())
    return errors.Violation(".".join(filter(None, (prefix, path))), _filled(sentence, numbers), reason)


def _first(violation: Violation) -> str:
    field = violation.proto.field
    return field.elements[0].field_name if field and field.elements else ""


def _filled(sentence: str, numbers: list[str]) -> str:
    return sentence.format(*numbers) if sentence.count("{") <= len(numbers) else "값을 확인해 주세요."


def _reason(rule_id: str) -> str:
    return re.sub(r"\W+", "_", rule_id).upper()


def _path(elements: Iterable[object]) -> str:
    """`product.image_ids[1]`, `contact.attributes["등급"]`."""
    return ".".join(f"{getattr(element, 'field_name', '')}{_subscript(element)}" for element in elements)


def _subscript(element: object) -> str:
    chosen = getattr(element, "subscript", None)
    if chosen is None:
        return ""
    return f'["{chosen.value}"]' if isinstance(chosen.value, str) else f"[{chosen.value}]"
