#!/usr/bin/python3
"""Connections to the Redis port used well, badly and with malice: long pipelines, slow and half-closed clients,
whatever is too large, bytes that mean nothing. The node and every other connection go on."""
import os
import random
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import resp  # noqa: E402

SEED = int(os.environ.get("SHOAL_TEST_SEED", "20261122"))
LONG = bool(os.environ.get("SHOAL_TEST_LONG"))  # also what takes minutes
LIMITS = {"key_bytes": 1000, "value_bytes": 2000000, "connections": 60}
MEMORY_KIB_MAX = 900 * 1024


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.group = cluster.Cluster(1, quorum={"n": 1, "r": 1, "w": 1}, limits=LIMITS, workers=3)
        cls.node = cls.group.__enter__().nodes[0]
        cls.addClassCleanup(cls.group.__exit__, None)
        cluster.wait_until(cls.node.status, "the node has founded its cluster")

    def setUp(self):
        self.witness = self.connect()
        self.assertEqual(self.witness.call("FLUSHALL"), b"OK")

    def tearDown(self):
        """The node still serves a connection that was there before, and new ones."""
        self.assertEqual(self.witness.call("PING"), b"PONG")
        cluster.wait_until(self.served, "a new connection is served")  # those that left may yet be counted
        self.assertIsNone(self.node.process.poll())

    def connect(self):
        connection = resp.Connection((self.node.host, self.node.redis_port))
        self.addCleanup(connection.close)
        return connection

    def served(self):
        try:
            return self.connect().call("PING") == b"PONG"
        except (EOFError, OSError):
            return False

    def keeps_what_is_freed(self):
        """AddressSanitizer does, for a while, so that its use shows: then memory says nothing."""
        with open(f"/proc/{self.node.process.pid}/maps", encoding="utf-8") as file:
            return "asan" in file.read()

    def memory_kib(self):
        with open(f"/proc/{self.node.process.pid}/status", encoding="ascii") as file:
            return int(next(line for line in file if line.startswith("VmRSS")).split()[1])

    def assert_refused(self, data, words):
        """The error with these words is the last that comes."""
        connection = self.connect()
        connection.send(data)
        kind, content = connection.receive()
        self.assertEqual(kind, "-", content)
        self.assertIn(words, content)
        self.assertTrue(connection.closed())


