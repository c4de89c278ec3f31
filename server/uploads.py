"""Uploads in two steps: an address to PUT to, then the RPC that names the object."""

from datetime import timedelta

from jeondan.v1 import types_pb2

from core import images
from server.convert import stamp
from server.errors import wrong
from server.rpc import Call


def offer(call: Call, file_name: str, content_type: str) -> types_pb2.Upload:
    """Where to PUT one file of this workspace, and with which header."""
    name = images.upload_name(call.workspace, file_name)
    return types_pb2.Upload(
        object_name=name,
        upload_url=images.storage().put_url(name, content_type),
        headers={"Content-Type": content_type},
        expire_time=stamp(call.now + timedelta(seconds=images.UPLOAD_SECONDS)),
    )


def check(call: Call, object_name: str) -> None:
    """Refuse an object that is not an upload of this workspace, or is not there."""
    if not images.is_upload_of(call.workspace, object_name) or images.storage().head(object_name) is None:
        raise wrong("object_name", "이 이름으로 올린 파일이 없습니다. 파일을 먼저 올려 주세요.", "OBJECT_MISSING")
