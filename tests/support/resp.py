"""Redis's protocol by hand: requests as raw bytes, replies read strictly and told apart to the last type,
so that a null bulk is not a null array and +1 is not :1. Versions 2 and 3.

A reply is a tuple (type, content): the type is its first byte as a str, but nulls of RESP2 are told by
'$-' and '*-'. Simple strings, errors, bulks, doubles: bytes. Integers: int. Arrays, sets, pushes: a
tuple of replies. Maps: a tuple of pairs. Verbatim: its bytes with their format.
"""
import socket

RECEIVE_S = 60

OK = ("+", b"OK")
QUEUED = ("+", b"QUEUED")
NIL = ("$-", None)
NIL_ARRAY = ("*-", None)


class Malformed(Exception):
    """What was read is no reply."""


def to_bytes(argument):
    if isinstance(argument, bytes):
        return argument
    return str(argument).encode()


def command(*arguments):
    """A request as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in map(to_bytes, arguments):
        parts.append(b"$%d\r\n%s\r\n" % (len(argument), argument))
    return b"".join(parts)


def plain(reply):
    """The reply as Python has it, for tests that don't care for types."""
    kind, content = reply
    if kind in "*~>":
        return [plain(item) for item in content]
    if kind == "%":
        return {plain(name): plain(value) for name, value in content}
    if kind == "-":
        return content.decode(errors="replace")
    return content


class Reader:
    """Replies out of a stream of bytes."""

    def __init__(self, more):
        self._more = more  # () -> bytes, b"" at the end
        self._rest = b""
        self._at = 0

    def _need(self, count):
        while len(self._rest) - self._at < count:
            some = self._more()
            if not some:
                raise EOFError
            self._rest = self._rest[self._at:] + some
            self._at = 0

    def _line(self):
        while True:
            end = self._rest.find(b"\n", self._at)
            if end >= 0:
                break
            self._need(len(self._rest) - self._at + 1)
        line = self._rest[self._at:end + 1]
        if not line.endswith(b"\r\n"):
            raise Malformed(f"a line without CRLF: {line!r}")
        self._at = end + 1
        return line[:-2]

    def _bytes(self, count):
        self._need(count + 2)
        some = self._rest[self._at:self._at + count]
        if self._rest[self._at + count:self._at + count + 2] != b"\r\n":
            raise Malformed(f"no CRLF after {some[:80]!r}")
        self._at += count + 2
        return some

    @staticmethod
    def _number(line):
        digits = line[1:] if line.startswith(b"-") else line
        if not digits.isdigit() or (len(digits) > 1 and digits.startswith(b"0")):
            raise Malformed(f"not a number: {line!r}")
        return int(line)

    def read(self):
        """The next reply. EOFError: the stream has ended."""
        line = self._line()
        kind, rest = line[:1].decode("latin-1"), line[1:]
        if kind in "+-,(":
            if kind == ",":
                float(rest)
            return kind, rest
        if kind == ":":
            return kind, self._number(rest)
        if kind == "_":
            if rest:
                raise Malformed(f"null with {rest!r}")
            return kind, None
        if kind == "#":
            if rest not in (b"t", b"f"):
                raise Malformed(f"boolean {rest!r}")
            return kind, rest == b"t"
        if kind not in "$=!*~>%":
            raise Malformed(f"no type of reply: {line!r}")
        count = self._number(rest)
        if count == -1 and kind in "$*":
            return kind + "-", None
        if count < 0:
            raise Malformed(f"a length of {count}")
        if kind in "$=!":
            return kind, self._bytes(count)
        if kind == "%":
            return kind, tuple((self.read(), self.read()) for _ in range(count))
        return kind, tuple(self.read() for _ in range(count))

    def rest(self):
        """Bytes received and not read yet."""
        return self._rest[self._at:]


class Connection:
    """A socket to a Redis port, (host, port) or the path of a Unix socket."""

    def __init__(self, address, receive_s=RECEIVE_S):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(receive_s)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout=receive_s)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self._receive)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def _receive(self):
        try:
            return self.socket.recv(1 << 18)
        except (ConnectionResetError, BrokenPipeError):
            return b""

    def send(self, *pieces):
        self.socket.sendall(b"".join(pieces))

    def end_input(self):
        self.socket.shutdown(socket.SHUT_WR)

    def receive(self):
        return self.reader.read()

    def ask(self, *arguments):
        """The reply to one command, with its types."""
        self.send(command(*arguments))
        return self.receive()

    def call(self, *arguments):
        """The reply to one command, plain."""
        return plain(self.ask(*arguments))

    def pipeline(self, commands):
        """The replies to many commands sent at once."""
        self.send(*(command(*arguments) for arguments in commands))
        return [self.receive() for _ in commands]

    def closed(self):
        """True once the other side has closed, whatever it still sent."""
        try:
            while True:
                self.receive()
        except EOFError:
            return True