class Pipelines(Case):
    def test_ten_thousand_commands_are_answered_in_order(self):
        connection = self.connect()
        count = 10000
        commands, replies = [], []
        for number in range(0, count, 5):
            key = f"p{number}"
            commands += [("SET", key, number), ("GET", key), ("INCR", "sum"), ("ECHO", number), ("STRLEN", key)]
            replies += [resp.OK, ("$", b"%d" % number), (":", number // 5 + 1), ("$", b"%d" % number),
                        (":", len(str(number)))]
        self.assertEqual(connection.pipeline(commands), replies)
        self.assertEqual(connection.pipeline([("GET", "sum")] * count), [("$", b"2000")] * count)

    def test_errors_sweeps_and_transactions_keep_their_place(self):
        connection = self.connect()
        round_trip = [("SET", "a", "1"), ("INCR", "none", "x"), ("DBSIZE",), ("MULTI",), ("INCR", "a"), ("NOSUCH",),
                      ("EXEC",), ("MGET", "a", "b"), ("MULTI",), ("INCR", "a"), ("EXEC",), ("KEYS", "*"),
                      ("DEL", "a"), ("DBSIZE",), ("FLUSHALL",), ("GET", "a")]
        for _ in range(20):
            replies = connection.pipeline(round_trip * 10)
            for at in range(0, len(replies), len(round_trip)):
                self.assertEqual(replies[at:at + len(round_trip)], replies[:len(round_trip)])
        self.assertEqual([resp.plain(reply) for reply in replies[7:16]], [
            [b"1", None], b"OK", b"QUEUED", [2], [b"a"], 1, 0, b"OK", None])

    def test_a_byte_at_a_time_is_as_good(self):
        connection = self.connect()
        for data in (resp.command("SET", "slow", "two words"), b"get 'slow'\r\n", b"\r\n", b"PING\n"):
            for byte in data:
                connection.send(bytes([byte]))
        self.assertEqual([connection.receive() for _ in range(3)],
                         [resp.OK, ("$", b"two words"), ("+", b"PONG")])

    def test_pieces_of_any_size(self):
        connection = self.connect()
        chosen = random.Random(SEED)
        data, wanted = [], []
        for number in range(300):
            value = chosen.randbytes(chosen.choice((0, 1, 10, 1000, 70000)))
            data.append(resp.command("SET", f"v{number}", value) + resp.command("GET", f"v{number}"))
            wanted += [resp.OK, ("$", value)]
        data = b"".join(data)
        at, got = 0, []
        while at < len(data):
            size = chosen.choice((1, 7, 100, 5000, 100000))
            connection.send(data[at:at + size])
            at += size
        for _ in wanted:
            got.append(connection.receive())
        self.assertEqual(got, wanted)

    def test_one_who_sends_everything_before_reading_anything_gets_it_all(self):
        connection = self.connect()
        value = random.Random(SEED).randbytes(100000)
        connection.call("SET", "big", value)
        count = 400  # 40 MB of replies
        connection.send(*(resp.command("GET", "big") + resp.command("INCR", "n") for _ in range(count)))
        for number in range(1, count + 1):
            self.assertEqual(connection.receive(), ("$", value))
            self.assertEqual(connection.receive(), (":", number))

    def test_large_replies_to_a_long_pipeline_come_one_after_the_other(self):
        """Wherever the key lies: what is made at another worker is on its way before it is counted."""
        value = random.Random(SEED).randbytes(1000000)
        count, before = 400, self.memory_kib()
        for key in ("big0", "big1", "big2", "big3", "big4"):
            self.witness.call("SET", key, value)
            connection = self.connect()
            connection.send(resp.command("GET", key) * count)
            time.sleep(0.2)  # whatever is made ahead is there by now
            most = self.memory_kib()
            for at in range(count):
                self.assertEqual(connection.receive(), ("$", value))
                if at % 20 == 0:
                    most = max(most, self.memory_kib())
            if not self.keeps_what_is_freed():
                self.assertLess(most - before, 200 * 1024)


class Ends(Case):
    def test_a_half_closed_connection_gets_its_replies_then_the_end(self):
        connection = self.connect()
        connection.send(*(resp.command("SET", f"half{n}", n) + resp.command("GET", f"half{n}") for n in range(500)))
        connection.end_input()
        for number in range(500):
            self.assertEqual(connection.receive(), resp.OK)
            self.assertEqual(connection.receive(), ("$", b"%d" % number))
        self.assertTrue(connection.closed())

    def test_after_quit_nothing_is_done_any_more(self):
        connection = self.connect()
        connection.send(resp.command("SET", "a", "1"), resp.command("QUIT"), resp.command("SET", "a", "2"))
        self.assertEqual([connection.receive() for _ in range(2)], [resp.OK, resp.OK])
        self.assertTrue(connection.closed())
        self.assertEqual(self.witness.call("GET", "a"), b"1")

    def test_a_transaction_that_is_never_executed_does_nothing(self):
        connection = self.connect()
        connection.pipeline([("MULTI",), ("SET", "a", "1")])
        connection.close()
        self.assertIsNone(self.witness.call("GET", "a"))

    def test_clients_that_leave_in_the_middle_do_no_harm(self):
        chosen = random.Random(SEED)
        data = b"".join(resp.command("SET", f"k{n}", b"x" * 1000) + resp.command("GET", f"k{n}") for n in range(200))
        data += resp.command("MULTI") + resp.command("MGET", *(f"k{n}" for n in range(200))) + resp.command("EXEC")
        for _ in range(100):
            connection = self.connect()
            try:
                connection.send(data[:chosen.randrange(len(data))])
            except OSError:
                pass  # those before it may still be counted, and it is one too many
            if chosen.random() < 0.5:
                linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # on, no seconds: the peer sees a reset
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()

    def test_a_client_too_many_is_told_so(self):
        many = [self.connect() for _ in range(LIMITS["connections"])]
        refused = 0
        for connection in many:
            try:
                reply = connection.ask("PING")
            except (EOFError, OSError):
                refused += 1
                continue
            if reply[0] == "-":
                self.assertIn(b"max number of clients reached", reply[1])
                self.assertTrue(connection.closed())
                refused += 1
        self.assertGreaterEqual(refused, 1)
        for connection in many:
            connection.close()
        cluster.wait_until(self.served, "there is room again")


class SlowReaders(Case):
    def test_one_who_does_not_read_costs_bounded_memory_and_nobody_else_waits(self):
        self.witness.call("SET", "big", b"x" * 1900000)
        slow = [self.connect() for _ in range(4)]
        for connection in slow:
            connection.socket.setblocking(False)
        request = resp.command("GET", "big") * 20
        end = time.monotonic() + 5
        while time.monotonic() < end:
            for connection in slow:
                try:
                    connection.socket.send(request)
                except BlockingIOError:
                    pass
                except OSError:  # it has been sent away
                    end = 0
            self.assertEqual(self.witness.call("PING"), b"PONG")
            self.assertLess(self.memory_kib(), MEMORY_KIB_MAX * 2)

    @unittest.skipUnless(LONG, "takes more than a minute: SHOAL_TEST_LONG=1")
    def test_one_who_never_reads_is_sent_away(self):
        self.witness.call("SET", "big", b"x" * 1900000)
        connection = self.connect()
        cluster.wait_until(lambda: self.clients() == 2, "it is there")
        connection.send(resp.command("GET", "big") * 5000)  # more than are taken while none is read

        def closed():
            try:
                connection.socket.send(b"", socket.MSG_DONTWAIT)
                return self.clients() == 1
            except OSError:
                return True

        cluster.wait_until(closed, "it is sent away", 150)

    def clients(self):
        return len(self.witness.call("CLIENT", "LIST").splitlines())


@unittest.skipUnless(LONG, "takes half a gigabyte: SHOAL_TEST_LONG=1")
class Crowds(unittest.TestCase):
    def test_many_who_read_nothing_make_room_for_those_who_read(self):
        with cluster.Cluster(1, quorum={"n": 1, "r": 1, "w": 1}, workers=1) as group:
            node = group.nodes[0]
            cluster.wait_until(node.status, "the node has founded its cluster")
            witness, reader, *crowd = [resp.Connection((node.host, node.redis_port)) for _ in range(162)]
            witness.call("SET", "big", b"x" * 400000)
            for connection in crowd:  # each leaves some 4 MB unread, too little to be sent away for it alone
                connection.send(resp.command("GET", "big") * 24)

            def room():
                served = reader.ask("GET", "big") == ("$", b"x" * 400000)
                return served and len(witness.call("CLIENT", "LIST").splitlines()) < 162

            cluster.wait_until(room, "some of the crowd are sent away, and there is room again")
            self.assertGreater(len(witness.call("CLIENT", "LIST").splitlines()), 81)
            for connection in (witness, reader, *crowd):
                connection.close()


class TooLarge(Case):
    def test_what_breaks_a_bound_of_the_protocol_ends_the_connection(self):
        for data, words in (
            (b"*1048577\r\n", b"Protocol error: invalid multibulk length"),
            (b"*10000000000000000000\r\n", b"Protocol error: invalid multibulk length"),
            (b"*2\r\n$3\r\nGET\r\n$10000000000\r\n", b"Protocol error: invalid bulk length"),
            (b"*2\r\n$3\r\nGET\r\n$-2\r\n", b"Protocol error: invalid bulk length"),
            (b"*2\r\n$3\r\nGET\r\nx\r\n", b"Protocol error: expected '$', got 'x'"),
            (b"*" + b"1" * 70000, b"Protocol error: too big mbulk count string"),
            (b"*1\r\n$" + b"1" * 70000, b"Protocol error: too big bulk count string"),
            (b"x" * 70000, b"Protocol error: too big inline request"),
            (b'GET "x\r\n', b"Protocol error: unbalanced quotes in request"),
        ):
            self.assert_refused(data, words)

    def test_a_value_over_the_limit_is_refused_and_nothing_is_stored(self):
        for size in (LIMITS["value_bytes"] + 1, LIMITS["value_bytes"] * 20):
            connection = self.connect()
            try:
                connection.send(resp.command("SET", "big", b"x" * size))
                reply = connection.receive()
                self.assertEqual(reply[0], "-")
                self.assertRegex(reply[1], rb"invalid bulk length|maximum allowed size|too (big|large|long)")
            except (EOFError, OSError):
                pass  # refused before all of it was sent
            self.assertEqual(self.witness.call("EXISTS", "big"), 0)
        self.assertEqual(self.witness.call("SET", "big", b"x" * LIMITS["value_bytes"]), b"OK")
        self.assertEqual(self.witness.ask("APPEND", "big", "x")[0], "-")
        self.assertEqual(self.witness.ask("SETRANGE", "big", LIMITS["value_bytes"], "x")[0], "-")
        self.assertEqual(self.witness.ask("SETBIT", "big", LIMITS["value_bytes"] * 8, "1")[0], "-")
        self.assertEqual(self.witness.call("STRLEN", "big"), LIMITS["value_bytes"])

    def test_a_key_over_the_limit_is_refused(self):
        key = b"k" * (LIMITS["key_bytes"] + 1)
        for words in (("SET", key, "x"), ("GET", key), ("MSET", "a", "1", key, "2"), ("INCR", key), ("RENAME", "still", key)):
            self.assertEqual(self.witness.ask(*words)[0], "-", words[0])
        self.assertEqual(self.witness.call("SET", key[1:], "x"), b"OK")
        self.assertEqual(self.witness.call("GET", key[1:]), b"x")

    def test_a_request_without_end_is_cut_off(self):
        connection = self.connect()
        connection.send(b"*1000000\r\n$4\r\nMSET\r\n")
        piece = b"$100000\r\n%s\r\n" % (b"x" * 100000)
        try:
            for sent in range(4000):
                connection.send(piece)
                if sent % 100 == 0:
                    self.assertLess(self.memory_kib(), MEMORY_KIB_MAX)
        except OSError:
            return
        kind, text = connection.receive()
        self.assertEqual(kind, "-")
        self.assertIn(b"Protocol error", text)
        self.assertTrue(connection.closed())

    def test_a_transaction_without_end_is_refused(self):
        connection = self.connect()
        connection.call("MULTI")
        value = b"x" * 1000000
        for _ in range(300):
            reply = connection.ask("SET", "k", value)
            if reply != resp.QUEUED:
                break
        self.assertEqual(reply[0], "-", reply)
        self.assertEqual(connection.ask("EXEC")[1][:9], b"EXECABORT")
        self.assertLess(self.memory_kib(), MEMORY_KIB_MAX)

    def test_patterns_that_blow_up_elsewhere_take_no_time(self):
        self.witness.call("SET", "a" * 900, "x")
        for pattern in ("a*" * 400 + "b", "*" * 60000, "[" + "a-z" * 10000, "*a" * 200 + "*b*"):
            reply = self.witness.ask("KEYS", pattern)
            self.assertIn(reply[0], "*-")  # it has come: elsewhere this takes longer than anybody lives

    def test_bytes_that_mean_nothing(self):
        chosen = random.Random(SEED)
        parts = [b"*", b"$", b"\r\n", b"-1", b"0", b"3", b"GET", b"SET", b"MULTI", b"EXEC", b"\x00", b'"', b"'", b" ",
                 b"\xff", b"65536", b"k", b"HELLO", b"99999999999"]
        for _ in range(300):
            connection = self.connect()
            connection.send(b"".join(chosen.choices(parts, k=chosen.randrange(1, 60))))
            connection.end_input()
            self.assertTrue(connection.closed())


if __name__ == "__main__":
    cluster.main()
