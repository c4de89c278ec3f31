"""What the server refuses, as the REST caller sees it."""

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2

from gateway.errors import HTTP_STATUS
from tests.gateway.backend import UUID, Backend, Failure, refusal, retry, violations

TABLE = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.DATA_LOSS: 500,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
PATH = f"/api/v1/products/{UUID}"


def test_the_table_is_complete() -> None:
    assert HTTP_STATUS == TABLE
    assert set(TABLE) == set(grpc.StatusCode) - {grpc.StatusCode.OK}


@pytest.mark.parametrize("code", TABLE, ids=lambda code: code.name)
def test_every_code_without_details(client: httpx.Client, backend: Backend, code: grpc.StatusCode) -> None:
    backend.answer("CreateSession", Failure(code, "select * from users where phone = '01012345678'"))

    answer = client.post("/api/v1/sessions", json={"email": "a@b.kr", "password": "x"})

    problem = answer.json()
    assert answer.status_code == problem["status"] == TABLE[code]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == f"urn:jeondan:reason:{problem['reason']}"
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert any("가" <= letter <= "힣" for letter in problem["detail"])
    assert "select" not in answer.text
    assert ("Retry-After" in answer.headers) == (TABLE[code] in (429, 503))
    assert ("WWW-Authenticate" in answer.headers) == (TABLE[code] == 401)


def test_the_sentence_and_reason_of_the_server(client: httpx.Client, backend: Backend) -> None:
    backend.answer("GetProduct", refusal(grpc.StatusCode.NOT_FOUND, "NOT_FOUND", "그런 상품이 없습니다."))

    problem = client.get(PATH).json()

    assert (problem["status"], problem["reason"]) == (404, "NOT_FOUND")
    assert problem["detail"] == "그런 상품이 없습니다."
    assert problem["metadata"] == {"limit": "3"}
    assert problem["errors"] == []


def test_a_localized_message_comes_first(client: httpx.Client, backend: Backend) -> None:
    sentence = error_details_pb2.LocalizedMessage(locale="ko", message="번역된 문장입니다.")
    backend.answer("GetProduct", refusal(grpc.StatusCode.ABORTED, "ERROR_REASON_ETAG_MISMATCH", "english", sentence))

    problem = client.get(PATH).json()

    assert (problem["detail"], problem["reason"]) == ("번역된 문장입니다.", "ETAG_MISMATCH")


def test_wrong_fields_are_named_as_in_the_body(client: httpx.Client, backend: Backend) -> None:
    wrong = violations(
        **{"product__image_ids[2]": "너무 깁니다.", "product": "비었습니다.", "product_id": "?", "request_id": "?"}
    )
    backend.answer("UpdateProduct", refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT", "틀렸습니다.", wrong))

    problem = client.patch(PATH, json={"name": "a"}).json()

    assert problem["errors"][0] == {"field": "imageIds[2]", "message": "너무 깁니다.", "reason": "TOO_LONG"}
    assert [each["field"] for each in problem["errors"]] == ["imageIds[2]", "", "product_id", "Idempotency-Key"]


def test_wrong_fields_where_the_body_is_the_request(client: httpx.Client, backend: Backend) -> None:
    wrong = violations(object_name="없습니다.", mapping="틀립니다.", request_id="틀립니다.")
    backend.answer("CreateImport", refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT", "틀렸습니다.", wrong))

    problem = client.post("/api/v1/imports", json={"objectName": "a", "fileName": "b"}).json()

    assert [each["field"] for each in problem["errors"]] == ["objectName", "mapping", "requestId"]


@pytest.mark.parametrize(("seconds", "nanos", "header"), [(7, 0, "7"), (1, 1, "2"), (0, 5, "1")])
def test_when_to_come_back(client: httpx.Client, backend: Backend, seconds: int, nanos: int, header: str) -> None:
    failure = refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED", "천천히.", retry(seconds, nanos))
    backend.answer("GetProduct", failure)

    answer = client.get(PATH)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, header)


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS])
def test_our_own_defects_say_nothing(client: httpx.Client, backend: Backend, code: grpc.StatusCode) -> None:
    backend.answer("GetProduct", refusal(code, "INTERNAL", "secret", violations(name="secret")))

    answer = client.get(PATH)

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "metadata" not in answer.json()


def test_a_handler_that_crashed(client: httpx.Client, backend: Backend) -> None:
    def crash(call: object) -> None:
        raise RuntimeError("01012345678")

    backend.answer("GetProduct", crash)

    answer = client.get(PATH)

    assert answer.status_code == 500
    assert "01012345678" not in answer.text


def test_details_that_cannot_be_read(client: httpx.Client, backend: Backend) -> None:
    def garbled(call: object) -> Failure:
        return Failure(grpc.StatusCode.NOT_FOUND, "x", (error_details_pb2.ErrorInfo(reason="X", domain="elsewhere"),))

    backend.answer("GetProduct", garbled)

    problem = client.get(PATH).json()

    assert (problem["status"], problem["reason"]) == (404, "NOT_FOUND")
    assert problem["detail"] != "x"


def test_addresses_that_are_none(client: httpx.Client) -> None:
    for path in ("/nope", "/api/v1/nope", f"/api/v1/products/{UUID}/nope", "/api/v2/products"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["reason"]) == (404, "NOT_FOUND")
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/v1/products", "GET, HEAD, POST"),
        ("DELETE", PATH, "GET, HEAD, PATCH"),
        ("POST", "/api/v1/workspace", "GET, HEAD, PATCH"),
        ("GET", "/api/v1/sessions", "POST"),
    ],
)
def test_methods_that_are_not_for_this(client: httpx.Client, method: str, path: str, allowed: str) -> None:
    answer = client.request(method, path)

    assert (answer.status_code, answer.json()["reason"]) == (405, "METHOD_NOT_ALLOWED")
    assert sorted(answer.headers["Allow"].split(", ")) == allowed.split(", ")
