"""What a field mask does to what is stored."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from jeondan.v1 import audience_pb2 as audience
from jeondan.v1 import catalog_pb2 as catalog

from core.errors import InvalidInput
from server.updates import merged

STORED = catalog.Product(id="1", name="원두", price_krw=9000, sale_price_krw=8000, etag="e")


def laid(given: catalog.Product, *paths: str) -> catalog.Product:
    return merged(STORED, given, FieldMask(paths=paths), field="product")


def test_output_only_fields_are_left_alone_whoever_names_them() -> None:
    given = catalog.Product(id="2", etag="x", name="둘")
    for paths in [("id", "etag", "name"), (), ("*",)]:
        assert (laid(given, *paths).id, laid(given, *paths).etag, laid(given, *paths).name) == ("1", "e", "둘")


def test_an_absent_optional_field_becomes_absent_not_zero() -> None:
    assert not laid(catalog.Product(), "sale_price_krw").HasField("sale_price_krw")
    assert laid(catalog.Product(sale_price_krw=0), "sale_price_krw").HasField("sale_price_krw")


def test_the_stored_message_itself_stays() -> None:
    before = STORED.SerializeToString()
    laid(catalog.Product(name="둘"))
    assert STORED.SerializeToString() == before


def test_a_part_of_a_part_can_be_named() -> None:
    stored = audience.Contact(name="하나", consent=audience.Consent(ads=True, source="앱"))
    result = merged(stored, audience.Contact(), FieldMask(paths=["consent.ads"]), field="contact")
    assert result == audience.Contact(name="하나", consent=audience.Consent(source="앱"))
    whole = merged(stored, audience.Contact(), FieldMask(paths=["consent"]), field="contact")
    assert whole == audience.Contact(name="하나")


def test_what_was_stored_by_other_rules_does_not_stand_in_the_way() -> None:
    """An import may keep longer values than the form takes; changing the tags must still work."""
    stored = audience.Contact(name="가" * 60)
    assert list(merged(stored, audience.Contact(tags=["봄"]), FieldMask(), field="contact").tags) == ["봄"]
    with pytest.raises(InvalidInput) as caught:
        merged(stored, audience.Contact(name="나" * 60), FieldMask(), field="contact")
    assert [violation.field for violation in caught.value.violations] == ["contact.name"]
