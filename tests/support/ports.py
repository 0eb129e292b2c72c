"""Ports for processes that must know theirs before they start, or keep them over a restart.

They are taken from below those that the system gives to outgoing connections: a node that is down keeps
its ports in mind, and a client's connection must not sit there when it comes back. None is given twice by
one test, also while nobody listens on it yet.
"""
import random
import socket

PORT_MIN, PORT_MAX = 12000, 32000

_given = set()
_random = random.SystemRandom()


def free_port(host="127.0.0.1"):
    """A port of this host on which nobody listens, and which was never given before."""
    while True:
        port = _random.randrange(PORT_MIN, PORT_MAX)
        if port in _given:
            continue
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        _given.add(port)
        return port
