"""A door between the server and one of its parts, which a test can shut and open again."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class Door:
    """Forwards a loopback port to `upstream` while it is open."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self._upstream = upstream
        self._pairs: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def shut(self) -> None:
        """Refuse new connections, break the open ones."""
        with self._lock:
            for end in [self._listener, *self._pairs]:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._pairs.clear()

    def reopen(self) -> None:
        """As before, on the same port."""
        self._listener = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                inside, _ = listener.accept()
                outside = socket.create_connection(self._upstream)
            except OSError:
                return
            with self._lock:
                self._pairs += [inside, outside]
            for source, sink in ((inside, outside), (outside, inside)):
                threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def door(url: str) -> Iterator[tuple[Door, str]]:
    """A door before this address, and the address that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    made = Door((parts.hostname, parts.port))
    try:
        yield made, url.replace(f":{parts.port}", f":{made.port}", 1)
    finally:
        made.shut()
