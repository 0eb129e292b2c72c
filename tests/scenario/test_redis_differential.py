#!/usr/bin/python3
"""Redis itself as the specification: the same bytes go to Debian's redis-server and to standalone nodes,
with one worker and with three, in memory and in the log, and the replies must be equal, to the type and
to the last letter of an error. The stories are Hypothesis's (tests/support/redis_grammar.py).

Replies that may differ, and how far, stand in `agree` and `_forgiven`. SHOAL_REDIS_EXAMPLES asks for
more stories, for a night; SHOAL_TEST_SEED repeats the fresh ones of a run. A story that once failed stays, in KEPT.
"""
import os
import random
import sys
import unittest

from hypothesis import HealthCheck, given, seed, settings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import redis_grammar as grammar  # noqa: E402
import resp  # noqa: E402
import redis_peer  # noqa: E402

FIXED = 400
FRESH = int(os.environ.get("SHOAL_REDIS_EXAMPLES", "150"))
SEED = int(os.environ.get("SHOAL_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
CLOSED = ("closed", None)
ASIDE = 9  # the number of a connection that no story uses
SKEW_MS = 30000  # between the two servers' runs of a command, on a busy machine
SCANS_MAX = 500  # calls until a cursor must have come back to 0

STANDALONE = {"quorum": {"n": 1, "r": 1, "w": 1}}
NODES = {
    "memory, 1 worker": {"workers": 1},
    "memory, 3 workers": {"workers": 3},
    "log, 2 workers": {"workers": 2, "storage": {"engine": "log", "durability": "os"}},
}

PROFILE = settings(
    deadline=None,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)


def quoted(argument):
    """An argument as typed into an inline command."""
    if argument and all(33 <= byte < 127 and byte not in b"\"'\\" for byte in argument):
        return argument
    return b'"' + b"".join(
        bytes([byte]) if 32 <= byte < 127 and byte not in b'"\\' else b"\\x%02x" % byte
        for byte in argument
    ) + b'"'


def encoded(inline, parts):
    if inline and not parts[0].startswith(b"*"):
        return b" ".join(map(quoted, parts)) + b"\r\n"
    return resp.command(*parts)


class Server:
    """One of those compared, with up to two connections."""

    def __init__(self, name, address):
        self.name = name
        self._address = address
        self._connections = {}

    def begin(self):
        self.end()
        with resp.Connection(self._address) as connection:
            assert connection.call("FLUSHALL") == b"OK"

    def end(self):
        for connection in self._connections.values():
            connection.close()
        self._connections = {}

    def send(self, number, data):
        if number not in self._connections:
            self._connections[number] = resp.Connection(self._address)
        try:
            self._connections[number].send(data)
        except OSError:
            pass  # it has been closed, which its reply says

    def receive(self, number):
        try:
            return self._connections[number].receive()
        except EOFError:
            return CLOSED

    def scan(self, number, parts):
        """All that a whole iteration gives, in some order; or the error."""
        found, cursor = set(), b"0"
        for _ in range(SCANS_MAX):
            self.send(number, resp.command(parts[0], cursor, *parts[2:]))
            reply = self.receive(number)
            if reply[0] != "*" or len(reply[1]) != 2:
                return reply
            cursor = reply[1][0][1]
            found.update(reply[1][1][1])
            if cursor == b"0":
                return "scanned", tuple(sorted(found))
        raise AssertionError(f"{self.name}: a cursor that never ends: {parts}")

    def rest(self, data):
        """All bytes that come for these on a new connection whose input then ends."""
        with resp.Connection(self._address) as connection:
            connection.send(data)
            connection.end_input()
            parts = []
            while True:
                some = connection.socket.recv(65536)
                if not some:
                    return b"".join(parts)
                parts.append(some)


def near(theirs, ours, tolerance):
    if theirs[0] != ":" or ours[0] != ":" or theirs[1] < 0 or ours[1] < 0:
        return theirs == ours
    return abs(theirs[1] - ours[1]) <= tolerance


def agree(parts, theirs, ours):
    """Whether these replies to one command are as good as equal."""
    name = parts[0].lower()
    if theirs[0] == "-" or ours[0] == "-" or CLOSED in (theirs, ours):
        return theirs == ours
    if name in (b"ttl", b"expiretime"):
        return near(theirs, ours, SKEW_MS // 1000)
    if name in (b"pttl", b"pexpiretime"):
        return near(theirs, ours, SKEW_MS)
    if name == b"keys" and theirs[0] == "*" and ours[0] == "*":
        return sorted(theirs[1]) == sorted(ours[1])
    if name in (b"scan", b"time") and theirs[0] == "*" and ours[0] == "*":
        return [item[0] for item in theirs[1]] == [item[0] for item in ours[1]]
    if name == b"dbsize" and theirs[0] == ours[0] == ":":  # what has expired and is not removed yet counts there
        return theirs[1] >= ours[1]
    if name == b"randomkey" or (name == b"client" and parts[1].lower() == b"id"):
        return theirs[0] == ours[0]
    if name == b"command" and (len(parts) <= 2 or parts[1].lower() in (b"count", b"list", b"docs")):
        return theirs[0] == ours[0]
    if name == b"config" and b"*" in parts:
        return theirs[0] == ours[0]
    if name == b"object":  # how it is kept depends on how it came about, there
        return theirs[0] == ours[0]
    if name == b"slowlog":  # what was slow there need not be slow here
        return theirs[0] == ours[0]
    if name == b"hello":
        return greeting(theirs) == greeting(ours)
    return theirs == ours


def greeting(reply):
    """HELLO's reply without what names one server."""
    names = {b"server", b"version", b"id"}
    if reply[0] == "%":
        pairs = reply[1]
    elif reply[0] == "*":
        pairs = list(zip(reply[1][::2], reply[1][1::2]))
    else:
        return reply
    return reply[0], [(key, value[0] if key[1] in names else value) for key, value in pairs]


class Comparison:
    """Plays stories against the peer and the nodes."""

    def __init__(self, peer, nodes):
        self.peer = peer
        self.nodes = nodes
        self.servers = [peer, *nodes]
        self._queued = {}  # what a transaction under way holds, by connection
        self._absent = set()  # connections that watch a key which was not there

    def play(self, story):
        self._queued = {}
        self._absent = set()
        for server in self.servers:
            server.begin()
        over = set()
        for number, inline, parts in story:
            if number in over:
                continue
            if parts[0].lower() == b"watch" and number not in self._queued:
                self._look_at(number, parts[1:])
            if inline is None:
                replies = self._scan(number, parts)
            else:
                data = encoded(inline, parts)
                for server in self.servers:
                    server.send(number, data)
                replies = [server.receive(number) for server in self.servers]
            if self._forgiven(number, parts, replies):
                break
            self._judge(story, number, parts, replies)
            if replies[0] == CLOSED:
                over.add(number)
        for server in self.servers:
            server.end()

    def _scan(self, number, parts):
        if number in self._queued:  # it is queued, and one call is all there is
            for server in self.servers:
                server.send(number, resp.command(*parts))
            return [server.receive(number) for server in self.servers]
        return [server.scan(number, parts) for server in self.servers]

    def _look_at(self, number, keys):
        self.peer.send(ASIDE, b"".join(resp.command("EXISTS", key) for key in keys))
        if (":", 0) in [self.peer.receive(ASIDE) for _ in keys]:
            self._absent.add(number)

    def _forgiven(self, number, parts, replies):
        """A watched key that was not there, came and went again: Redis calls it touched, to Shoal all is as it
        was (no order of the transactions can tell). The servers' data differ from here on."""
        return (parts[0].lower() == b"exec" and number in self._absent and replies[0] == resp.NIL_ARRAY
                and any(reply != resp.NIL_ARRAY for reply in replies))

    def _judge(self, story, number, parts, replies):
        theirs = replies[0]
        for server, ours in zip(self.nodes, replies[1:]):
            if not self._agree(number, parts, theirs, ours):
                raise AssertionError(
                    f"{server.name}: to {parts!r} on connection {number}\n"
                    f"  Redis says {theirs!r:.2000}\n  Shoal says {ours!r:.2000}\n"
                    f"in the story {story!r:.8000}"
                )
        self._follow(number, parts, theirs)

    def _agree(self, number, parts, theirs, ours):
        if theirs[0] == "scanned" or ours[0] == "scanned":
            return theirs == ours
        queued = self._queued.get(number)
        if parts[0].lower() != b"exec" or queued is None or theirs[0] != "*" or ours[0] != "*":
            return agree(parts, theirs, ours)
        return len(theirs[1]) == len(ours[1]) and all(map(agree, queued, theirs[1], ours[1]))

    def _follow(self, number, parts, reply):
        name = parts[0].lower()
        if name == b"multi" and reply == resp.OK:
            self._queued[number] = []
        elif reply == resp.QUEUED:
            self._queued[number].append(parts)
        elif name in (b"exec", b"discard", b"reset", b"unwatch") and len(parts) == 1:
            self._absent.discard(number)
            if name != b"unwatch":
                self._queued.pop(number, None)

    def tell(self, data):
        """Bytes of any kind, then the end of input: everything that comes back is equal."""
        for server in self.servers:
            server.begin()
        theirs = self.peer.rest(data)
        for server in self.nodes:
            ours = server.rest(data)
            if ours != theirs:
                raise AssertionError(
                    f"{server.name}: to the bytes {data!r}\n"
                    f"  Redis says {theirs!r}\n  Shoal says {ours!r}"
                )


def one(*commands):
    """A story of one connection."""
    return [(0, False, command) for command in commands]


# Stories that failed once, by what they are about.
KEPT = {
    "EXEC with an argument": one(
        (b"EXEC", b"x"), (b"MULTI",), (b"PING",), (b"EXEC", b"x"), (b"EXEC",), (b"EXEC",)),
    "SLOWLOG GET of odd counts": one(
        *((b"SLOWLOG", b"GET", count) for count in (b"", b"-2", b"x", b"-1")), (b"SLOWLOG", b"GET", b"0", b"")),
    "HELLO that fails in a transaction": one(
        *(part for hello in (("3", "SETNAME", "a b"), ("3", "AUTH", "x", "y"), ("3", "SETNAME"), ("4",), ("03",), ("3",))
          for part in ((b"MULTI",), (b"HELLO", *(word.encode() for word in hello)), (b"GET", b"k1"), (b"EXEC",),
                       (b"HELLO", b"2")))),
    "FUNCTION FLUSH with too many arguments": one((b"FUNCTION", b"flush", b"ASYNC", b"")),
    "a watched key whose deletion is being forgotten": one(*(
        (b"SET", b"k1", b"x"), (b"DEL", b"k1"), (b"WATCH", b"k1"), (b"MULTI",), (b"TOUCH", b"k1"), (b"EXEC",)) * 50),
}

# Bytes that are no request, or barely one; what follows an error of the protocol is not looked at.
RAW = [
    b"\r\n", b"\n", b"   \r\n", b"PING\n", b"ping\r\n\r\nping\r\n", b"*0\r\n*1\r\n$4\r\nPING\r\n",
    b"*-1\r\nPING\r\n", b"*-5\r\n", b"*\r\nPING\r\n", b"*a\r\nPING\r\n", b"*1\r\nPING\r\n",
    b"*1\r\n+PING\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$a\r\n", b"*1\r\n$\r\n", b"*1\r\n$999999999999\r\n",
    b"*2147483648\r\n", b"*99999999999999999999\r\n", b"*1\r\n$04\r\nPING\r\n",
    b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", b"*1\r\n$4\nPING\r\n", b"*1\n$4\r\nPING\r\n",
    b"*2\r\n$3\r\nGET\r\n", b"*2\r\n$3\r\nGET\r\n$1\r\n", b"*2\r\n$3\r\nGET\r\n$100\r\nk\r\n",
    b"SET k \"a b\"\r\nGET k\r\n", b"SET k 'a\\'b'\r\nGET k\r\n", b'SET k "a\\x41\\n\\q"\r\nGET k\r\n',
    b'SET k "a\r\nPING\r\n', b"SET k 'a\r\nPING\r\n", b'SET k "a"b\r\nPING\r\n', b"SET k a\"b\"\r\nGET k\r\n",
    b'"PING"\r\n', b'""\r\nPING\r\n', b'PING ""\r\n', b"PING\t x\r\n",
    b"GET\r\n" * 20, b"$4\r\nPING\r\n", b"+OK\r\n", b":1\r\n", b"-ERR\r\n", b"GET / HTTP/1.1\r\nx: y\r\n\r\n",
    b"POST / HTTP/1.1\r\n\r\n", b"Host: x\r\nPING\r\n", b"QUIT\r\nPING\r\n", b"quit now\r\nPING\r\n",
    b"CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nPING\r\n", b"CLIENT REPLY SKIP\r\nPING\r\nPING\r\n",
    b"CLIENT REPLY foo\r\nCLIENT REPLY\r\n", b"CLIENT REPLY OFF\r\nPING\r\nRESET\r\nPING\r\n",
    b"MULTI\r\nSET k 1\r\nQUIT\r\n",
    b"CLIENT REPLY SKIP\r\nMULTI\r\nPING\r\nEXEC\r\n",
    b"MULTI\r\nQUIT\r\nPING\r\n", b"MULTI\r\nRESET\r\nEXEC\r\n", b"SELECT 0\r\nSELECT 1\r\nselect\r\n",
    b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$0\r\n\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n",
]


class Differential(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        missing = redis_peer.reason_against()
        if missing is not None:
            print(f"SKIPPED: nothing to compare with: {missing}", flush=True)
            raise unittest.SkipTest(missing)
        cls.peer = redis_peer.RedisPeer("--databases", "1").__enter__()
        cls.addClassCleanup(cls.peer.__exit__)
        nodes = []
        for name, about in NODES.items():
            group = cluster.Cluster(1, **STANDALONE, **about)
            node = group.__enter__().nodes[0]
            cls.addClassCleanup(group.__exit__, None)
            cluster.wait_until(node.status, "the node has founded its cluster")
            nodes.append(Server(name, (node.host, node.redis_port)))
        cls.comparison = Comparison(Server("Redis", cls.peer.socket_path), nodes)

    def names(self, server):
        with resp.Connection(server._address) as connection:
            return {name for name in connection.call("COMMAND", "LIST") if b"|" not in name}

    def test_kept_stories(self):
        for name, story in KEPT.items():
            with self.subTest(name):
                self.comparison.play(story)

    def test_bytes_that_are_barely_requests(self):
        for data in RAW:
            with self.subTest(data):
                self.comparison.tell(data)

    def test_stories_that_are_always_the_same(self):
        settings(PROFILE, derandomize=True, max_examples=FIXED)(
            given(grammar.story)(lambda story: self.comparison.play(story))
        )()

    def test_fresh_stories(self):
        print(f"SHOAL_TEST_SEED={SEED} SHOAL_REDIS_EXAMPLES={FRESH}", flush=True)
        seed(SEED)(settings(PROFILE, max_examples=FRESH)(
            given(grammar.story)(lambda story: self.comparison.play(story))
        ))()

    def test_what_both_know_is_told_of_alike(self):
        """COMMAND INFO of what both have: arity, flags, where the keys are."""
        both = self.names(self.comparison.peer) & self.names(self.comparison.nodes[0])
        self.assertGreater(len(both), 60)
        told = []
        for server in (self.comparison.peer, self.comparison.nodes[0]):
            with resp.Connection(server._address) as connection:
                rows = connection.call("COMMAND", "INFO", *sorted(both))
            told.append({row[0]: [row[1], sorted(row[2]), *row[3:6]] for row in rows})
        for name in sorted(both):
            with self.subTest(name):
                self.assertEqual(told[1][name], told[0][name])

    def test_every_command_of_both_is_in_the_stories(self):
        both = self.names(self.comparison.peer) & self.names(self.comparison.nodes[0])
        self.assertEqual(sorted(both - grammar.NAMES), [])


if __name__ == "__main__":
    cluster.main()
