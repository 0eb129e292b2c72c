"""The live feed as its readers have it, over the WebSocket or the native protocol: events as dicts with op, key,
value, reason, missed, node, and the cursor as bytes; and what a cursor's bytes say, which is for tests only."""
import base64
import socket

import protocol
from websocket import DEADLINE_S, WebSocket

WATCH, WATCHED = 22, 23
OPS = {0: "heartbeat", 1: "put", 2: "delete", 3: "expire", 6: "gap", 7: "back", 8: "flush"}
REASONS = {1: "away", 2: "trimmed", 3: "lost", 4: "crashed", 5: "removed", 6: "dropped"}
READ_S = 0.05


class WalFeed:
    """Events of a WebSocket."""

    def __init__(self, node, prefix, cursor, open_s=DEADLINE_S):
        after = "" if cursor is None else "&after=" + base64.urlsafe_b64encode(
            cursor).decode().rstrip("=")
        self.ws = WebSocket(node.ports["http_port"], f"/wal?prefix={prefix}&heartbeat=100ms{after}", node.host,
                            open_s=open_s)
        self.ws.socket.settimeout(READ_S)
        self.socket = self.ws.socket

    def read(self):
        """The next events, maybe none; EOFError at the end."""
        try:
            event = self.ws.next(*OPS.values())
        except socket.timeout:
            return []
        if "cursor" in event:
            text = event["cursor"]
            event["cursor"] = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return [{"key": None, "value": None, "node": None, **event}]

    def close(self):
        self.ws.socket.close()


class NativeFeed:
    """Events of a WATCH."""

    def __init__(self, node, prefix, cursor, open_s=protocol.RECEIVE_S):
        self.connection = protocol.Connection(node.client_port, False, node.host)
        self.socket = self.connection.socket
        try:
            self.connection.socket.settimeout(open_s)
            self.connection.send(protocol.hello())
            welcome = self.connection.receive()
            if welcome is None:
                raise EOFError("ended while it was opened")
            assert welcome[0] == protocol.HELLO_REPLY, welcome
            self.connection.send(protocol.frame(WATCH, 7, prefix.encode(), 0, cursor, 100000))
            self.connection.socket.settimeout(READ_S)
        except BaseException:
            self.close()
            raise

    def read(self):
        try:
            message = self.connection.receive()
        except socket.timeout:
            return []
        if message is None:
            raise EOFError
        if message[0] != WATCHED:
            raise EOFError(f"{message}")
        return [{"op": OPS[event[0]], "cursor": event[2], "key": _text(event[3]), "value": _text(event[4]),
                 "reason": REASONS.get(event[7]), "missed": event[8] or None, "node": event[9]}
                for event in message[2]]

    def close(self):
        self.connection.socket.close()


def _text(data):
    return None if data is None else data.decode(errors="replace")


# ---- cursors ----

def _varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def places(cursor):
    """A cursor's bytes as {(node id, lane): (tag, position)}; opaque to all but tests."""
    assert cursor[0] == 1, cursor
    _, at = _varint(cursor, 1)  # what was known of the members: a stamp, and how many had gone
    _, at = _varint(cursor, at)
    nodes, at = _varint(cursor, at)
    found = {}
    for _ in range(nodes):
        node = int.from_bytes(cursor[at:at + 8], "little")
        lanes, at = _varint(cursor, at + 8)
        for lane in range(lanes):
            tag = int.from_bytes(cursor[at:at + 4], "little")
            position, at = _varint(cursor, at + 4)
            found[node, lane] = (tag, position)
    assert at + 4 == len(cursor), "a cursor of another form"
    return found
