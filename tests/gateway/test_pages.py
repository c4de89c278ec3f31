"""What is not the API."""

import httpx

from gateway import stubs
from gateway.app import build
from tests.gateway.backend import UUID, Backend
from tests.gateway.conftest import Running, environment, serving


def test_the_start_page_leads_on(client: httpx.Client) -> None:
    answer = client.get("/")

    assert answer.status_code == 200
    assert 'lang="ko"' in answer.text
    for link in ("/docs/", "/health", "/api/v1/openapi.json"):
        assert f'href="{link}"' in answer.text
        assert client.get(link).status_code == 200
    assert "/phone" not in answer.text


def test_the_start_page_leads_to_the_handset(backend: Backend) -> None:
    with serving(environment(backend, sandbox_port=8090)) as running:
        page = httpx.get(running.url, headers={"Host": "shop.test:1"}, trust_env=False).text
        hostile = httpx.get(running.url, headers={"Host": '"><script>'}, trust_env=False).text

    assert 'href="http://shop.test:8090/phone"' in page
    assert "<script" not in hostile


def test_the_docs_come_from_here(client: httpx.Client) -> None:
    page = client.get("/docs", follow_redirects=True)

    assert page.status_code == 200
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text
    assert "/api/v1/openapi.json" in page.text
    for part in ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js"):
        assert client.get(f"/docs/{part}").status_code == 200


def test_the_document_is_served_as_made(client: httpx.Client, running: Running, backend: Backend) -> None:
    served = client.get("/api/v1/openapi.json")

    assert served.json() == build(environment(backend)).document
    assert served.headers["Content-Type"] == "application/json"


def test_measurements_name_routes_and_no_ids(client: httpx.Client, backend: Backend) -> None:
    client.get(f"/api/v1/products/{UUID}")
    client.get(f"/api/v1/nope/{UUID}")
    client.get("/docs/index.css")

    answer = client.get("/metrics")

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'jeondan_http_seconds_count{route="/api/v1/products/{product_id}",status="200"}' in answer.text
    assert 'jeondan_http_seconds_count{route="unmatched",status="404"}' in answer.text
    assert 'route="/docs"' in answer.text
    assert UUID not in answer.text


def test_liveness_needs_nobody(client: httpx.Client) -> None:
    assert client.get("/livez").text == "ok"


def test_the_comments_of_the_protos_are_there() -> None:
    comments = stubs.load().comments

    assert comments["jeondan.v1.Campaign.name"].startswith("Name for the merchant")
    assert comments["jeondan.v1.Campaign.State.STATE_DRAFT"] == "Being written."
    assert comments["jeondan.v1.CampaignService.CreateCampaign"] == "Writes a draft."


def test_what_stands_in_for_a_picture_is_a_picture_anybody_may_show_and_keep(client: httpx.Client) -> None:
    answer = client.get("/placeholder.svg")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert "max-age" in answer.headers["Cache-Control"]
    assert "이미지를 불러올 수 없습니다" in answer.text
