"""A WebSocket client as plain as can be: a blocking socket, and frames as a test wants them, right or
wrong (RFC 6455). What doesn't come in time fails the test."""
import base64
import hashlib
import json
import os
import socket
import struct

DEADLINE_S = float(os.environ.get("SHOAL_TEST_DEADLINE", "60"))
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\x37\xfa\x21\x3d", length=None):
    """A client's frame. `mask` None: unmasked. `length`: claimed, in 8 bytes."""
    if isinstance(payload, str):
        payload = payload.encode()
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    flag = 0x80 if mask is not None else 0
    if length is not None:
        head += bytes([flag | 127]) + struct.pack(">Q", length)
    elif len(payload) < 126:
        head += bytes([flag | len(payload)])
    elif len(payload) < 65536:
        head += bytes([flag | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", len(payload))
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class Refused(Exception):
    """The handshake was answered by something else: status, fields (lower case), body."""

    def __init__(self, status, fields, body):
        super().__init__(f"{status} {body!r}")
        self.status = status
        self.fields = fields
        self.body = body


class WebSocket:
    """Connected when made, or Refused."""

    def __init__(self, port, path="/wal", host="127.0.0.1", fields=None, version="13",
                 key=None, early=b"", receive_buffer=None, open_s=DEADLINE_S):
        self.rest = b""
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(open_s)
        self.socket.connect((host, port))
        key = key if key is not None else base64.b64encode(os.urandom(16)).decode()
        lines = {
            "Host": f"{host}:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": version,
            "Sec-WebSocket-Key": key,
            **(fields or {}),
        }
        head = f"GET {path} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
        self.socket.sendall(head.encode() + b"\r\n" + early)
        try:
            self._take_answer(key)
        except BaseException:
            self.socket.close()
            raise

    def _take_answer(self, key):
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        status = int(lines[0].split()[1])
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name = name.lower()
            value = value.strip()
            self.fields[name] = f"{self.fields[name]}, {value}" if name in self.fields else value
        if status != 101:
            while len(self.rest) < int(self.fields.get("content-length", 0)):
                self._more()
            raise Refused(status, self.fields, self.rest)
        proof = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        assert self.fields["sec-websocket-accept"] == base64.b64encode(proof).decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the other side has closed the connection")
        self.rest += data

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """The next frame: its opcode and payload. EOFError when there is none any more."""
        while True:
            if len(self.rest) >= 2:
                length, start = self.rest[1], 2
                assert length & 0x80 == 0, "a server's frame is masked"
                assert self.rest[0] & 0x70 == 0, "reserved bits are set"
                assert self.rest[0] & 0x80, "a server's message is in fragments"
                if length == 126 and len(self.rest) >= 4:
                    length, start = struct.unpack(">H", self.rest[2:4])[0], 4
                elif length == 127 and len(self.rest) >= 10:
                    length, start = struct.unpack(">Q", self.rest[2:10])[0], 10
                elif length >= 126:
                    length = 1 << 62
                if len(self.rest) >= start + length:
                    opcode, payload = self.rest[0] & 15, self.rest[start:start + length]
                    self.rest = self.rest[start + length:]
                    return opcode, payload
            self._more()

    def next(self, *ops):
        """The next event, as a dict; pings are answered. Of these ops only, if any are given;
        heartbeats only if asked for."""
        while True:
            opcode, payload = self.receive()
            if opcode == PING:
                self.send(frame(PONG, payload))
            elif opcode == CLOSE:
                raise EOFError(f"closed: {payload!r}")
            elif opcode == TEXT:
                event = json.loads(payload)
                if event["op"] in ops or (not ops and event["op"] != "heartbeat"):
                    return event

    def expect_close(self, code):
        """Events and pongs may come before it; nothing comes behind it. Its reason."""
        while True:
            opcode, payload = self.receive()
            if opcode == CLOSE:
                break
        found = struct.unpack(">H", payload[:2])[0] if payload else None
        assert found == code, f"closed with {found} {payload[2:]!r} instead of {code}"
        self.send(frame(CLOSE, payload[:2]))
        try:
            while True:
                self.receive()
        except (EOFError, ConnectionError):
            return payload[2:].decode()
