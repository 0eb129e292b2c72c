"""The live feed of three nodes: changes made anywhere are seen anywhere, in any surface's words; who
goes away is told of; who comes back goes on where it was."""
import json
import os
import signal
import socket
import subprocess
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import openapi, protocol  # noqa: E402
from support.cluster import DEADLINE_S, Cluster, main, plain_environment, wait_until  # noqa: E402
from support.websocket import Refused, WebSocket  # noqa: E402


def wal(node, **query):
    """A reader at the node; bytes and str are percent-encoded."""
    text = urllib.parse.urlencode(query, quote_via=urllib.parse.quote)
    return WebSocket(node.ports["http_port"], f"/wal?{text}")


def keys_until(ws, key):
    """The keys of changes up to this one."""
    keys = []
    while key not in keys:
        event = ws.next("put", "delete", "expire")
        keys.append(event["key"])
    return keys


class Watching:
    """A running shoal watch; its lines come from its stdout."""

    def __init__(self, nodes, *arguments):
        hosts = ",".join(f"127.0.0.1:{node.client_port}" for node in nodes)
        self.process = subprocess.Popen(
            [os.environ["SHOAL_CLI"], "watch", "-H", hosts, *arguments], env=plain_environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def line(self):
        return self.process.stdout.readline().decode()

    def next(self, *ops):
        while True:
            event = json.loads(self.line())
            if not ops or event["op"] in ops:
                return event

    def interrupt(self):
        """Ctrl-C: its status and what it has said on stderr."""
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, err.decode()


def metric(node, name):
    with socket.create_connection(("127.0.0.1", node.ports["http_port"])) as plain:
        plain.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = b""
        while data := plain.recv(65536):
            text += data
    for line in text.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    raise AssertionError(f"there is no {name}")


class ThreeNodes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(3)
        cls.cluster.__enter__()
        cls.nodes = cls.cluster.nodes

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None)

    def put(self, node, key, value="v", *flags):
        self.assertEqual(node.shoal("put", key, value, *flags).status, 0)

    def test_changes_made_anywhere_are_seen_anywhere(self):
        readers = [wal(node, prefix="any/") for node in self.nodes]
        for node in self.nodes:
            self.put(node, f"any/{node.name}", f"by {node.name}")
        for ws in readers:
            events = {}
            while len(events) < 3:
                event = ws.next()
                events[event["key"]] = event
            for node in self.nodes:
                event = events[f"any/{node.name}"]
                self.assertEqual(event["op"], "put")
                self.assertEqual(event["value"], f"by {node.name}")
                self.assertIn(event["node"], ("node1", "node2", "node3"))
                self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
                self.assertRegex(event["cursor"], r"^[A-Za-z0-9_-]+$")
            ws.socket.close()

    def test_every_kind_of_change_is_told_as_what_it_is(self):
        with wal(self.nodes[1], prefix="kind/") as ws:
            self.put(self.nodes[0], "kind/put")
            self.put(self.nodes[0], "kind/ttl", "v", "--ttl", "1h")
            self.assertEqual(self.nodes[2].shoal("delete", "kind/put").status, 0)
            self.put(self.nodes[0], "kind/end")
            seen = [ws.next() for _ in range(4)]
            by_name = {(event["op"], event["key"]): event for event in seen}
            for event in seen:
                openapi.check_schema("Event", event)
            self.assertIsNone(by_name["delete", "kind/put"]["value"])
            self.assertNotIn("expiry", by_name["put", "kind/put"])
            self.assertIn("expiry", by_name["put", "kind/ttl"])

    def test_what_is_not_utf_8_comes_as_base64_and_prefixes_are_bytes(self):
        with wal(self.nodes[1], prefix=b"bytes/\xff") as ws:
            self.put(self.nodes[0], "bytes/plain")
            self.put(self.nodes[0], b"bytes/\xff1", b"\xfe")
            event = ws.next()
            self.assertEqual(event["key_base64"], "Ynl0ZXMv/zE=")
            self.assertEqual(event["value_base64"], "/g==")
            self.assertNotIn("key", event)

    def test_ops_are_chosen(self):
        with wal(self.nodes[1], prefix="ops/", ops="delete") as ws:
            self.put(self.nodes[0], "ops/a")
            self.nodes[0].shoal("delete", "ops/a")
            event = ws.next()
            self.assertEqual((event["op"], event["key"]), ("delete", "ops/a"))

    def test_reads_and_lists_are_told_by_the_node_that_is_asked(self):
        with wal(self.nodes[0], ops="read,list") as ws:
            self.put(self.nodes[1], "seen")
            self.nodes[1].shoal("get", "seen")
            self.nodes[0].shoal("get", "seen")
            self.nodes[0].shoal("list", "see")
            event = ws.next()
            self.assertEqual((event["op"], event["key"], event["node"]), ("read", "seen", "node1"))
            event = ws.next()
            self.assertEqual((event["op"], event["key"]), ("list", "see"))

    def test_redis_and_http_are_heard_too(self):
        with wal(self.nodes[0], prefix="via/", ops="put,read,list") as ws:
            with socket.create_connection(("127.0.0.1", self.nodes[0].redis_port)) as redis:
                redis.sendall(b"SET via/redis 1\r\nGET via/redis\r\n")
                reply = b""
                while b"$1\r\n1\r\n" not in reply:
                    reply += redis.recv(4096)
            for request in (b"PUT /kv/via/http HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nv",
                            b"GET /kv/via/http HTTP/1.1\r\nHost: x\r\n\r\n",
                            b"GET /keys/via/ HTTP/1.1\r\nHost: x\r\n\r\n"):
                with socket.create_connection(("127.0.0.1", self.nodes[0].ports["http_port"])) as http:
                    http.sendall(request)
                    self.assertRegex(http.recv(4096), rb"^HTTP/1.1 20")
            found = {(event["op"], event["key"]) for event in (ws.next() for _ in range(5))}
            self.assertEqual(found, {("put", "via/redis"), ("read", "via/redis"),
                                     ("put", "via/http"), ("read", "via/http"), ("list", "via/")})

    def test_long_values_are_left_out_with_their_length(self):
        with wal(self.nodes[0], prefix="long/") as ws:
            self.put(self.nodes[1], "long/kept", "x" * 100000)
            outcome = self.nodes[1].shoal("put", "long/out", "-", stdin=b"x" * 300000)
            if outcome.status != 0:
                outcome = self.nodes[1].shoal("put", "-k", "long/out", "-v", "-", stdin=b"x" * 300000)
            self.assertEqual(outcome.status, 0, outcome)
            events = {event["key"]: event for event in (ws.next(), ws.next())}
            self.assertEqual(len(events["long/kept"]["value"]), 100000)
            self.assertIsNone(events["long/out"]["value"])
            self.assertEqual(events["long/out"]["value_bytes"], 300000)

    def test_reading_goes_on_at_another_node_by_the_cursor(self):
        with wal(self.nodes[0], prefix="on/") as ws:
            for i in range(5):
                self.put(self.nodes[i % 3], f"on/{i}")
            seen = {}
            while len(seen) < 5:
                event = ws.next()
                seen[event["key"]] = event["cursor"]
        for i in range(5, 10):
            self.put(self.nodes[i % 3], f"on/{i}")
        with wal(self.nodes[1], prefix="on/", after=event["cursor"]) as ws:
            keys = {ws.next()["key"] for _ in range(5)}
        self.assertEqual(keys, {f"on/{i}" for i in range(5, 10)})

    def test_silence_is_told_with_a_cursor_to_go_on_from(self):
        with wal(self.nodes[0], prefix="silent/", heartbeat="100ms") as ws:
            cursor = ws.next("heartbeat")["cursor"]
        self.put(self.nodes[2], "silent/then")
        with wal(self.nodes[1], prefix="silent/", after=cursor) as ws:
            self.assertEqual(ws.next()["key"], "silent/then")

    def test_a_cursor_of_another_cluster_is_refused(self):
        with Cluster(1) as other:
            with wal(other.nodes[0], heartbeat="100ms") as ws:
                cursor = ws.next("heartbeat")["cursor"]
        with self.assertRaises(Refused) as caught:
            wal(self.nodes[0], after=cursor)
        self.assertEqual(caught.exception.status, 400)
        outcome = self.nodes[0].shoal("watch", "--after", cursor)
        self.assertEqual(outcome.status, 2, outcome)

    def test_the_command_line_tells_and_goes_on(self):
        with Watching([self.nodes[0]], "--prefix", "cli/") as watching:
            # What is written before it reads would not be told.
            for attempt in range(1000):
                self.put(self.nodes[1], "cli/plain", "tab\there")
                if metric(self.nodes[0], 'shoal_feed_readers{surface="native"}') > 0:
                    break
            self.put(self.nodes[1], "cli/plain", "tab\there")
            fields = watching.line().rstrip("\n").split("\t")
            self.assertEqual(fields[1:], ["put", fields[2], "cli/plain", "tab\\x09here"])
            status, err = watching.interrupt()
            self.assertEqual(status, 0)
            self.assertIn("--after ", err)
        cursor = err.split("--after ")[1].strip()
        self.put(self.nodes[2], "cli/json", b"\xff")
        outcome = self.nodes[1].shoal("watch", "--prefix", "cli/json", "--json", "--limit", "1", "--after",
                                      cursor)
        self.assertEqual(outcome.status, 0, outcome)
        event = outcome.json()
        self.assertEqual(event["value_base64"], "/w==")
        self.assertEqual((event["op"], event["key"]), ("put", "cli/json"))

    def test_the_command_line_says_what_is_wrong(self):
        outcome = self.nodes[0].shoal("watch", "--ops", "pit")
        self.assertEqual(outcome.status, 2)
        self.assertIn(b"did you mean put?", outcome.err)
        self.assertEqual(self.nodes[0].shoal("watch", "--after", "!").status, 2)
        self.assertEqual(self.nodes[0].shoal("watch", "--timeout", "100ms").status, 0)
        outcome = self.nodes[0].shoal("watch", "-H", "127.0.0.1:1")
        self.assertEqual(outcome.status, 3, outcome)


