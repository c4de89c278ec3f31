"""The document: valid, complete, and saying what the protos say."""

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from gateway import openapi, progress, routes, stubs

STUBS = stubs.load()
ROUTES = routes.routes(STUBS)
DOCUMENT = openapi.document(STUBS, ROUTES)
SCHEMAS = DOCUMENT["components"]["schemas"]


def operation(verb: str, path: str) -> Any:
    """One operation."""
    return DOCUMENT["paths"][path][verb]


def test_it_is_valid() -> None:
    OpenAPIV30SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"] == "3.0.3"


def test_it_is_json_and_the_same_each_time() -> None:
    assert json.dumps(openapi.document(STUBS, ROUTES)) == json.dumps(DOCUMENT)


def test_every_route_stands_in_it() -> None:
    found = {(verb, path) for path, operations in DOCUMENT["paths"].items() for verb in operations}

    assert found == {(route.verb, route.path) for route in ROUTES} | {("get", progress.PATH)}


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    for kind, name in set(re.findall(r'"#/components/(\w+)/([^"]+)"', text)):
        assert name in DOCUMENT["components"][kind]
    used = {name for name in SCHEMAS if f'"#/components/schemas/{name}"' in text}
    assert set(SCHEMAS) - used == set()


def test_everything_is_described() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for verb, found in operations.items():
            assert found["summary"], (verb, path)
            for parameter in found["parameters"]:
                assert parameter["description"], (verb, path, parameter["name"])
    for name, schema in SCHEMAS.items():
        assert schema["description"], name
        for field, inner in schema.get("properties", {}).items():
            assert "description" in inner, (name, field)


def test_operation_ids_are_unique() -> None:
    names = [found["operationId"] for operations in DOCUMENT["paths"].values() for found in operations.values()]

    assert len(names) == len(set(names)) == len(ROUTES) + 1


def test_who_may_call() -> None:
    assert operation("post", "/api/v1/sessions")["security"] == []
    assert "security" not in operation("get", "/api/v1/products")
    assert DOCUMENT["security"] == [{"bearer": []}, {"apiKey": []}]
    assert operation("post", "/api/v1/campaigns/{campaign_id}:launch")["x-role"] == "APPROVER"
    assert "403" not in operation("post", "/api/v1/sessions")["responses"]


def test_rules_become_keywords() -> None:
    product = SCHEMAS["ProductInput"]["properties"]
    assert product["name"] | {"description": ""} == {
        "type": "string",
        "minLength": 1,
        "maxLength": 80,
        "description": "",
    }
    assert (product["priceKrw"]["minimum"], product["priceKrw"]["maximum"]) == (0, 100_000_000)
    assert (product["imageIds"]["maxItems"], product["imageIds"]["uniqueItems"]) == (6, True)
    assert product["imageIds"]["items"] == {"type": "string", "format": "uuid"}
    assert SCHEMAS["FlyerInput"]["properties"]["accent"]["pattern"] == "^(#[0-9A-Fa-f]{6})?$"
    assert SCHEMAS["FlyerInput"]["properties"]["productIds"]["minItems"] == 1
    assert SCHEMAS["CreateSessionRequest"]["properties"]["email"]["format"] == "email"
    assert "image/webp" in SCHEMAS["CreateImageUploadRequest"]["properties"]["contentType"]["enum"]
    assert SCHEMAS["CampaignInput"]["properties"]["purpose"]["enum"] == ["PURPOSE_AD", "PURPOSE_INFO"]
    assert SCHEMAS["ContactInput"]["properties"]["attributes"]["additionalProperties"]["maxLength"] == 200
    assert SCHEMAS["PreviewCampaignRequest"]["properties"]["sampleCount"]["maximum"] == 20
    identifier = operation("get", "/api/v1/contacts/{contact_id}")["parameters"][0]["schema"]
    assert identifier == {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"}


def test_what_must_be_given() -> None:
    assert SCHEMAS["ProductInput"]["required"] == ["name"]
    assert SCHEMAS["CampaignInput"]["required"] == ["name", "purpose", "senderNumberId"]
    assert SCHEMAS["FlyerInput"]["required"] == ["productIds"]
    assert SCHEMAS["CreateSessionRequest"]["required"] == ["email", "password"]
    assert SCHEMAS["CreateImportRequest"]["required"] == ["objectName", "fileName"]
    assert operation("post", "/api/v1/products")["requestBody"]["required"]
    assert not operation("post", "/api/v1/products/{product_id}:archive")["requestBody"]["required"]


@pytest.mark.parametrize("name", ["ProductPatch", "ContactPatch", "CampaignPatch"])
def test_in_an_update_nothing_must_be_given(name: str) -> None:
    assert "required" not in SCHEMAS[name]


def test_what_only_goes_one_way() -> None:
    assert SCHEMAS["Product"]["properties"]["id"]["readOnly"] is True
    assert "id" not in SCHEMAS["ProductInput"]["properties"]
    assert "id" not in SCHEMAS["ProductPatch"]["properties"]
    assert SCHEMAS["ContactInput"]["properties"]["phone"]["writeOnly"] is True
    assert "phone" not in SCHEMAS["Contact"]["properties"]


def test_what_is_always_answered() -> None:
    assert set(SCHEMAS["Counters"]["required"]) == set(SCHEMAS["Counters"]["properties"])
    assert "costKrw" in SCHEMAS["Campaign"]["required"]
    assert "endTime" not in SCHEMAS["Campaign"]["required"]
    assert "salePriceKrw" not in SCHEMAS["Product"]["required"]


def test_what_can_be_taken_away() -> None:
    assert SCHEMAS["ProductPatch"]["properties"]["salePriceKrw"]["nullable"] is True
    assert SCHEMAS["ContactPatch"]["properties"]["consent"]["nullable"] is True
    assert "nullable" not in SCHEMAS["ProductPatch"]["properties"]["name"]


def test_fields_of_the_path_are_not_in_the_body() -> None:
    assert set(SCHEMAS["LaunchCampaignRequest"]["properties"]) == {"etag", "requestId"}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation_id)
def test_the_headers_of_each_operation(route: routes.Route) -> None:
    headers = {p["name"] for p in operation(route.verb, route.path)["parameters"] if p["in"] == "header"}

    assert ("Idempotency-Key" in headers) == bool({"request_id", "idempotency_key"} & set(route.request.fields_by_name))
    assert ("If-Match" in headers) == ("etag" in route.request.fields_by_name)


def test_refusals_are_problems() -> None:
    responses = operation("patch", "/api/v1/products/{product_id}")["responses"]

    assert set(responses) >= {"200", "400", "401", "403", "404", "409", "413", "415", "429", "500", "503", "504"}
    for name in DOCUMENT["components"]["responses"].values():
        assert list(name["content"]) == ["application/problem+json"]
    assert "default" not in responses


def test_the_event_stream_stands_in_it() -> None:
    events = operation("get", progress.PATH)

    assert list(events["responses"]["200"]["content"]) == ["text/event-stream"]
    assert events["parameters"][0]["name"] == "campaign_id"


def test_enums_explain_their_values() -> None:
    purpose = SCHEMAS["Purpose"]

    assert purpose["enum"] == ["PURPOSE_UNSPECIFIED", "PURPOSE_AD", "PURPOSE_INFO"]
    assert "* `PURPOSE_INFO`: Information about something bought or asked for." in purpose["description"]
