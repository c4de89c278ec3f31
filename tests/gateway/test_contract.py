"""Schemathesis sends what the document allows and what it forbids, and compares the answers with the document."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks
from schemathesis.core.result import Ok

from gateway import openapi, progress, routes, stubs
from tests.gateway.conftest import ALLOWED, Running

STUBS = stubs.load()
SCHEMA = schemathesis.openapi.from_dict(openapi.document(STUBS, routes.routes(STUBS))).exclude(path=progress.PATH)
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@SCHEMA.parametrize()
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
def test_answers_are_as_documented(case: Any, running: Running) -> None:
    response = case.call(base_url=running.url, headers=ALLOWED)

    case.validate_response(response, checks=CHECKS)


def test_it_was_all_of_them() -> None:
    found = [found.ok().label for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]

    assert len(found) == len(routes.routes(STUBS))
