"""Whether an address may be posted to: what it says, and where its name leads now. The worker that posts judges it again."""

import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong

from core.rules import webhook
from core.settings import load
from server.errors import at

PATIENCE = 2.0  # seconds; a name that takes longer, or is not known yet, is judged when something is posted to it

_asking = ThreadPoolExecutor(4, thread_name_prefix="names")


def check(url: str, field: str) -> None:
    """Refuse an address that cannot be posted to, or leads into a network."""
    real = load().app_env != "development"
    with at(field):
        host, port = webhook.host_of(url, real=real)
        if real:
            webhook.check_addresses(_addresses(host, port), real=real)


def _addresses(host: str, port: int) -> set[str]:
    try:
        entries = _asking.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(PATIENCE)
    except (OSError, UnicodeError, TookTooLong):
        return set()
    return {str(entry[4][0]) for entry in entries}
