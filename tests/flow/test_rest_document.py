"""The main job through REST by a client that knows nothing but the OpenAPI document."""

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.product import Product
from deploy.local.sample.customers import Summary

PATIENCE = 90.0
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "number": (int, float)}


class Document:
    """A client made from the document: operations by id, bodies checked against the schemas before they leave."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)
        self._document = self.http.get("/api/v1/openapi.json").raise_for_status().json()
        self._operations = {
            operation["operationId"]: (verb, path, operation)
            for path, verbs in self._document["paths"].items()
            for verb, operation in verbs.items()
        }
        self.headers: dict[str, str] = {}

    def find(self, name: str) -> tuple[str, str, dict[str, Any]]:
        """The one operation whose id ends in this name."""
        (found,) = [one for one in self._operations if one.rpartition("_")[2] == name]
        return self._operations[found]

    def sign_in_with(self, scheme: str, secret: str) -> None:
        """The header that the security scheme describes."""
        described = self._document["components"]["securitySchemes"][scheme]
        if described["type"] == "apiKey":
            self.headers = {described["name"]: secret}
        else:
            self.headers = {"Authorization": f"{described['scheme'].title()} {secret}"}

    def ask(self, name: str, body: Any = None, *, headers: dict[str, str] | None = None, **values: Any) -> httpx.Response:
        """Call it; path and query values go where the document puts them."""
        verb, path, operation = self.find(name)
        parameters = {one["name"]: one["in"] for one in operation["parameters"]}
        assert values.keys() <= parameters.keys() and (headers or {}).keys() <= parameters.keys() | {"Idempotency-Key"}
        for key, value in values.items():
            path = path.replace(f"{{{key}}}", str(value)) if parameters[key] == "path" else path
        query = {key: value for key, value in values.items() if parameters[key] == "query"}
        answer = self.http.request(verb, path, json=body, params=query, headers={**self.headers, **(headers or {})})
        self._check_answer(operation, answer)
        return answer

    def __call__(self, name: str, body: Any = None, **more: Any) -> Any:
        """The JSON of a success; what is sent and what comes must match the schemas."""
        operation = self.find(name)[2]
        if body is not None:
            self.check(body, operation["requestBody"]["content"]["application/json"]["schema"])
        answer = self.ask(name, body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _check_answer(self, operation: dict[str, Any], answer: httpx.Response) -> None:
        described = self.resolve(operation["responses"][str(answer.status_code)])
        media = answer.headers["content-type"].partition(";")[0]
        if media != "text/event-stream":
            self.check(answer.json(), described["content"][media]["schema"])

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """What a reference stands for."""
        while "$ref" in schema:
            place: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                place = place[part]
            schema = place
        return schema

    def check(self, value: Any, schema: dict[str, Any], at: str = "") -> None:
        """The part of JSON schema that the document uses."""
        schema = self.resolve(schema)
        for each in schema.get("allOf", ()):
            self.check(value, each, at)
        if value is None:
            assert schema.get("nullable"), at
            return
        if "type" in schema:
            assert isinstance(value, TYPES[schema["type"]]), (at, value)
        assert value in schema.get("enum", (value,)), (at, value)
        if isinstance(value, dict):
            self._check_object(value, schema, at)
        if isinstance(value, list):
            for item in value:
                self.check(item, schema["items"], at)

    def _check_object(self, value: dict[str, Any], schema: dict[str, Any], at: str) -> None:
        assert set(schema.get("required", ())) <= value.keys(), (at, value)
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            assert "properties" not in schema or inner, (at, key)
            if isinstance(inner, dict):
                self.check(item, inner, f"{at}.{key}")

    def until(self, name: str, states: set[str], **values: Any) -> Any:
        """Poll a resource until it is in one of these states."""
        limit = time.monotonic() + PATIENCE
        while True:
            (found,) = self(name, **values).values()
            if found["state"] in states:
                return found
            assert time.monotonic() < limit, found
            time.sleep(0.1)

    def put(self, upload: dict[str, Any], data: bytes) -> None:
        """The presigned PUT."""
        httpx.put(upload["uploadUrl"], content=data, headers=upload["headers"], timeout=30).raise_for_status()


@pytest.fixture(scope="module")
def api(product: Product, login: dict[str, str]) -> Iterator[Document]:
    """Signed in as a person, by the operation that needs no sign-in."""
    made = Document(product.gateway_url)
    assert made.find("CreateSession")[2]["security"] == []
    session = made("CreateSession", {"email": login["email"], "password": login["password"]})
    made.sign_in_with("bearer", session["token"])
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def item(api: Document, photo: bytes) -> dict[str, Any]:
    """A product with its photo."""
    upload = api("CreateImageUpload", {"fileName": "커피.png", "contentType": "image/png"})["upload"]
    api.put(upload, photo)
    image = api("CreateImage", {"objectName": upload["objectName"], "fileName": "커피.png"})["image"]
    image = api.until("GetImage", {"STATE_READY", "STATE_REFUSED"}, image_id=image["id"])
    assert image["state"] == "STATE_READY"
    made: dict[str, Any] = api("CreateProduct", {"name": "콜드브루", "priceKrw": 6500, "imageIds": [image["id"]]})["product"]
    return made


@pytest.fixture(scope="module")
def ended(api: Document, item: dict[str, Any], book: Summary) -> tuple[list[tuple[str, dict[str, Any]]], dict[str, Any]]:
    """Flyer, import, campaign, launch: its events up to the end, and the preview before."""
    flyer = api("CreateFlyer", {"headline": "콜드브루 출시", "productIds": [item["id"]]})["flyer"]
    flyer = api.until("GetFlyer", {"STATE_READY", "STATE_FAILED"}, flyer_id=flyer["id"])
    assert flyer["state"] == "STATE_READY"
    upload = api("CreateImportUpload", {"fileName": book.path.name})["upload"]
    api.put(upload, book.path.read_bytes())
    order = {"objectName": upload["objectName"], "fileName": book.path.name, "tag": "문서"}
    made = api("CreateImport", order)["import"]
    assert api.until("GetImport", {"STATE_DONE", "STATE_REFUSED", "STATE_FAILED"}, import_id=made["id"])["state"] == "STATE_DONE"
    draft = {
        "name": "콜드브루 출시",
        "purpose": "PURPOSE_AD",
        "body": "#{이름|고객}님, 시원한 콜드브루가 나왔습니다.",
        "flyerId": flyer["id"],
        "senderNumberId": api("ListSenderNumbers")["senderNumbers"][0]["id"],
        "audience": {"anyTags": ["문서"]},
    }
    campaign = api("CreateCampaign", draft)["campaign"]
    preview = api("PreviewCampaign", {}, campaign_id=campaign["id"])
    assert preview["problems"] == []
    api("LaunchCampaign", {"etag": campaign["etag"]}, campaign_id=campaign["id"])
    return events(api, campaign["id"]), preview


def events(api: Document, campaign: str) -> list[tuple[str, dict[str, Any]]]:
    """Server-sent events until the line ends."""
    verb, path, operation = api.find("CampaignEvents")
    schema = operation["responses"]["200"]["content"]
    assert list(schema) == ["text/event-stream"]
    found, name = [], ""
    with api.http.stream(verb, path.replace("{campaign_id}", campaign), headers=api.headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                found.append((name, json.loads(value)))
    return found


def test_the_events_lead_from_launch_to_the_last_result(ended: Any, book: Summary) -> None:
    told, preview = ended
    assert {name for name, _ in told[:-1]} == {"progress"} and told[-1][0] == "end"
    done = told[-1][1]
    counters = done["counters"]
    assert done["state"] == "STATE_DONE"
    assert counters["selected"] == book.good == preview["selected"]
    assert counters["delivered"] + counters["failed"] == book.proven
    assert counters["excluded"] == book.good - book.proven == sum(one["count"] for one in preview["exclusions"])
    assert done["costKrw"] == preview["costKrw"]


def test_at_every_event_everybody_is_in_one_bucket(ended: Any) -> None:
    for _, campaign in ended[0]:
        counters = dict(campaign["counters"])
        assert counters.pop("selected") == sum(counters.values())


def test_the_messages_come_in_pages(api: Document, ended: Any) -> None:
    campaign, seen, token = ended[0][-1][1], [], ""
    while True:
        page = api("ListMessages", campaign_id=campaign["id"], pageSize=90, pageToken=token)
        seen += [message["id"] for message in page["messages"]]
        token = page["nextPageToken"]
        if not token:
            break
    assert len(seen) == len(set(seen)) == campaign["counters"]["delivered"] + campaign["counters"]["failed"]


def test_an_update_needs_the_version_that_was_read(api: Document, item: dict[str, Any]) -> None:
    read = api.ask("GetProduct", product_id=item["id"])
    tag = read.headers["etag"]
    changed = api.ask("UpdateProduct", {"priceKrw": 5900}, product_id=item["id"], headers={"If-Match": tag})
    assert changed.json()["product"]["priceKrw"] == 5900 and changed.json()["product"]["name"] == item["name"]
    stale = api.ask("UpdateProduct", {"priceKrw": 1}, product_id=item["id"], headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["reason"]) == (409, "ETAG_MISMATCH")
    assert api("GetProduct", product_id=item["id"])["product"]["priceKrw"] == 5900


def test_the_same_key_does_it_once(api: Document) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first = api.ask("CreateProduct", {"name": "한 번만"}, headers=key)
    assert api.ask("CreateProduct", {"name": "한 번만"}, headers=key).json() == first.json()
    assert len(api("ListProducts", filter='name : "한 번만"')["products"]) == 1
    other = api.ask("CreateProduct", {"name": "다른 것"}, headers=key)
    assert (other.status_code, other.json()["reason"]) == (409, "REQUEST_ID_REUSED")
    assert api("ListProducts", filter='name : "다른 것"')["products"] == []


def test_a_refusal_is_a_problem_that_names_the_fields(api: Document) -> None:
    refused = api.ask("CreateProduct", {"name": "", "priceKrw": -1, "imageIds": ["x"]})
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert {one["field"] for one in refused.json()["errors"]} == {"name", "priceKrw", "imageIds[0]"}
    assert refused.json()["request_id"] == refused.headers["x-request-id"]


def test_an_api_key_opens_the_same_door(api: Document, product: Product, login: dict[str, str]) -> None:
    other = Document(product.gateway_url)
    assert other.ask("GetWorkspace").status_code == 401
    other.sign_in_with("apiKey", login["api_key"])
    assert other("GetWorkspace") == api("GetWorkspace")
    other.http.close()
