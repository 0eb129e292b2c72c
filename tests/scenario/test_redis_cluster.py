#!/usr/bin/python3
"""The Redis port of three nodes without a leader: what independent reads, writes, counters and expiries promise
there while a node dies or joins, what SCAN sees, siblings by hand, and what is refused with its reason."""
import os
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import resp  # noqa: E402
from threads import in_threads  # noqa: E402

try:
    import redis
except ImportError:
    redis = None

SEED = int(os.environ.get("SHOAL_TEST_SEED", "20261122"))
LINEAR = ("ERR '", "needs a linearizable key", "docs/redis.md")


class Case(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.group = cluster.Cluster(3, **cls.settings)
        cls.nodes = cls.group.__enter__().nodes
        cls.addClassCleanup(cls.group.__exit__, None)

    def connect(self, node):
        connection = resp.Connection((node.host, node.redis_port))
        self.addCleanup(connection.close)
        return connection


class ThreeNodes(Case):
    def setUp(self):
        self.one, self.two, self.three = map(self.connect, self.nodes)
        self.assertEqual(self.one.call("FLUSHALL"), b"OK")

    def test_what_one_node_took_the_others_show(self):
        self.assertEqual(self.one.call("MSET", "a", "1", "b", b"\x00\xff", "", "of the empty key"), b"OK")
        for connection in (self.two, self.three):
            self.assertEqual(connection.call("MGET", "a", "b", "none", ""), [b"1", b"\x00\xff", None, b"of the empty key"])
        for words, reply in (
            (("STRLEN", "a"), 1), (("GETRANGE", "b", 1, 1), b"\xff"), (("EXISTS", "a", "a", "none"), 2), (("TYPE", "a"), b"string"),
            (("TOUCH", "a", "none"), 1), (("BITCOUNT", "b"), 8), (("GETBIT", "b", 8), 1), (("BITPOS", "b", 1), 8),
            (("LCS", "a", "a"), b"1"), (("SETEX", "e", 100, "x"), b"OK"), (("PSETEX", "p", 100000, "x"), b"OK"),
            (("TTL", "a"), -1), (("TTL", "none"), -2), (("DEL", "a", "e", "none"), 2), (("UNLINK", "p"), 1),
            (("GETEX", "b"), b"\x00\xff"), (("SET", "a", "2", "EX", 100), b"OK"), (("PERSIST", "a"), 1), (("DBSIZE",), 3),
            (("INCR", "a"), 3), (("GET", "a"), b"3"), (("OBJECT", "ENCODING", "a"), b"int"), (("SUBSTR", "", 0, 1), b"of"),
            (("SETEX", "e", 1000, "x"), b"OK"),
        ):
            self.assertEqual(self.two.call(*words), reply, words)
            self.assertEqual(self.two.call("PING"), b"PONG")
        self.assertIn(self.three.call("TTL", "e"), range(900, 1001))

    def test_wrong_arguments_are_told_before_anything_else(self):
        for words, text in (
            (("SET", "a", "1", "NX", "XX"), "ERR syntax error"), (("INCRBY", "a", "x"), "ERR value is not an integer or out of range"),
            (("EXPIRE", "a", "x"), "ERR value is not an integer or out of range"), (("GET",), "ERR wrong number of arguments for 'get' command"),
            (("SETEX", "a", 0, "x"), "ERR invalid expire time in 'setex' command"), (("SCAN", "x"), "ERR invalid cursor"),
        ):
            self.assertEqual(self.one.call(*words), text)

    def test_each_command_that_reads_and_writes_in_one_step_says_why_not(self):
        self.one.call("SET", "a", "1")
        for words in (
            ("SETNX", "a", "1"), ("SETNX", "new", "1"), ("MSETNX", "a", "1", "b", "2"), ("SET", "a", "1", "NX"), ("SET", "a", "1", "XX"),
            ("SET", "a", "1", "GET"), ("SET", "a", "1", "KEEPTTL"), ("GETSET", "a", "1"), ("GETDEL", "a"), ("GETEX", "a", "EX", "10"),
            ("GETEX", "a", "PERSIST"), ("APPEND", "a", "1"), ("SETRANGE", "a", "0", "1"), ("SETBIT", "a", "0", "1"),
            ("BITOP", "AND", "a", "a"), ("INCRBYFLOAT", "a", "1"), ("RENAME", "a", "b"), ("RENAMENX", "a", "b"), ("COPY", "a", "b"),
            ("EXPIRE", "a", "10", "NX"), ("PEXPIREAT", "a", "4102444800000", "GT"), ("MULTI",), ("WATCH", "a"),
        ):
            reply = self.two.ask(*words)
            self.assertEqual(reply[0], "-", words)
            for part in LINEAR:
                self.assertIn(part, reply[1].decode(), words)
        self.assertEqual(self.two.call("UNWATCH"), b"OK")
        self.assertEqual(self.two.call("EXEC"), "ERR EXEC without MULTI")
        self.assertEqual(self.three.call("GET", "a"), b"1")
        self.assertEqual((self.three.call("DBSIZE"), self.three.call("TTL", "a")), (1, -1))

    def test_keys_dbsize_randomkey_and_flushall_see_all(self):
        keys = {b"%d/%s" % (number, kind) for number in range(300) for kind in (b"x", b"y")}
        self.one.pipeline([("SET", key, "v") for key in keys])
        self.assertEqual(self.two.call("DBSIZE"), 600)
        self.assertEqual(set(self.three.call("KEYS", "*")), keys)
        self.assertEqual(set(self.three.call("KEYS", "1?/[^y]")), {b"1%d/x" % number for number in range(10)})
        self.assertIn(self.two.call("RANDOMKEY"), keys)
        self.two.call("DEL", *(key for key in keys if key.endswith(b"y")))
        self.assertEqual(self.one.call("DBSIZE"), 300)
        self.assertEqual(self.three.call("FLUSHALL"), b"OK")
        for connection in (self.one, self.two, self.three):
            self.assertEqual((connection.call("DBSIZE"), connection.call("KEYS", "*"), connection.call("RANDOMKEY")), (0, [], None))

    def test_set_over_a_counter_and_back(self):
        replies = [self.nodes and connection.call(*words) for connection, words in (
            (self.one, ("INCR", "c")), (self.two, ("INCRBY", "c", 10)), (self.three, ("DECR", "c")), (self.one, ("GET", "c")),
            (self.two, ("SET", "c", "100")), (self.three, ("INCR", "c")), (self.one, ("DEL", "c")), (self.two, ("DECRBY", "c", 5)),
            (self.three, ("STRLEN", "c")), (self.one, ("SET", "c", "x")), (self.two, ("INCR", "c")), (self.two, ("GET", "c")),
            (self.one, ("SET", "c", "9223372036854775807")), (self.three, ("INCR", "c")), (self.three, ("GET", "c")))]
        self.assertEqual(replies, [
            1, 11, 10, b"10", b"OK", 101, 1, -5, 2, b"OK", "ERR value is not an integer or out of range", b"x",
            b"OK", "ERR increment or decrement would overflow", b"9223372036854775807"])

    def test_an_increment_keeps_the_expiry(self):
        self.one.call("SET", "c", "5", "EX", 1000)
        self.assertEqual(self.two.call("INCR", "c"), 6)
        self.assertIn(self.three.call("TTL", "c"), range(900, 1001))
        self.assertEqual(self.two.call("PERSIST", "c"), 1)
        self.assertEqual((self.three.call("TTL", "c"), self.one.call("INCR", "c")), (-1, 7))

    def test_increments_from_all_nodes_at_once_are_all_counted(self):
        def count(number):
            connection = self.connect(self.nodes[number % 3])
            for start in range(0, 100, 10):
                connection.pipeline([("INCRBY", "sum", start + step) for step in range(10)])
                connection.call("DECR", "down")

        in_threads(count, range(9))
        for connection in (self.one, self.two, self.three):
            self.assertEqual(connection.call("MGET", "sum", "down"), [b"%d" % (9 * sum(range(100))), b"-90"])

    def test_expiry_hides_on_every_node_and_never_early(self):
        begun = time.monotonic()
        self.one.call("SET", "t", "x", "PX", 700)
        self.two.call("SET", "u", "x")
        self.assertEqual(self.three.call("PEXPIRE", "u", 700), 1)
        self.assertEqual(self.three.call("EXPIRE", "none", 10), 0)
        self.assertLessEqual(self.two.call("PTTL", "u"), 700)

        def gone():
            values = [value for each in (self.one, self.two, self.three) for value in each.call("MGET", "t", "u")]
            if time.monotonic() < begun + 0.7:
                self.assertNotIn(None, values)
            return set(values) == {None}

        cluster.wait_until(gone, "both have expired everywhere")
        self.assertEqual((self.one.call("DBSIZE"), self.two.call("TTL", "t"), self.two.call("DEL", "t", "u")), (0, -2, 0))
        far = 4102444800
        self.one.call("SET", "f", "x", "EXAT", far)
        self.assertEqual((self.two.call("EXPIRETIME", "f"), self.three.call("PEXPIRETIME", "f")), (far, far * 1000))
        self.assertEqual(self.three.call("EXPIREAT", "f", 1), 1)
        self.assertEqual(self.one.call("EXISTS", "f"), 0)

    def test_siblings_are_shown_and_resolved(self):
        node = self.nodes[0]
        node.shoal("put", "cart", "apples")
        old = self.one.call("SHOAL.GET", "cart")
        self.assertEqual(old[1:], [b"apples"])
        for value in ("plums", "figs"):  # both have seen the apples, neither the other
            self.assertEqual(self.two.call("SHOAL.PUT", "cart", value, old[0]), b"OK")
        both = self.three.call("SHOAL.GET", "cart")
        self.assertEqual(set(both[1:]), {b"plums", b"figs"})
        self.assertEqual(self.three.call("GET", "cart"), both[1])
        self.assertEqual(len(node.shoal("get", "cart", "--json").json()["values"]), 2)
        self.assertEqual(self.one.call("SHOAL.PUT", "cart", "plums figs", both[0]), b"OK")
        self.assertEqual(self.two.call("SHOAL.GET", "cart")[1:], [b"plums figs"])
        self.assertEqual(self.two.call("SHOAL.PUT", "cart", "late", old[0]), b"OK")
        self.assertEqual(len(self.two.call("SHOAL.GET", "cart")), 3)
        self.assertEqual(self.two.call("SET", "cart", "anew"), b"OK")
        self.assertEqual(self.one.call("SHOAL.GET", "cart")[1:], [b"anew"])
        self.assertIsNone(self.one.call("SHOAL.GET", "never"))
        for context in ("forged", self.one.call("SHOAL.GET", "cart")[0]):  # the other is another key's
            self.assertEqual(self.one.ask("SHOAL.PUT", "other", "x", context)[0], "-")

    def test_concurrent_increments_of_siblings_are_joined(self):
        """Two who counted on from the same value, each without the other: nothing is lost."""
        self.one.call("SET", "c", "10")
        context = self.one.call("SHOAL.GET", "c")[0]
        self.one.call("INCRBY", "c", 5)
        self.two.call("SHOAL.PUT", "c", "100", context)
        self.assertEqual(set(self.three.call("SHOAL.GET", "c")[1:]), {b"15", b"100"})

    def test_a_quorum_of_ones_own(self):
        self.assertEqual(self.one.call("SHOAL.QUORUM", "all", 1), b"OK")
        self.assertEqual((self.one.call("SET", "q", "1"), self.one.call("GET", "q")), (b"OK", b"1"))
        self.assertEqual(self.one.call("SHOAL.QUORUM"), [b"all", b"1"])
        for wrong in (("SHOAL.QUORUM", "x", 1), ("SHOAL.QUORUM", 1), ("SHOAL.QUORUM", 0, 1), ("SHOAL.QUORUM", -1, 1)):
            self.assertEqual(self.one.ask(*wrong)[0], "-", wrong)
        self.assertEqual(self.one.call("RESET"), b"RESET")
        self.assertEqual(self.one.call("SHOAL.QUORUM"), [b"default", b"default"])

    def test_a_pipeline_sees_its_own_writes_in_order(self):
        for connection in (self.one, self.two, self.three):
            commands, replies = [], []
            for number in range(600):
                commands += [("SET", "p", number), ("GET", "p"), ("INCR", "p"), ("DEL", "p", "q"), ("EXISTS", "p")]
                replies += [resp.OK, ("$", b"%d" % number), (":", number + 1), (":", 1), (":", 0)]
            self.assertEqual(connection.pipeline(commands), replies)


def scan(connections, *options):
    """One whole iteration, each call at another of the nodes."""
    found, cursor, turn = set(), b"0", 0
    while True:
        cursor, keys = connections[turn % len(connections)].call("SCAN", cursor, *options)
        found.update(keys)
        turn += 1
        if cursor == b"0":
            return found, turn


class Scanning(Case):
    def test_every_key_present_throughout_is_returned_while_a_node_joins_and_leaves(self):
        connections = list(map(self.connect, self.nodes))
        stay = {b"stay/%d" % number for number in range(1500)}
        connections[0].pipeline([("SET", key, "x") for key in stay])
        self.assertEqual(scan(connections, "COUNT", "100", "MATCH", "stay/*")[0], stay)
        over = threading.Event()
        rounds = [0]

        def iterate(number):
            own = list(map(self.connect, self.nodes[:3]))
            options = ("COUNT", (17, 100)[number])
            while not over.is_set() or rounds[0] < 4:
                found, _ = scan(own, *options)
                self.assertEqual(stay - found, set())
                self.assertEqual({key for key in found if not key.startswith((b"stay/", b"come"))}, set())
                rounds[0] += 1

        def disturb(_):
            own = self.connect(self.nodes[1])
            number = 0
            while not over.is_set():
                own.call("SET", f"come{number % 50}", "x")
                own.call("DEL", f"come{(number + 25) % 50}")
                number += 1

        def change(_):
            try:
                fourth = self.group.add_node().start()
                self.group.join(fourth)
                self.group.wait_settled()
                outcome = fourth.shoal("leave-cluster")
                self.assertEqual(outcome.status, 0, outcome)
            finally:
                over.set()

        in_threads(lambda work: work[0](work[1]), [(iterate, 0), (iterate, 1), (disturb, 0), (change, 0)])

    def test_type_match_and_count(self):
        connection = self.connect(self.nodes[2])
        connection.pipeline([("SET", f"m{number}", "x") for number in range(100)])
        self.assertEqual(scan([connection], "TYPE", "list")[0], set())
        found, _ = scan([connection], "MATCH", "m1?", "TYPE", "string")
        self.assertEqual(found, {b"m1%d" % number for number in range(10)})
        for words, text in ((("SCAN", "0", "COUNT", "0"), "ERR syntax error"), (("SCAN", "0", "COUNT", "x"), "ERR value is not an integer or out of range"),
                            (("SCAN", "x"), "ERR invalid cursor"), (("SCAN", "0", "FOO"), "ERR syntax error")):
            self.assertEqual(connection.call(*words), text)


@unittest.skipUnless(redis, "redis-py is not installed (python3-redis)")
class ANodeDies(Case):
    settings = {"storage": {"engine": "log", "durability": "os"}}

    RETRY_S = 30

    def client(self, node):
        client = redis.Redis(node.host, node.redis_port, socket_timeout=resp.RECEIVE_S)
        self.addCleanup(client.close)
        return client

    def retried(self, call):
        """What an application does: after an error it tries again. Answer and attempts."""
        end = time.monotonic() + self.RETRY_S
        attempts = 0
        while True:
            attempts += 1
            try:
                return call(), attempts
            except redis.RedisError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def test_clients_of_the_others_go_on_and_nothing_is_lost(self):
        alive, doomed = self.nodes[:2], self.nodes[2]
        over = threading.Event()
        written, tries = {}, []
        acknowledged, attempted = [0], [0]
        lock = threading.Lock()

        def write(number):
            client = self.client(alive[number % 2])
            reader = self.client(alive[(number + 1) % 2])
            chosen = random.Random(SEED + number)
            at = 0
            while not over.is_set():
                key, value = f"{number}/{chosen.randrange(50)}", f"{at}".encode()
                tries.append(self.retried(lambda: client.set(key, value))[1])
                written[key] = value
                seen, again = self.retried(lambda: reader.get(key))
                self.assertEqual(seen, value)  # R + W > N
                tries.append(again)
                at += 1

        def count(number):
            client = self.client(alive[number % 2])
            while not over.is_set():
                with lock:
                    attempted[0] += 1
                try:
                    client.incr("hits")
                except redis.RedisError:  # unknown: it may have been counted, and isn't tried again
                    continue
                with lock:
                    acknowledged[0] += 1

        def kill(_):
            try:
                cluster.wait_until(lambda: len(tries) > 300 and acknowledged[0] > 50, "clients are at work")
                doomed.kill()
                then = len(tries)
                cluster.wait_until(lambda: len(tries) > then + 600, "clients go on")
                doomed.start()
                self.group.wait_settled()
            finally:
                over.set()

        in_threads(lambda work: work[0](work[1]), [(write, 0), (write, 1), (write, 2), (count, 0), (count, 1), (kill, 0)])
        for node in self.nodes:
            client = self.client(node)
            keys = sorted(written)
            self.assertEqual(dict(zip(keys, client.mget(keys))), written)
            self.assertTrue(acknowledged[0] <= int(client.get("hits")) <= attempted[0],
                            (acknowledged, client.get("hits"), attempted))

    def test_with_two_of_three_gone_the_error_says_what_was_reached(self):
        one, two, three = self.nodes
        client = self.client(one)
        client.set("before", "1")
        two.kill()
        three.kill()
        try:
            for call in (lambda: client.set("k", "v"), lambda: client.get("before"), lambda: client.incr("n"), client.dbsize):
                with self.assertRaises(redis.ResponseError) as caught:
                    call()
                self.assertRegex(str(caught.exception), r"1 of|owner|quorum")
            self.assertTrue(client.ping())
        finally:
            two.start()
            three.start()
            self.group.wait_settled()
        self.assertEqual(self.retried(lambda: client.get("before"))[0], b"1")


if __name__ == "__main__":
    cluster.main()
