"""Loopback ports from the kernel, kept reserved until their server listens on them."""

import socket
import sys

from deploy.local.refusal import Refusal

LOOPBACK = "127.0.0.1"


class Port:
    """One port number that nobody else is given while this object lives."""

    def __init__(self, wanted: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((LOOPBACK, wanted))
        except OSError:
            self._socket.close()
            raise Refusal(f"Port {wanted} is in use by another program. Stop it, or choose another port.") from None
        self.number: int = self._socket.getsockname()[1]
        # On Linux a bound socket that does not listen keeps the number ours and lets the server bind it as well.
        if not sys.platform.startswith("linux"):
            self._socket.close()

    def __str__(self) -> str:
        return str(self.number)

    def release(self) -> None:
        """Give the number back to the kernel."""
        self._socket.close()


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
