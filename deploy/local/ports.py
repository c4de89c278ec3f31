"""Loopback ports from the kernel, kept reserved until their server listens on them."""

import socket
import sys

from deploy.local.refusal import Refusal

LOOPBACK = "127.0.0.1"


class Port:
    """One port number that nobody else is given while this object lives."""

    def __init__(self, wanted: int = 0) -> None:
        if wanted:
            # Without SO_REUSEPORT: with it, a second server would join the first one silently.
            _bound(wanted, socket.SO_REUSEADDR).close()
        self._socket = _bound(wanted, socket.SO_REUSEADDR, socket.SO_REUSEPORT)
        self.number: int = self._socket.getsockname()[1]
        # On Linux a bound socket that does not listen keeps the number ours and lets the server bind it as well,
        # whichever of the two options the server uses.
        if not sys.platform.startswith("linux"):
            self._socket.close()

    def __str__(self) -> str:
        return str(self.number)

    def release(self) -> None:
        """Give the number back to the kernel."""
        self._socket.close()


def _bound(number: int, *options: int) -> socket.socket:
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    for option in options:
        holder.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        holder.bind((LOOPBACK, number))
    except OSError:
        holder.close()
        raise Refusal(f"Port {number} is in use by another program. Stop it, or choose another port.") from None
    return holder


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def converse(port: int, question: bytes, timeout: float = 2) -> bytes:
    """Send a few bytes and return the first bytes of the answer; empty when nobody answers."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout) as connection:
            connection.sendall(question)
            return connection.recv(1024)
    except OSError:
        return b""
