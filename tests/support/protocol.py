"""The native protocol by hand, from docs/protocol.md alone: frames of msgpack over a socket, right or
wrong in whatever way a test wants them."""
import socket
import struct

import msgpack

HELLO, HELLO_REPLY, PING, PONG, REQUEST, RESULT, LIST, LIST_REPLY = range(1, 9)
STATUS, STATUS_REPLY, RING, RING_REPLY, JOIN = range(9, 14)
FETCH, FETCHED = 35, 36
PUT, GET, DELETE, ADD, EXPIRE, PUT_UNTIL = range(6)

# Codes as they travel: the magnitudes of include/shoal/error.h.
ENOTFOUND, EINVAL, ETOOBIG, EPROTO, EVERSION, ECONTEXT, EPERM, EUNSUPPORTED = range(1, 9)
EQUORUM, EOVERLOAD, ETIMEOUT = 21, 22, 23
ECLUSTER = 40

RECEIVE_S = 60


def frame(*fields):
    """One message as bytes."""
    payload = msgpack.packb(list(fields), use_bin_type=True)
    return struct.pack(">I", len(payload)) + payload


def hello(number=1, versions=(1, 1), role=0, cluster=0, node=0):
    return frame(HELLO, number, "shoal", *versions, 0, role, cluster, node, 0, "test", None)


def put(number, key, value, context=None, ttl_ms=0, options=None):
    return frame(REQUEST, number, PUT, key, value, context, ttl_ms, options)


def get(number, key, options=None):
    return frame(REQUEST, number, GET, key, None, None, 0, options)


def add(number, key, delta, options=None):
    return frame(REQUEST, number, ADD, key, None, None, delta, options)


def expire(number, key, expiry_ms, options=None):
    return frame(REQUEST, number, EXPIRE, key, None, None, expiry_ms, options)


def delete(number, key, context=None, options=None):
    return frame(REQUEST, number, DELETE, key, None, context, 0, options)


class Connection:
    """A socket to a node. `greet` says hello and takes the answer first."""

    def __init__(self, port, greet=True, host="127.0.0.1", timeout_s=RECEIVE_S):
        self.socket = socket.create_connection((host, int(port)), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        if greet:
            self.send(hello())
            self.welcome = self.receive()
            assert self.welcome[0] == HELLO_REPLY, self.welcome

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def receive(self):
        """The next message as a list, or None when the node has closed the connection."""
        while True:
            if len(self.rest) >= 4:
                end = 4 + struct.unpack(">I", self.rest[:4])[0]
                if len(self.rest) >= end:
                    payload, self.rest = self.rest[4:end], self.rest[end:]
                    return msgpack.unpackb(payload, raw=False, strict_map_key=False)
            try:
                more = self.socket.recv(1 << 20)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.rest += more

    def ask(self, message):
        self.send(message)
        return self.receive()

    def closed(self):
        return self.receive() is None

    def end_input(self):
        self.socket.shutdown(socket.SHUT_WR)
