"""A workspace is opened by whoever operates the product, with its first owner, and starts on trial."""

import re
import subprocess
import sys

import grpc
from jeondan.v1 import account_pb2 as pb

from tests.server.shop import stub


def found(*arguments: str) -> tuple[int, str]:
    """The command, as a process of its own; what it said."""
    done = subprocess.run([sys.executable, "-m", "server.found", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_an_owner_signs_in_on_trial_until_released(channel: grpc.Channel) -> None:
    code, said = found("open", "가을서점", "Owner@books.example")
    [password] = re.findall(r"/ (\S+) ", said)
    assert code == 0
    session = stub(channel, "CreateSession")(pb.CreateSessionRequest(email="owner@books.example", password=password))
    metadata = (("authorization", f"Bearer {session.token}"),)
    seen = stub(channel, "GetWorkspace")(pb.GetWorkspaceRequest(), metadata=metadata).workspace
    assert (seen.name, seen.trial) == ("가을서점", True)
    assert found("release", "owner@books.example")[0] == 0
    assert not stub(channel, "GetWorkspace")(pb.GetWorkspaceRequest(), metadata=metadata).workspace.trial


def test_what_cannot_be_opened_is_said(channel: grpc.Channel) -> None:
    assert found("open", "가을서점", "owner@books.example")[0] == 0
    refused = {
        ("open", "봄날", "OWNER@books.example"): "이미 쓰고 있는",
        ("open", "봄날", "owner"): "이메일 주소의 형식이",
        ("open", "봄날\U0001f338", "spring@books.example"): "문자",
        ("release", "nobody@books.example"): "이런 이메일 주소가 없습니다",
        ("open",): "사용법",
    }
    for arguments, sentence in refused.items():
        code, said = found(*arguments)
        assert code == 2 and sentence in said, said
