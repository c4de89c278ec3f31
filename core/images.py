"""Object storage: photos, flyers, customer files, exports. Addresses for browsers, bytes for workers."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID, uuid4

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core.errors import InvalidInput, Unavailable
from core.respite import Respite
from core.settings import Settings, load

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UPLOAD_SECONDS = 900
VIEW_SECONDS = 3600

_CONNECT, _BYTES, _ANSWER = 1.0, 10.0, 2.0  # seconds: to connect, for the next bytes, for a question without a body
_REST = 3.0  # seconds without asking after the storage did not answer

_MISSING = {"404", "NoSuchKey", "NotFound"}
_NO_BUCKET = {"404", "NoSuchBucket"}
_UNSAFE = re.compile(r"[^0-9A-Za-z._-]+")


@dataclass(frozen=True, slots=True)
class Found:
    """An object that is there."""

    size: int
    content_type: str


class Storage:
    """One process's door to the bucket. Every failure to answer is Unavailable."""

    def __init__(self, settings: Settings) -> None:
        import boto3  # 0.3 s and 15 MB that only processes which touch files should pay

        self._bucket = settings.aws_s3_bucket
        self._cdn = settings.cdn_base_url.rstrip("/")
        self._region = settings.aws_region
        self._respite = Respite(_REST, 2 * (_CONNECT + _BYTES))

        def client(config: Config) -> "S3Client":
            return boto3.client(
                "s3",
                endpoint_url=settings.aws_endpoint_url_s3 or None,
                region_name=settings.aws_region,
                aws_access_key_id=settings.aws_access_key_id or None,
                aws_secret_access_key=settings.aws_secret_access_key or None,
                config=config,
            )

        self._client = client(_config(_BYTES, attempts=2))
        self._quick = client(_config(_ANSWER, attempts=1))  # for who holds a transaction, or a person's patience

    @property
    def away(self) -> bool:
        """It did not answer when it was last asked; a server asks every second."""
        return self._respite.silent

    @property
    def resting(self) -> bool:
        """It did not answer a moment ago: asking now is refused."""
        return self._respite.resting

    def put_url(self, name: str, content_type: str, *, seconds: int = UPLOAD_SECONDS) -> str:
        """Where a browser may PUT this object, with exactly this content type. Unavailable while nobody would be there."""
        if self.away:
            raise _unavailable()
        values = {"Bucket": self._bucket, "Key": name, "ContentType": content_type}
        return self._client.generate_presigned_url("put_object", Params=values, ExpiresIn=seconds)

    def view_url(self, name: str, *, seconds: int = VIEW_SECONDS) -> str:
        """Where a browser may look at it; by CDN_BASE_URL when there is one, with the same signature."""
        values = {"Bucket": self._bucket, "Key": name}
        url = self._client.generate_presigned_url("get_object", Params=values, ExpiresIn=seconds)
        return url if not self._cdn else f"{self._cdn}/{url.split('://', 1)[1].partition('/')[2]}"

    def download_url(self, name: str, file_name: str, *, seconds: int = UPLOAD_SECONDS) -> str:
        """Where it may be fetched as a file of this name: straight from the bucket, never through a cache."""
        disposition = f"attachment; filename=\"file{Path(file_name).suffix}\"; filename*=UTF-8''{quote(file_name, safe='')}"
        values = {"Bucket": self._bucket, "Key": name, "ResponseContentDisposition": disposition}
        return self._client.generate_presigned_url("get_object", Params=values, ExpiresIn=seconds)

    def put(self, name: str, data: bytes, content_type: str) -> None:
        """Store bytes."""
        with self._asking():
            self._client.put_object(Bucket=self._bucket, Key=name, Body=data, ContentType=content_type)

    def put_file(self, name: str, path: Path, content_type: str) -> int:
        """Store a file in one go, so that memory stays flat; how many bytes."""
        with self._asking(), path.open("rb") as file:
            self._client.put_object(Bucket=self._bucket, Key=name, Body=file, ContentType=content_type)
        return path.stat().st_size

    def names(self, prefix: str) -> Iterator[str]:
        """Every object whose name begins so."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        with self._asking():
            for page in pages:
                yield from (found["Key"] for found in page.get("Contents", ()))

    def get(self, name: str, *, most: int, reason: str = "IMAGE_TOO_LARGE") -> bytes:
        """The bytes; refused when there are more than `most`, or when nothing is there (OBJECT_MISSING)."""
        with self._opened(name, most, reason) as body:
            data: bytes = body.read()
        return data

    def download(self, name: str, path: Path, *, most: int, progress: Callable[[int], object] | None = None) -> int:
        """Into a file, in pieces, so that memory stays flat; how many bytes. Refuses as `get`, with FILE_TOO_LARGE."""
        done = 0
        with self._opened(name, most, "FILE_TOO_LARGE") as body, path.open("wb") as file:
            for piece in body.iter_chunks(1 << 20):
                done += file.write(piece)
                if progress:
                    progress(done)
        return done

    def head(self, name: str) -> Found | None:
        """Size and type; None when nothing is there."""
        with self._asking():
            try:
                answer = self._quick.head_object(Bucket=self._bucket, Key=name)
            except ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise
        return Found(answer["ContentLength"], answer.get("ContentType", ""))

    def delete(self, name: str) -> None:
        """Gone; also when it was not there."""
        with self._asking():
            self._client.delete_object(Bucket=self._bucket, Key=name)

    def prepare(self) -> None:
        """Make the bucket when it is missing (development); harmless when it is there."""
        with self._asking(always=True):
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if _code(error) not in _NO_BUCKET:
                    raise
                self._client.create_bucket(
                    Bucket=self._bucket,
                    CreateBucketConfiguration={"LocationConstraint": self._region},  # type: ignore[typeddict-item]
                )

    def ping(self) -> None:
        """Raises Unavailable when the bucket cannot be reached. What it finds is true for everybody in this process."""
        with self._asking(always=True):
            self._quick.head_bucket(Bucket=self._bucket)

    @contextmanager
    def _asking(self, *, always: bool = False) -> Iterator[None]:
        """Whatever the storage cannot do now becomes Unavailable; its own words stay in the cause."""
        if not always and not self._respite.may_ask():
            raise _unavailable()
        try:
            yield
        except InvalidInput:
            self._respite.answered()
            raise
        except (BotoCoreError, ClientError) as error:
            if _is_silence(error):
                self._respite.gave_up()
            else:
                self._respite.answered()
            raise _unavailable() from error
        self._respite.answered()

    @contextmanager
    def _opened(self, name: str, most: int, reason: str) -> Iterator[Any]:
        with self._asking():
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=name)
            except ClientError as error:
                if _code(error) in _MISSING:
                    raise InvalidInput("올린 파일을 찾을 수 없습니다.", reason="OBJECT_MISSING") from None
                raise
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] > most:
                    raise InvalidInput(f"파일이 너무 큽니다. {most >> 20}MB까지 올릴 수 있습니다.", reason=reason)
                yield body


def upload_name(workspace: UUID, file_name: str) -> str:
    """A fresh name for an upload: uploads/<workspace>/<uuid>/<file name in plain letters>."""
    plain = _UNSAFE.sub("_", file_name).strip("._")[-80:] or "file"
    return f"uploads/{workspace}/{uuid4()}/{plain}"


def is_upload_of(workspace: UUID, name: str) -> bool:
    """Whether the name is an upload of this workspace."""
    return re.fullmatch(rf"uploads/{workspace}/[0-9a-f-]{{36}}/[0-9A-Za-z_-][0-9A-Za-z._-]{{0,79}}", name) is not None


def export_name(workspace: UUID, export: UUID) -> str:
    """Where an export lies: nobody finds it by guessing, and nothing of its contents stands in its name."""
    return f"exports/{workspace}/{export}-{uuid4().hex}.zip"


@lru_cache(maxsize=1)
def storage() -> Storage:
    """This process's storage, made on first use (so after any fork)."""
    return Storage(load())


def _config(read_seconds: float, *, attempts: int) -> Config:
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        # other S3 implementations than Amazon's do not know the newer trailing checksums
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=_CONNECT,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=20,
    )


def _unavailable() -> Unavailable:
    words = "지금은 파일 저장소에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요."
    return Unavailable(words, retry_seconds=_REST, facts={"dependency": "s3"})


def _is_silence(error: BotoCoreError | ClientError) -> bool:
    """Nobody answered, or only to say that it cannot; a refusal is an answer."""
    if not isinstance(error, ClientError):
        return True
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
