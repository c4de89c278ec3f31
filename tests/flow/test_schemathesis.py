"""Requests made at random from the OpenAPI document: whatever comes in, the answer is one of those described."""

import subprocess
import sys
from pathlib import Path

from deploy.local.product import Product
from tests.flow.running import second_shop

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"
)


def test_no_request_breaks_the_gateway(product: Product, tmp_path: Path) -> None:
    owner = second_shop(product)  # whatever an owner may do is done to it: accounts are switched off, senders taken away
    command = [
        *("run", f"{product.gateway_url}/api/v1/openapi.json", "--header", f"X-API-Key: {owner['api_key']}"),
        *("--checks", CHECKS, "--phases", "examples,fuzzing", "--max-examples", "10", "--seed", "20261123"),
        *("--exclude-operation-id", "CampaignEvents"),  # its answer ends when the campaign does
        *("--request-timeout", "20", "--suppress-health-check", "all", "--no-color", "--no-shrink"),
    ]
    done = subprocess.run(
        [str(Path(sys.executable).with_name("schemathesis")), *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
