"""Asks the process of this container how it is: `python /opt/healthy.py server | workers | gateway`; exit 0 is well."""

import os
import sys
import urllib.error
import urllib.request
from typing import Any

SECONDS = 4.0


def _port(*names: str, default: int) -> int:
    return next((int(value) for name in names if (value := os.environ.get(name, "0")) != "0"), default)


def serving(port: int) -> bool:
    """What a load balancer would be told by grpc.health.v1."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def answers(port: int, path: str) -> bool:
    """200, and nothing else."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def main() -> int:
    """One question, one answer."""
    match sys.argv[1:]:
        case ["server"]:
            well = serving(_port("GRPC_PORT", default=50051))
        case ["workers"]:
            well = answers(_port("WORKERS_METRICS_PORT", "CLOCK_METRICS_PORT", default=9100), "/livez")
        case ["gateway"]:
            well = answers(_port("GATEWAY_PORT", default=8080), "/health")
        case _:
            sys.exit("usage: healthy.py server | workers | gateway")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
