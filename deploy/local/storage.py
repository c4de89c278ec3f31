"""The embedded object storage: `rclone serve s3`, files visible on disk, signed requests only."""

import shutil
import sys
from pathlib import Path

from deploy.local.child import Program
from deploy.local.keys import Keys
from deploy.local.ports import LOOPBACK, Port, converse
from deploy.local.refusal import Refusal

BUCKET = "jeondan"


def _binary() -> str:
    beside = Path(sys.executable).with_name("rclone")
    found = str(beside) if beside.exists() else shutil.which("rclone")
    if not found:
        raise Refusal(
            "There is no embedded object storage for this platform. Set AWS_ENDPOINT_URL_S3, AWS_S3_BUCKET, "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to an S3-compatible one."
        )
    return found


class Storage:
    """One S3 service over `VAR/s3`; a folder there is a bucket."""

    name = "storage"

    def __init__(self, var: Path, keys: Keys) -> None:
        self._binary, self._keys = _binary(), keys
        self.data = var.resolve() / "s3"
        self.port = Port()

    @property
    def url(self) -> str:
        """The endpoint, path style."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What the product needs to use it."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_S3_BUCKET": BUCKET,
            "AWS_ACCESS_KEY_ID": self._keys.s3_access_key,
            "AWS_SECRET_ACCESS_KEY": self._keys.s3_secret_key,
        }

    def prepare(self) -> None:
        """Make the bucket."""
        (self.data / BUCKET).mkdir(parents=True, exist_ok=True)

    def program(self) -> Program:
        """The keys go in by the environment: the arguments of a process are seen by everybody."""
        command = [self._binary, "serve", "s3", str(self.data), "--addr", f"{LOOPBACK}:{self.port}"]
        # Browsers put photos there themselves; the address of the page is not known to the storage.
        command += ["--allow-origin", "*", "--no-cleanup"]
        # A list in the style of CSV: the quotes keep the pair together.
        environment = {
            "RCLONE_AUTH_KEY": f'"{self._keys.s3_access_key},{self._keys.s3_secret_key}"',
            "RCLONE_CONFIG": "",
            "RCLONE_CACHE_DIR": str(self.data.parent / "s3-cache"),
        }
        return Program(self.name, tuple(command), environment, ready=self.ready, shown=False, stop_seconds=3)

    def ready(self) -> bool:
        """Whether it answers HTTP."""
        question = f"GET / HTTP/1.0\r\nHost: {LOOPBACK}\r\n\r\n".encode()
        return converse(self.port.number, question).startswith(b"HTTP/")

    def finish(self) -> None:
        """Nothing to set up: the bucket is a folder."""
