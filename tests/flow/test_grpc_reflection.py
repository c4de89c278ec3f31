"""The main job by a generic client that has no stubs: `buf curl`, which asks the server what there is."""

import base64
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from deploy.local.product import Product
from deploy.local.sample.customers import Summary
from server import main

PATIENCE = 90.0
SERVICES = {service.described.name for service in main.SERVICES}


class Curl:
    """`buf curl` against the running server: schema by reflection, JSON in and out."""

    def __init__(self, address: str, api_key: str, home: Path) -> None:
        self._url, self._home = f"http://{address}", home
        program = str(Path(sys.executable).with_name("buf"))
        self._command = (program, "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--header", f"x-api-key: {api_key}")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Its output and exit code; its caches stay in the test's folder."""
        home = {"HOME": str(self._home), "BUF_CACHE_DIR": str(self._home), "PATH": "/usr/bin:/bin"}
        return subprocess.run([*self._command, *arguments], env=home, capture_output=True, text=True, timeout=60, check=False)

    def __call__(self, method: str, **request: Any) -> Any:
        """The answer of `CatalogService/CreateProduct`."""
        done = self.run("--emit-defaults", "--data", json.dumps(request), f"{self._url}/jeondan.v1.{method}")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def list_methods(self) -> list[str]:
        """Everything the server says it can do."""
        done = self.run("--list-methods", self._url)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def until(self, method: str, states: set[str], **request: Any) -> Any:
        """Ask until the resource is in one of these states."""
        limit = time.monotonic() + PATIENCE
        while True:
            (found,) = self(method, **request).values()
            if found["state"] in states:
                return found
            assert time.monotonic() < limit, found
            time.sleep(0.3)


@pytest.fixture(scope="module")
def curl(product: Product, login: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Curl:
    return Curl(product.grpc_address, login["api_key"], tmp_path_factory.mktemp("buf"))


def test_the_server_says_what_it_can_do(curl: Curl) -> None:
    found = curl.list_methods()
    assert {method.split("/")[0].removeprefix("jeondan.v1.") for method in found if method.startswith("jeondan.v1.")} == SERVICES
    assert {"jeondan.v1.CatalogService/CreateProduct", "jeondan.v1.CampaignService/LaunchCampaign"} <= set(found)


def test_the_main_job_without_stubs(curl: Curl, photo: bytes, book: Summary) -> None:
    upload = curl("CatalogService/CreateImageUpload", fileName="커피.png", contentType="image/png")["upload"]
    httpx.put(upload["uploadUrl"], content=photo, headers=upload["headers"]).raise_for_status()
    image = curl("CatalogService/CreateImage", objectName=upload["objectName"])["image"]["id"]
    assert curl.until("CatalogService/GetImage", {"STATE_READY", "STATE_REFUSED"}, imageId=image)["state"] == "STATE_READY"
    item = curl("CatalogService/CreateProduct", product={"name": "텀블러", "priceKrw": 25000, "imageIds": [image]})["product"]
    flyer = curl("CatalogService/CreateFlyer", flyer={"productIds": [item["id"]], "layout": "LAYOUT_HERO"})["flyer"]["id"]
    assert curl.until("CatalogService/GetFlyer", {"STATE_READY", "STATE_FAILED"}, flyerId=flyer)["state"] == "STATE_READY"
    upload = curl("AudienceService/CreateImportUpload", fileName=book.path.name)["upload"]
    httpx.put(upload["uploadUrl"], content=book.path.read_bytes(), headers=upload["headers"]).raise_for_status()
    order = {"objectName": upload["objectName"], "fileName": book.path.name, "tag": "반사"}
    read = curl("AudienceService/CreateImport", **order)["import"]["id"]
    assert curl.until("AudienceService/GetImport", {"STATE_DONE", "STATE_REFUSED"}, importId=read)["state"] == "STATE_DONE"
    draft = {
        "name": "텀블러",
        "purpose": "PURPOSE_AD",
        "body": "#{이름|고객}님, 텀블러가 새로 나왔습니다.",
        "flyerId": flyer,
        "senderNumberId": curl("AccountService/ListSenderNumbers")["senderNumbers"][0]["id"],
        "audience": {"anyTags": ["반사"]},
    }
    campaign = curl("CampaignService/CreateCampaign", campaign=draft)["campaign"]
    preview = curl("CampaignService/PreviewCampaign", campaignId=campaign["id"])
    assert not preview["problems"]
    curl("CampaignService/LaunchCampaign", campaignId=campaign["id"], etag=campaign["etag"])
    done = curl.until("CampaignService/GetCampaign", {"STATE_DONE", "STATE_FAILED"}, campaignId=campaign["id"])
    counters = dict(done["counters"])
    assert counters.pop("selected") == sum(counters.values()) == preview["selected"] == book.good
    assert counters["accepted"] + counters["delivered"] + counters["failed"] == book.proven
    messages = curl("SendService/ListMessages", campaignId=campaign["id"], pageSize=1000)["messages"]
    assert len(messages) == book.proven


def test_a_refusal_is_readable_for_a_generic_client(curl: Curl, product: Product) -> None:
    url = f"http://{product.grpc_address}/jeondan.v1.CatalogService/CreateProduct"
    done = curl.run("--data", '{"product": {"name": ""}}', url)
    assert done.returncode
    refused = json.loads(done.stderr)
    assert refused["code"] == "invalid_argument"
    values = {detail["type"]: base64.b64decode(detail["value"] + "==") for detail in refused["details"]}
    bad = error_details_pb2.BadRequest.FromString(values["google.rpc.BadRequest"])
    assert [violation.field for violation in bad.field_violations] == ["product.name"]
    assert error_details_pb2.ErrorInfo.FromString(values["google.rpc.ErrorInfo"]).reason == "INVALID_INPUT"
    assert "prise" in curl.run("--data", '{"product": {"prise": 1}}', url).stderr


def test_python_finds_the_messages_by_reflection_too(product: Product, login: dict[str, str]) -> None:
    with grpc.insecure_channel(product.grpc_address) as channel:
        found = ProtoReflectionDescriptorDatabase(channel)
        assert {name.removeprefix("jeondan.v1.") for name in found.get_services() if name.startswith("jeondan")} == SERVICES
        pool = DescriptorPool(found)
        method = pool.FindServiceByName("jeondan.v1.AccountService").FindMethodByName("GetWorkspace")
        ask, answer = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        call = channel.unary_unary(
            "/jeondan.v1.AccountService/GetWorkspace",
            request_serializer=ask.SerializeToString,
            response_deserializer=answer.FromString,
        )
        shop = call(ask(), metadata=(("x-api-key", login["api_key"]),), timeout=20)
        assert shop.workspace.name == "봄날커피"
