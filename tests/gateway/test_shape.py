"""What is wrong with a JSON value, said field by field."""

from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from jeondan.v1 import audience_pb2, campaign_pb2, catalog_pb2

from gateway import codec
from gateway.errors import Refusal
from gateway.shape import Shape

PRODUCT = catalog_pb2.Product.DESCRIPTOR
CONTACT = audience_pb2.Contact.DESCRIPTOR
CAMPAIGN = campaign_pb2.Campaign.DESCRIPTOR


def complaints(descriptor: Any, value: Any) -> list[tuple[str, str]]:
    """Fields and reasons."""
    shape = Shape()
    shape.message(descriptor, value)
    return [(error.field, error.reason) for error in shape.errors]


@pytest.mark.parametrize(
    ("descriptor", "value", "field", "reason"),
    [
        (PRODUCT, {"name": None, "nope": None}, "nope", "UNKNOWN_FIELD"),
        (PRODUCT, {"price_krw": 1, "priceKrw": 2}, "priceKrw", "DUPLICATE_FIELD"),
        (PRODUCT, {"priceKrw": True}, "priceKrw", "WRONG_TYPE"),
        (PRODUCT, {"priceKrw": "5"}, "priceKrw", "WRONG_TYPE"),
        (PRODUCT, {"priceKrw": 2**31}, "priceKrw", "OUT_OF_RANGE"),
        (PRODUCT, {"priceKrw": float("inf")}, "priceKrw", "WRONG_TYPE"),
        (PRODUCT, {"imageIds": "a"}, "imageIds", "WRONG_TYPE"),
        (PRODUCT, {"imageIds": ["a", None]}, "imageIds[1]", "WRONG_TYPE"),
        (CONTACT, {"attributes": {"등급": 1}}, 'attributes["등급"]', "WRONG_TYPE"),
        (CONTACT, {"attributes": []}, "attributes", "WRONG_TYPE"),
        (CONTACT, {"consent": {"ads": "yes"}}, "consent.ads", "WRONG_TYPE"),
        (CONTACT, {"consent": {"consentTime": "gestern"}}, "consent.consentTime", "WRONG_TYPE"),
        (CONTACT, {"consent": {"consentTime": 5}}, "consent.consentTime", "WRONG_TYPE"),
        (CONTACT, {"consent": {"consentTime": {"seconds": 5}}}, "consent.consentTime", "WRONG_TYPE"),
        (CONTACT, {"consent": []}, "consent", "WRONG_TYPE"),
        (CAMPAIGN, {"purpose": "AD"}, "purpose", "UNKNOWN_VALUE"),
        (CAMPAIGN, {"purpose": 1}, "purpose", "UNKNOWN_VALUE"),
        (CAMPAIGN, {"audience": {"anyTags": [["x"]]}}, "audience.anyTags[0]", "WRONG_TYPE"),
    ],
)
def test_wrong_values(descriptor: Any, value: Any, field: str, reason: str) -> None:
    assert complaints(descriptor, value) == [(field, reason)]


@pytest.mark.parametrize(
    ("descriptor", "value"),
    [
        (PRODUCT, {"priceKrw": 1.0, "salePriceKrw": None, "imageIds": []}),
        (CONTACT, {"consent": {"ads": True, "consentTime": "2026-01-02T03:04:05+09:00"}, "attributes": {"a": "b"}}),
        (CAMPAIGN, {"purpose": "PURPOSE_AD", "audience": {"none_tags": ["x"]}}),
        (CAMPAIGN, {"state": "what the server says is not read back", "counters": 7}),
        (struct_pb2.Struct.DESCRIPTOR, {"anything": [1, None]}),
    ],
)
def test_right_values(descriptor: Any, value: Any) -> None:
    assert complaints(descriptor, value) == []


def test_not_more_than_fifty_complaints() -> None:
    assert len(complaints(PRODUCT, {f"x{number}": 1 for number in range(1000)})) == 50


def test_an_unknown_name_is_shown_shortened() -> None:
    assert complaints(PRODUCT, {"x" * 5000: 1}) == [("x" * 100, "UNKNOWN_FIELD")]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from([field.json_name for field in CAMPAIGN.fields])


@given(st.dictionaries(names, anything, max_size=4))
def test_what_passes_can_be_read(value: Any) -> None:
    shape = Shape()
    cleaned = shape.message(CAMPAIGN, value)
    if not shape.errors:
        codec.to_message(cleaned, CAMPAIGN).SerializeToString()


def test_what_the_check_let_through_wrongly_is_still_refused() -> None:
    with pytest.raises(Refusal) as refused:
        codec.to_message({"name": 5}, PRODUCT)

    assert refused.value.status == 400
    assert "5" not in str(refused.value.errors)
