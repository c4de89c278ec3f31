"""`make run`: the whole product until Ctrl-C, with its addresses and the demo login."""

import json
import os
import sys
import time
from pathlib import Path

from deploy.checks import surroundings
from deploy.local.product import Product, start_product
from deploy.local.refusal import Refusal


def _login(var: Path) -> list[tuple[str, str]]:
    try:
        found = json.loads((var / "demo-login.json").read_text())
    except (OSError, ValueError):
        return []
    return [(f"로그인 {name}", str(value)) for name, value in found.items()]


def summary(product: Product) -> str:
    """Where to look, one line each."""
    gateway, sandbox = product.gateway_url, product.sandbox_url
    lines = [("시작 페이지", f"{gateway}/"), ("API 문서", f"{gateway}/docs"), ("상태", f"{gateway}/health")]
    if product.stack.wants_sandbox:
        lines += [("가상 휴대폰", f"{sandbox}/phone"), ("장애 연습", f"{sandbox}/faults")]
    lines += [("gRPC", product.grpc_address), ("기록", str(product.stack.var / "logs")), *_login(product.stack.var)]
    return "\n".join(["", "전단이 준비되었습니다. 멈추려면 Ctrl-C.", "", *(f"  {name}: {value}" for name, value in lines), ""])


def _told(product: Product) -> dict[str, str]:
    """For the commands that look at a running product: its variables, and where its numbers are."""
    return {**product.environment, "SERVER_METRICS_PORT": str(product.stack.port("SERVER_METRICS_PORT"))}


def main() -> int:
    """Up, until somebody asks it to stop."""
    var = Path(os.environ.get("VAR") or "var")
    try:
        with start_product(var, extra={"DISK_PATHS": str(var.resolve())}) as product:
            surroundings.write(product.stack.var, _told(product))
            print(summary(product), flush=True)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        surroundings.forget(var)
        print("모두 멈췄습니다.", flush=True)
        return 0
    except Refusal as refusal:
        print(f"jeondan: {refusal}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
