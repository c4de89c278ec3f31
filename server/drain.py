"""How a server leaves without failing a call: no new connection, and those there are grow old, before anything is closed.

gRPC cancels whatever arrives after its stop has begun and before the caller has read GOAWAY: one or two calls a stop where
the front door goes on sending (nginx asks nobody's health). A connection that reaches its age is told GOAWAY while it is
still served, so at the end of the drain there is none left on which something could arrive.
"""

import os
import socket

OLD_SECONDS = 600.0  # a connection's life where nobody drains: balancers in front of the server spread what is opened anew
_PART = 0.4  # of the drain; gRPC adds or takes a tenth, so all have ended well within the second half


def age(drain_seconds: float) -> float:
    """Seconds a connection lives: shorter than half a drain."""
    return min(OLD_SECONDS, drain_seconds * _PART) if drain_seconds else OLD_SECONDS


def close_doors(port: int) -> int:
    """Take no new connection on this port; gRPC has no word for it. How many sockets of this process listened."""
    closed = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            listening = socket.socket(fileno=os.dup(int(name)))
        except OSError:  # gone meanwhile, or no socket
            continue
        with listening:
            if listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and _port(listening) == port:
                listening.shutdown(socket.SHUT_RDWR)
                closed += 1
    return closed


def _port(listening: socket.socket) -> int:
    if listening.family not in (socket.AF_INET, socket.AF_INET6):
        return 0
    return int(listening.getsockname()[1])
