"""HTTP/1.1 by hand, for tests that send what no client library would: bytes go out as they are, answers are taken
apart strictly, and whatever a server must not send is an error."""
import re
import socket

TIMEOUT_S = 60
TOKEN = re.compile(rb"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
STATUS_LINE = re.compile(rb"^HTTP/1\.1 ([1-5][0-9][0-9]) [ -~]+$")


class Broken(Exception):
    """The server has sent what is no answer, or only part of one."""


class Answer:
    """A whole answer; names of fields are lower case."""

    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields
        self.body = body

    def __getitem__(self, name):
        values = self.all(name)
        return None if not values else ", ".join(values)

    def all(self, name):
        return [value for known, value in self.fields if known == name.lower()]

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:200]!r}"


def request(method, target, fields=(), body=None, version="1.1", host="shoal"):
    """A request as it should be, as bytes."""
    lines = [f"{method} {target} HTTP/{version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def chunked(*pieces):
    """A body in chunks, with its end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class Connection:
    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def close(self):
        self.socket.close()

    def send(self, *parts):
        self.socket.sendall(b"".join(parts))

    def end(self):
        """No more will be sent; what comes is still read."""
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self):
        data = self.socket.recv(1 << 18)
        self.buffer += data
        return bool(data)

    def _take(self, count):
        while len(self.buffer) < count:
            if not self._more():
                raise Broken(f"ended within a body: {self.buffer[-100:]!r}")
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _take_line(self):
        while b"\r\n" not in self.buffer:
            if not self._more():
                raise Broken(f"ended within a line: {self.buffer[:100]!r}")
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _take_fields(self):
        fields = []
        while line := self._take_line():
            name, colon, value = line.partition(b":")
            if not colon or not TOKEN.match(name) or value[:1] != b" ":
                raise Broken(f"no field: {line!r}")
            fields.append((name.decode().lower(), value.strip().decode("latin-1")))
        return fields

    def _take_chunks(self):
        pieces = []
        while size := int(self._take_line(), 16):
            pieces.append(self._take(size))
            if self._take(2) != b"\r\n":
                raise Broken("a chunk without an end")
        if self._take_line():
            raise Broken("no end behind the last chunk")
        return b"".join(pieces)

    def _take_rest(self):
        while self._more():
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def receive(self, head=False):
        """The next answer; `head`: to a HEAD. 100 Continue is one of its own."""
        line = STATUS_LINE.match(self._take_line())
        if line is None:
            raise Broken("no status line")
        status = int(line.group(1))
        fields = self._take_fields()
        answer = Answer(status, fields, b"")
        length, coding = answer.all("content-length"), answer.all("transfer-encoding")
        if len(length) + len(coding) > 1:
            raise Broken(f"its length is not clear: {answer}")
        if status < 200 or status == 204:
            if length or coding:
                raise Broken(f"a length where there is no body: {answer}")
        elif head or status == 304:
            pass
        elif coding:
            answer.body = self._take_chunks()
        elif length:
            answer.body = self._take(int(length[0]))
        else:
            answer.body = self._take_rest()
        return answer

    def call(self, method, target, fields=(), body=None, **options):
        self.send(request(method, target, fields, body, **options))
        return self.receive(head=method == "HEAD")

    def closed(self):
        """The server has ended the connection, and nothing came before that."""
        try:
            return self.buffer == b"" and not self._more()
        except ConnectionResetError:
            return True
