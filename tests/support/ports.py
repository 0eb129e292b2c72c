"""Ports for processes that must know theirs before they start, or keep them over a restart.

A port that is only remembered while nobody listens on it is soon somebody else's: the system gives it to
an outgoing connection or to another test's server, and the node can't come back. So a port that is given
here is held until the test's process ends, by a socket bound to it that never listens. Servers share it,
as they set SO_REUSEADDR; the system gives it to nobody.
"""
import atexit
import socket

_held = []


def free_port(host="127.0.0.1"):
    """A port of this host on which nobody listens, and which nobody else gets while this process lives."""
    holder = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((host, 0))
    except OSError:
        holder.close()
        raise
    _held.append(holder)
    return holder.getsockname()[1]


@atexit.register
def _release():
    for holder in _held:
        holder.close()
