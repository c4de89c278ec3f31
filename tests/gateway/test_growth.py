"""A new RPC in a proto needs no other edit: here is one that nobody has heard of."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import jeondan.v1
import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor
from openapi_spec_validator import OpenAPIV30SpecValidator

from gateway import constraints, stubs
from gateway.app import build
from tests.gateway.backend import Backend
from tests.gateway.conftest import ALLOWED, Running, environment, serving

ROOT = Path(__file__).parents[2]
SOURCE = """
syntax = "proto3";
package jeondan.v1;
import "buf/validate/validate.proto";
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "jeondan/v1/options.proto";
import "jeondan/v1/types.proto";

// Things nobody has heard of.
service NoveltyService {
  // Finds things. In every way there is.
  rpc FindThings(FindThingsRequest) returns (FindThingsResponse) {
    option (google.api.http) = {
      get: "/api/v1/shelves/{shelf}/things"
      additional_bindings { get: "/api/v1/things" }
    };
    option (access) = {role: ROLE_PUBLIC};
  }
  // Puts a thing in its place.
  rpc PutThing(PutThingRequest) returns (PutThingResponse) {
    option (google.api.http) = {put: "/api/v1/things/{thing_id}" body: "thing" response_body: "thing"};
    option (access) = {role: ROLE_OWNER};
  }
  // Has no route.
  rpc Inner(FindThingsRequest) returns (FindThingsResponse) {
    option (access) = {role: ROLE_OWNER};
  }
}
// A thing.
message Thing {
  // Name.
  string name = 1 [(google.api.field_behavior) = REQUIRED];
  // Large.
  int64 large = 2;
  // Positive.
  uint64 huge = 3;
  // Weight.
  double weight = 4 [(buf.validate.field).double.gt = 0, (buf.validate.field).double.lt = 10];
  // Bytes.
  bytes raw = 5;
  // Shade.
  optional Channel channel = 6;
  // Shades.
  repeated Channel channels = 7 [(buf.validate.field).repeated.items.enum = {in: [1, 2]}];
  // Parts.
  repeated Thing parts = 8;
  // How long.
  google.protobuf.Duration lasts = 9;
  // Anything.
  google.protobuf.Struct more = 10;
  // By name.
  map<string, Thing> named = 11 [(buf.validate.field).map.min_pairs = 1];
  // Four letters.
  string code = 12 [(buf.validate.field).string.len = 4];
  // Version.
  string etag = 13 [(google.api.field_behavior) = OUTPUT_ONLY];
  // Small, from 1 on.
  int32 small = 14 [(buf.validate.field).int32 = {gt: 0, in: [1, 2, 3]}];
  // Just this word.
  string word = 15 [(buf.validate.field).string.const = "yes"];
  // Large, from 1 on.
  int64 wide = 16 [(buf.validate.field).int64.gte = 1];
}
// What to find.
message FindThingsRequest {
  // Where.
  string shelf = 1;
  // By example.
  Thing like = 2;
  // After.
  google.protobuf.Timestamp after = 3;
  // Of these.
  repeated Channel channels = 4;
  // Some words.
  repeated string words = 5;
  // What to show.
  google.protobuf.FieldMask fields = 6;
}
// Found.
message FindThingsResponse {
  // Things.
  repeated Thing things = 1;
}
// What to put.
message PutThingRequest {
  // Which.
  string thing_id = 1;
  // The thing.
  Thing thing = 2;
  // Even if it is old.
  bool force = 3;
}
// Put.
message PutThingResponse {
  // The thing.
  Thing thing = 1;
}
"""


@pytest.fixture(scope="module")
def novel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[stubs.Stubs, ModuleType]]:
    """The stubs with one more file, as after a build of the protos."""
    folder = tmp_path_factory.mktemp("novel")
    place = folder / "jeondan" / "v1"
    place.mkdir(parents=True)
    (place / "novelty.proto").write_text(SOURCE)
    # protoc in a process of its own: it ends the process when it fails.
    command = [sys.executable, "-m", "tests.gateway.compile", str(folder), "jeondan/v1/novelty.proto"]
    subprocess.run(command, check=True, cwd=ROOT)
    jeondan.v1.__path__.append(str(place))
    described = stubs.shipped()
    known = {file.name for file in described.file}
    added = descriptor_pb2.FileDescriptorSet.FromString((folder / "set.binpb").read_bytes())
    described.file.extend(file for file in added.file if file.name not in known)
    yield stubs.load(described), importlib.import_module("jeondan.v1.novelty_pb2")
    jeondan.v1.__path__.remove(str(place))


@pytest.fixture(scope="module")
def server(novel: tuple[stubs.Stubs, ModuleType]) -> Iterator[Backend]:
    """A server that knows the new RPCs."""
    backend = Backend(method for service in novel[0].services for method in service.methods).start()
    backend.reset()
    yield backend
    backend.stop()


@pytest.fixture(scope="module")
def running(novel: tuple[stubs.Stubs, ModuleType], server: Backend) -> Iterator[Running]:
    """A gateway that knows them too."""
    with serving(environment(server), described=novel[0]) as running:
        yield running


@pytest.fixture
def client(running: Running, server: Backend) -> Iterator[httpx.Client]:
    """Somebody with a token."""
    server.reset()
    with httpx.Client(base_url=running.url, headers=ALLOWED, trust_env=False) as client:
        yield client


def test_it_is_in_the_document(novel: tuple[stubs.Stubs, ModuleType], server: Backend) -> None:
    document = build(environment(server), described=novel[0]).document

    OpenAPIV30SpecValidator(document).validate()
    found = document["paths"]["/api/v1/shelves/{shelf}/things"]["get"]
    assert found["summary"] == "Finds things"
    assert found["security"] == []
    assert "/api/v1/things" in document["paths"]
    assert {"name": "NoveltyService", "description": "Things nobody has heard of."} in document["tags"]
    answered = document["paths"]["/api/v1/things/{thing_id}"]["put"]["responses"]["200"]
    assert answered["content"]["application/json"]["schema"]["allOf"] == [{"$ref": "#/components/schemas/Thing"}]
    fields = document["components"]["schemas"]["ThingInput"]["properties"]
    kinds = {name: (field.get("type"), field.get("format")) for name, field in fields.items()}
    assert kinds["large"] == ("string", "int64")
    assert kinds["huge"] == ("string", "uint64")
    assert kinds["weight"] == ("number", "double")
    assert kinds["raw"] == ("string", "byte")
    assert fields["weight"]["exclusiveMinimum"] is True
    assert fields["channels"]["items"]["enum"] == ["CHANNEL_SMS", "CHANNEL_LMS"]
    assert fields["code"]["minLength"] == fields["code"]["maxLength"] == 4
    assert fields["parts"]["items"] == {"$ref": "#/components/schemas/ThingInput"}
    assert fields["word"]["enum"] == ["yes"]
    assert fields["small"]["enum"] == [1, 2, 3]
    assert "minimum" not in fields["wide"], "a number's rule on a string"
    required = document["components"]["schemas"]["ThingInput"]["required"]
    assert set(required) >= {"name", "weight", "named", "code", "small", "wide"}


def test_it_answers(client: httpx.Client, server: Backend, novel: tuple[stubs.Stubs, ModuleType]) -> None:
    query = "like.large=12&like.weight=1.5&after=2026-01-02T03:04:05Z&channels=CHANNEL_SMS&channels=CHANNEL_LMS"
    answer = client.get(f"/api/v1/shelves/top/things?{query}&words=a&words=b,c&fields=name,large")

    assert answer.status_code == 200, answer.text
    (call,) = server.called("FindThings")
    request: Any = call.request
    assert (request.shelf, request.like.large, request.like.weight) == ("top", 12, 1.5)
    assert (list(request.channels), list(request.words)) == ([1, 2], ["a", "b,c"])
    assert request.after.seconds == 1767323045
    assert list(request.fields.paths) == ["name", "large"]
    assert client.get("/api/v1/things?shelf=low").status_code == 200


def test_a_part_of_the_answer_is_the_answer(client: httpx.Client, server: Backend, novel: Any) -> None:
    thing = novel[1].Thing(name="Ding", large=2**60, raw=b"\x00\xff", etag="4")
    server.answer("PutThing", novel[1].PutThingResponse(thing=thing))
    body = {"name": "Ding", "large": str(2**60), "raw": "AP8=", "named": {"a": {"name": "b"}}, "more": {"x": [1]}}

    answer = client.put("/api/v1/things/9?force=true", json=body | {"lasts": "1.5s", "channel": "CHANNEL_MMS"})

    assert answer.status_code == 200, answer.text
    assert (answer.json()["large"], answer.json()["raw"], answer.headers["ETag"]) == (str(2**60), "AP8=", '"4"')
    (call,) = server.called("PutThing")
    assert (call.request.thing_id, call.request.force) == ("9", True)
    assert call.request.thing.named["a"].name == "b"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"large": "many"}, "large"),
        ({"huge": "-1"}, "huge"),
        ({"weight": "heavy"}, "weight"),
        ({"weight": 10**400}, "weight"),
        ({"raw": "€"}, "raw"),
        ({"raw": "a"}, "raw"),
        ({"lasts": "long"}, "lasts"),
        ({"named": {"a": {"name": 5}}}, 'named["a"].name'),
        ({"parts": [{"parts": [{"name": 5}]}]}, "parts[0].parts[0].name"),
        ({"more": []}, "more"),
    ],
)
def test_it_refuses(client: httpx.Client, body: Any, field: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.put("/api/v1/things/9", content=json.dumps(body), headers=headers)

    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (400, [field])


@pytest.mark.parametrize("query", ["like=x", "after.seconds=1", "like.parts.name=x", "like.named=x", "after=x&after.seconds=1"])
def test_it_refuses_such_queries(client: httpx.Client, query: str) -> None:
    assert client.get(f"/api/v1/things?{query}").status_code == 400


def test_an_rpc_without_a_route_is_not_reachable(running: Running) -> None:
    assert "NoveltyService_Inner" not in {route.operation_id for route in running.gateway.routes}


def test_a_field_without_rules_may_be_absent(novel: Any) -> None:
    fields: dict[str, FieldDescriptor] = novel[1].Thing.DESCRIPTOR.fields_by_name

    refusing = {name for name, field in fields.items() if constraints.refuses_absence(field)}
    assert refusing == {"weight", "named", "code", "small", "wide"}
