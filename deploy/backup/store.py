"""The bucket of backups: streams in, read back and compared, streams out. Never the product's own bucket."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy.backup.settings import Settings
from deploy.local.refusal import Refusal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PART = 64 << 20  # 10,000 of them are 640 GB
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """One object of the bucket."""

    name: str
    size: int
    at: datetime


class Counted:
    """A stream that is measured and hashed while it is read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self._hash, self.size = source, hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        piece = self._source.read(size)
        self._hash.update(piece)
        self.size += len(piece)
        return piece

    @property
    def digest(self) -> str:
        """Of all that was read."""
        return self._hash.hexdigest()


class Store:
    """One bucket. Whatever the storage cannot do is a refusal with its own code."""

    def __init__(self, settings: Settings) -> None:
        import boto3

        self.bucket = settings.backup_s3_bucket
        self.client: S3Client = boto3.client(
            "s3",
            endpoint_url=settings.aws_endpoint_url_s3 or None,
            region_name=settings.aws_region,
            aws_access_key_id=settings.aws_access_key_id or None,
            aws_secret_access_key=settings.aws_secret_access_key or None,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=5,
                read_timeout=60,
                retries={"mode": "standard", "total_max_attempts": 4},
            ),
        )

    def prepare(self) -> None:
        """Make the bucket where it is missing and may be made."""
        with _answering():
            try:
                self.client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                if _code(error) not in ("404", "NoSuchBucket"):
                    raise
                self.client.create_bucket(
                    Bucket=self.bucket,
                    CreateBucketConfiguration={"LocationConstraint": self.client.meta.region_name},  # type: ignore[typeddict-item]
                )

    def put(self, name: str, source: IO[bytes]) -> Counted:
        """Store a stream, and read it back: what lies there is what we sent, or it is removed and refused."""
        from boto3.s3.transfer import TransferConfig

        sent = Counted(source)
        parts = TransferConfig(multipart_threshold=_PART, multipart_chunksize=_PART, max_concurrency=2)
        with _answering():
            self.client.upload_fileobj(sent, self.bucket, name, Config=parts)  # type: ignore[arg-type]
        with self.get(name) as body:
            back = Counted(body)
            while back.read(_PIECE):
                pass
        if (back.size, back.digest) != (sent.size, sent.digest):
            self.delete(name)
            raise Refusal(f"{name}: 올린 뒤 다시 읽으니 내용이 다릅니다. 저장소를 확인하고 다시 백업하세요.")
        return sent

    def put_json(self, name: str, value: Any) -> None:
        """A small document."""
        text = json.dumps(value, ensure_ascii=False, indent=1, default=str).encode()
        with _answering():
            self.client.put_object(Bucket=self.bucket, Key=name, Body=text, ContentType="application/json")

    def get_json(self, name: str) -> Any:
        """The same."""
        with self.get(name) as body:
            return json.loads(body.read())

    @contextmanager
    def get(self, name: str) -> Iterator[IO[bytes]]:
        """An object as a stream."""
        with _answering():
            answer = self.client.get_object(Bucket=self.bucket, Key=name)
        with closing(answer["Body"]) as body:
            yield body  # type: ignore[misc]

    def list(self, prefix: str) -> list[Kept]:
        """Every object whose name begins so, in the order of names."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        with _answering():
            found = [Kept(one["Key"], one["Size"], one["LastModified"]) for page in pages for one in page.get("Contents", ())]
        return sorted(found, key=lambda one: one.name)

    def delete(self, name: str) -> None:
        """Gone (with versioning: covered by a marker)."""
        with _answering():
            self.client.delete_object(Bucket=self.bucket, Key=name)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise Refusal(f"백업 저장소가 거절했습니다({_code(error)}). AWS_* 와 BACKUP_S3_BUCKET 을 확인하세요.") from error
    except BotoCoreError as error:
        raise Refusal(f"백업 저장소에 닿지 않습니다({type(error).__name__}). AWS_ENDPOINT_URL_S3 를 확인하세요.") from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