class Trouble(unittest.TestCase):
    """Nodes that go away and come back, and clients that are slow."""

    def test_a_killed_node_is_told_of_and_what_it_did_follows_when_it_is_back(self):
        with Cluster(3, storage={"engine": "log"}) as cluster:
            one, two, three = cluster.nodes
            with wal(one, prefix="k/") as ws, Watching([one], "--json", "--prefix", "k/") as watching:
                self.assertEqual(two.shoal("put", "k/first", "v").status, 0)
                self.assertEqual(ws.next()["key"], "k/first")
                two.kill()
                for told in (ws.next("gap"), watching.next("gap")):
                    self.assertEqual((told["node"], told["reason"]), ("node2", "away"))
                    self.assertIn("node2", told["message"])
                self.assertEqual(three.shoal("put", "k/meanwhile", "v").status, 0)
                self.assertEqual(ws.next("put")["key"], "k/meanwhile")
                two.start()
                self.assertEqual(ws.next("back")["node"], "node2")
                wait_until(lambda: two.shoal("put", "k/again", "v").status == 0, "node2 serves")
                self.assertEqual(ws.next("put")["key"], "k/again")

                # The watch itself loses its node, and goes on at another.
                self.assertEqual(watching.next("put")["key"], "k/meanwhile")
                one.kill()
                wait_until(lambda: three.shoal("put", "k/elsewhere", "v").status == 0, "two serve")
                while (event := watching.next("put"))["key"] != "k/elsewhere":
                    self.assertEqual(event["key"], "k/again")
                status, err = watching.interrupt()
                self.assertEqual((status, err), (0, ""))
            one.start()

    def test_files_of_the_feed_cut_short_cost_what_was_in_them_and_no_node(self):
        with Cluster(1, storage={"engine": "log"}, workers=1,
                     quorum={"n": 1, "r": 1, "w": 1}) as cluster:
            node = cluster.nodes[0]
            with wal(node, prefix="c/", heartbeat="100ms") as ws:
                start = ws.next("heartbeat")["cursor"]
            with Watching([node], "--prefix", "c/", "--json", "--after", start) as watching:
                for i in range(20):
                    self.assertEqual(node.shoal("put", f"c/{i}", "v" * 1000).status, 0)
                    self.assertEqual(watching.next("put")["key"], f"c/{i}")
                # More than is held for readers elsewhere than in the files.
                with protocol.Connection(node.client_port) as client:
                    for i in range(100):
                        client.ask(protocol.put(i + 10, b"bulk", b"v" * 200000))
                folder = os.path.join(node.data_dir, "feed")
                cut = sorted(os.listdir(folder))
                for name in cut:
                    os.truncate(os.path.join(folder, name), 0)
                # Who has had the others misses none.
                for i in range(20, 40):
                    self.assertEqual(node.shoal("put", f"c/{i}", "v").status, 0)
                    event = watching.next("put", "gap")
                    self.assertEqual(event.get("key"), f"c/{i}", event)
                status, err = watching.interrupt()
                self.assertEqual(status, 0, err)
            self.assertIsNone(node.process.poll())
            with wal(node, prefix="c/", after=start) as ws:
                gap = ws.next()
                self.assertEqual((gap["op"], gap["reason"]), ("gap", "trimmed"), gap)
                self.assertEqual(keys_until(ws, "c/39")[-1], "c/39")
            log = node.log_tail(10000)
            self.assertEqual(log.count("pages of a file in use are gone"),
                             sum(f"file={name}" in log for name in cut), log)
            self.assertTrue(any(f"file={name}" in log for name in cut), log)  # once for each
            wait_until(lambda: metric(node, "shoal_feed_tail_failed") == 0, "there are new files")

            # What has come since is there for good, as ever.
            self.assertEqual(node.shoal("put", "c/last", "v").status, 0)
            node.kill()
            node.start()
            cluster.wait_settled()
            with wal(node, prefix="c/", after=start) as ws:
                self.assertEqual(ws.next()["op"], "gap")
                self.assertEqual(keys_until(ws, "c/last")[-1], "c/last")

    def test_a_slow_client_misses_nothing_it_is_not_told_of(self):
        with Cluster(1, feed={"tail_mb": 2}, workers=1,
                     quorum={"n": 1, "r": 1, "w": 1}) as cluster:
            node = cluster.nodes[0]
            slow = WebSocket(node.ports["http_port"], "/wal?prefix=s/", receive_buffer=4096)
            with slow, protocol.Connection(node.client_port) as client:
                value = b"x" * 2000
                for first in range(0, 20000, 100):
                    client.send(*(protocol.put(i + 10, b"s/%d" % i, value)
                                  for i in range(first, first + 100)))
                    for _ in range(100):
                        client.receive()
                wait_until(lambda: metric(
                    node, 'shoal_feed_slow_readers_total{surface="http"}') > 0, "it is slow")
                client.ask(protocol.put(5, b"s/end", b""))
                told, missed = 0, 0
                while True:
                    event = slow.next()
                    if event["op"] == "gap":
                        self.assertEqual(event["reason"], "trimmed")
                        missed += event["missed"]
                    elif event["key"] == "s/end":
                        break
                    else:
                        told += 1
                self.assertGreater(missed, 0)
                self.assertGreaterEqual(told + missed, 20000)


if __name__ == "__main__":
    main()
