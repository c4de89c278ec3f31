"""Every rule that the protos use has a Korean sentence of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
from buf.validate import validate_pb2
from jeondan.v1 import catalog_pb2 as catalog

from core.errors import InvalidInput
from server.main import SERVICES
from server.violations import SENTENCES, check

NESTED = ("items", "keys", "values")


def rules(options: Any) -> Iterator[str]:
    """Names such as `string.max_len` that stand on a field, its items, keys or values."""
    for field, value in options.ListFields():
        if field.name == "required":
            yield "required"
        if field.message_type is None or field.message_type.name == "Rule":
            continue
        for inner, inner_value in value.ListFields():
            if inner.name in NESTED:
                yield from rules(inner_value)
            else:
                yield f"{field.name}.{inner.name}"


def used() -> set[str]:
    messages = [message for service in SERVICES for message in service.described.file.message_types_by_name.values()]
    found = {rule.id for message in messages for rule in message.GetOptions().Extensions[validate_pb2.message].cel}
    for message in messages:
        for field in message.fields:
            found |= set(rules(field.GetOptions().Extensions[validate_pb2.field]))
    return found


def test_every_rule_of_the_protos_has_a_sentence() -> None:
    assert {"string.uuid", "repeated.max_items", "map.max_pairs", "required", "product.sale_price_below_price"} <= used()
    assert used() <= SENTENCES.keys()


@pytest.mark.parametrize(
    ("product", "sentences"),
    [
        (catalog.Product(), {"product.name": "1자 이상 입력해야 합니다."}),
        (catalog.Product(name="x", image_ids=[""] * 7), {"product.image_ids": "6개까지 쓸 수 있습니다."}),
        (catalog.Product(name="x", sale_price_krw=-1), {"product.sale_price_krw": "0 이상 100,000,000 이하여야 합니다."}),
    ],
)
def test_sentences_carry_the_numbers_of_the_rule(product: catalog.Product, sentences: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(product, "product")
    assert sentences.items() <= {violation.field: violation.message for violation in caught.value.violations[::-1]}.items()
