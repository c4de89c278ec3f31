"""The fast loopback provider of the benchmark: just enough of Aligo's sends, on a raw socket protocol, in its own process.

`python -m tests.bench.provider PORT LATENCY_MS`. It keeps the bodies and looks into them only when asked what it has seen,
so that its book-keeping costs the measured time next to nothing.
"""

import asyncio
import json
import re
import sys
import time
from typing import cast

import uvloop

_RECEIVERS = re.compile(rb'name="rec_\d+"\r\n\r\n(\d+)')
_MSG_TYPE = re.compile(rb'name="msg_type"\r\n\r\n(\w+)')
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: "


class Book:
    """Every body since the last reset."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.bodies: list[bytes] = []
        self.calls = 0  # never reset: a reference is never given twice
        self.singles: dict[str, float] = {}  # when the receiver of a call to one came in

    def answer(self, path: bytes, body: bytes) -> bytes:
        """Accept a send; tell and forget on the paths of the benchmark itself."""
        if path == b"/send_mass/":
            self.bodies.append(body)
            self.calls += 1
            count = body.count(b'name="rec_')
            kind = _MSG_TYPE.search(body)
            if count == 1 and (number := _RECEIVERS.search(body)):
                self.singles[number[1].decode()] = time.time()
            return b'{"result_code":"1","message":"","msg_id":"%d","success_cnt":%d,"error_cnt":0,"msg_type":"%s"}' % (
                self.calls,
                count,
                kind[1] if kind else b"SMS",
            )
        if path == b"/seen":
            return json.dumps(self.seen()).encode()
        if path == b"/singles":
            return json.dumps(self.singles).encode()
        if path == b"/reset":
            self.bodies.clear()
            self.singles.clear()
        return b"{}"

    def seen(self) -> dict[str, int]:
        """Calls, messages, and how many different receivers they had."""
        receivers = [number for body in self.bodies for number in _RECEIVERS.findall(body)]
        return {"calls": len(self.bodies), "messages": len(receivers), "different": len(set(receivers))}


class Connection(asyncio.Protocol):
    """One keep-alive connection: requests one after another, Content-Length only."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._buffer = bytearray()
        self._needed = 0
        self._path, self._start = b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._needed:
            self._read_head()
        if self._needed and len(self._buffer) >= self._needed:
            body = bytes(memoryview(self._buffer)[self._start : self._needed])
            self._buffer, self._needed = self._buffer[self._needed :], 0
            self._reply(self._book.answer(self._path, body), send=self._path == b"/send_mass/")

    def _read_head(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        self._path = head.split(b" ", 2)[1]
        self._start = end + 4
        self._needed = self._start + (int(length[1]) if length else 0)

    def _reply(self, body: bytes, *, send: bool) -> None:
        answer = _HEAD + str(len(body)).encode() + b"\r\n\r\n" + body
        if send and self._book.latency:
            asyncio.get_running_loop().call_later(self._book.latency, self._transport.write, answer)
        else:
            self._transport.write(answer)


async def serve(port: int, latency: float) -> None:
    """Until killed."""
    book = Book(latency)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(book), "127.0.0.1", port, reuse_port=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
