#!/usr/bin/python3
"""The native protocol spoken by hand to a real node: well, badly, and with malice. Whatever one
connection does, the node and every other connection go on."""
import os
import random
import socket
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import protocol as p  # noqa: E402

SEED = int(os.environ.get("SHOAL_TEST_SEED", "20261121"))
LIMITS = {"key_bytes": 1000, "value_bytes": 100000, "connections": 50}


class OneNode(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster.Cluster(1, quorum={"n": 1, "r": 1, "w": 1}, limits=LIMITS)
        cls.node = cls.cluster.__enter__().nodes[0]
        cluster.wait_until(cls.node.status, "the node has founded its cluster")

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None)

    def setUp(self):
        self.witness = p.Connection(self.node.client_port)

    def tearDown(self):
        """The node still serves a connection that was there before, and new ones."""
        self.assertEqual(self.witness.ask(p.frame(p.PING, 1)), [p.PONG, 1])
        self.witness.socket.close()
        with p.Connection(self.node.client_port) as fresh:
            self.assertEqual(fresh.ask(p.put(1, b"still", b"serving"))[2], 0)
        self.assertIsNone(self.node.process.poll())

    def connect(self, greet=True, port=None):
        connection = p.Connection(port or self.node.client_port, greet)
        self.addCleanup(connection.socket.close)
        return connection

    def assert_refused(self, answer, number, code, *words):
        self.assertIsNotNone(answer)
        self.assertEqual(answer[:3], [p.RESULT, number, code], answer)
        for word in words:
            self.assertIn(word, answer[3])


class Hello(OneNode):
    def test_it_tells_version_node_and_frame_limit(self):
        connection = self.connect()
        _, number, version, _, cluster_id, node, name, frame_max = connection.welcome
        self.assertEqual((number, version, name), (1, 1, "node1"))
        self.assertNotEqual(cluster_id, 0)
        self.assertNotEqual(node, 0)
        self.assertGreater(frame_max, 100000)

    def test_a_later_client_is_answered_in_the_version_spoken_here(self):
        connection = self.connect(greet=False)
        self.assertEqual(connection.ask(p.hello(versions=(1, 9)))[2], 1)

    def test_versions_unknown_here_are_refused_with_the_known_ones(self):
        for versions in ((2, 9), (0, 0), (5, 3)):
            connection = self.connect(greet=False)
            answer = connection.ask(p.hello(versions=versions))
            self.assert_refused(answer, 1, p.EVERSION, "1 to 1")
            self.assertTrue(connection.closed())

    def test_anything_else_first_is_refused(self):
        for message in (p.frame(p.PING, 7), p.get(7, b"k"), p.frame(p.STATUS, 7)):
            connection = self.connect(greet=False)
            self.assert_refused(connection.ask(message), 7, p.EPROTO, "HELLO")
            self.assertTrue(connection.closed())

    def test_a_frame_over_64_kib_before_the_hello_is_refused(self):
        connection = self.connect(greet=False)
        connection.send(struct.pack(">I", 65537) + b"\x93\x01\x01")
        self.assert_refused(connection.receive(), 0, p.ETOOBIG, "HELLO")
        self.assertTrue(connection.closed())

    def test_other_protocols_are_told_what_this_is(self):
        for words in (b"GET / HTTP/1.1\r\n\r\n", b"*1\r\n$4\r\nPING\r\n", b"\x16\x03\x01\x02\x00\x01"):
            connection = self.connect(greet=False)
            connection.send(words)
            self.assert_refused(connection.receive(), 0, p.ETOOBIG, "native protocol")
            self.assertTrue(connection.closed())

    def test_a_peer_on_the_client_port_is_sent_away(self):
        connection = self.connect(greet=False)
        self.assert_refused(connection.ask(p.hello(role=1, node=5)), 1, p.EPROTO, "peer port")


class Requests(OneNode):
    def test_put_get_delete_with_contexts(self):
        connection = self.connect()
        answer = connection.ask(p.put(1, b"key", b"value"))
        self.assertEqual(answer[:3], [p.RESULT, 1, 0])
        context = answer[4]
        self.assertEqual(connection.ask(p.get(2, b"key"))[5][0][0], b"value")
        self.assertEqual(connection.ask(p.put(3, b"key", b"next", context))[2], 0)
        self.assertEqual([v[0] for v in connection.ask(p.get(4, b"key"))[5]], [b"next"])
        self.assertEqual(connection.ask(p.delete(5, b"key"))[2], 0)
        self.assertEqual(connection.ask(p.get(6, b"key"))[2], p.ENOTFOUND)
        self.assertEqual(connection.ask(p.delete(7, b"never was"))[2], 0)

    def test_numbers_are_added_to(self):
        connection = self.connect()
        self.assertEqual(connection.ask(p.add(1, b"count", 7))[9:], [7])
        self.assertEqual(connection.ask(p.add(2, b"count", -10))[9:], [-3])
        shown = connection.ask(p.get(3, b"count"))[5]
        self.assertEqual((shown[0][0], shown[0][2:]), (b"-3", [0, True]))
        listed = connection.ask(p.frame(p.LIST, 4, b"count", None, 0, True, None))[2]
        self.assertEqual([entry[:2] for entry in listed], [[b"count", b"-3"]])
        connection.ask(p.put(5, b"count", b"9223372036854775806"))
        self.assertEqual(connection.ask(p.add(6, b"count", 1))[9:], [(1 << 63) - 1])
        self.assert_refused(connection.ask(p.add(7, b"count", 1)), 7, p.EINVAL,
                            "increment or decrement would overflow")
        connection.ask(p.put(8, b"count", b"one"))
        self.assert_refused(connection.ask(p.add(9, b"count", 1)), 9, p.EINVAL,
                            "value is not an integer or out of range")
        context = connection.ask(p.get(10, b"count"))[4]
        self.assert_refused(connection.ask(
            p.frame(p.REQUEST, 11, p.ADD, b"count", None, context, 1, None)), 11, p.EINVAL, "context")

    def test_expiry_is_set_told_and_kept_to_the_millisecond(self):
        connection = self.connect()
        self.assertEqual(connection.ask(p.expire(1, b"fleeting", 5))[2], p.ENOTFOUND)
        connection.ask(p.frame(p.REQUEST, 2, p.PUT_UNTIL, b"fleeting", b"v", None, 1 << 45, None))
        self.assertEqual(connection.ask(p.get(3, b"fleeting"))[5][0][2:], [1 << 45])
        until_ms = int(time.time() * 1000) + 300
        self.assertEqual(connection.ask(p.expire(4, b"fleeting", until_ms))[9:], [1 << 45])
        cluster.wait_until(lambda: connection.ask(p.get(5, b"fleeting"))[2] != 0, "it expires")
        self.assertGreater(time.time() * 1000, until_ms)

    def test_keys_and_values_are_any_bytes(self):
        connection = self.connect()
        numbers = random.Random(SEED)
        for size in (1, 2, 255, 256, 1000):
            key = numbers.randbytes(size)
            value = numbers.randbytes(size * 100)
            self.assertEqual(connection.ask(p.put(1, key, value))[2], 0)
            self.assertEqual(connection.ask(p.get(2, key))[5][0][0], value)

    def test_thousands_at_once_are_matched_by_id(self):
        connection = self.connect()
        count = 10000
        for start in range(0, count, 1000):
            numbers = range(start, start + 1000)
            connection.send(*(p.put(n, b"many-%d" % n, b"%d" % n) for n in numbers))
        answers = {}
        for _ in range(count):
            answer = connection.receive()
            self.assertEqual(answer[2], 0)
            answers[answer[1]] = answer
        self.assertEqual(set(answers), set(range(count)))
        connection.send(*(p.get(n, b"many-%d" % n) for n in range(count)))
        for _ in range(count):
            answer = connection.receive()
            self.assertEqual(answer[5][0][0], b"%d" % answer[1])

    def test_a_slow_byte_at_a_time_is_as_good(self):
        connection = self.connect()
        for byte in p.put(3, b"slow", b"value"):
            connection.socket.sendall(bytes([byte]))
        self.assertEqual(connection.receive()[:3], [p.RESULT, 3, 0])

    def test_a_half_closed_connection_gets_its_answers_then_the_end(self):
        connection = self.connect()
        connection.send(*(p.put(n, b"half-%d" % n, b"x") for n in range(500)))
        connection.end_input()
        numbers = {connection.receive()[1] for _ in range(500)}
        self.assertEqual(numbers, set(range(500)))
        self.assertTrue(connection.closed())

    def test_clients_that_leave_in_the_middle_do_no_harm(self):
        for round_number in range(30):
            connection = self.connect()
            connection.send(*(p.put(n, b"left-%d" % n, b"x" * 1000) for n in range(200)))
            if round_number % 2:
                connection.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            connection.socket.close()

    def test_list_status_and_ring(self):
        connection = self.connect()
        for number in range(5):
            connection.ask(p.put(number, b"listed-%d" % number, b"v"))
        answer = connection.ask(p.frame(p.LIST, 9, b"listed-", None, 0, True, None))
        self.assertEqual(answer[0], p.LIST_REPLY)
        self.assertEqual(sorted(entry[0] for entry in answer[2]), [b"listed-%d" % n for n in range(5)])
        status = connection.ask(p.frame(p.STATUS, 10))
        self.assertEqual((status[0], status[4]), (p.STATUS_REPLY, "test"))
        ring = connection.ask(p.frame(p.RING, 11))
        self.assertEqual((ring[0], ring[4], len(ring[7])), (p.RING_REPLY, 64, 128))

    def test_unknown_fields_at_the_end_are_passed_over(self):
        connection = self.connect()
        surplus = ({"new": [1, 2]}, "more")
        put = (4, p.PUT, b"k", b"v", None, 0, None)
        trace = bytes(range(1, 26))
        for behind in (surplus, (None, *surplus), (trace, *surplus), (None,)):
            message = p.frame(p.REQUEST, *put, *behind)
            self.assertEqual(connection.ask(message)[1:3], [4, 0], behind)
            message = p.frame(p.LIST, 5, b"k", None, 0, True, None, *behind)
            self.assertEqual(connection.ask(message)[2], [[b"k", b"v"]], behind)

    def test_bytes_that_are_no_trace_are_refused_and_the_connection_goes_on(self):
        connection = self.connect()
        for trace in (b"", b"more", bytes(25), b"x" * 26, "more"):
            message = p.frame(p.REQUEST, 4, p.PUT, b"k", b"v", None, 0, None, trace)
            self.assertEqual(connection.ask(message)[1:3], [4, p.EPROTO], trace)
        self.assertEqual(connection.ask(p.put(5, b"k", b"v"))[2], 0)


class Refusals(OneNode):
    """Each with a reason; the connection goes on."""

    def test_sizes_over_the_limits(self):
        connection = self.connect()
        self.assert_refused(connection.ask(p.put(1, b"", b"v")), 1, p.EINVAL, "key is empty")
        self.assert_refused(
            connection.ask(p.put(2, b"k" * 1001, b"v")), 2, p.ETOOBIG, "1001", "limits.key_bytes"
        )
        self.assert_refused(
            connection.ask(p.put(3, b"k", b"v" * 100001)), 3, p.ETOOBIG, "100001", "limits.value_bytes"
        )
        for size in (2 << 20, 20 << 20, 100 << 20):
            answer = connection.ask(p.put(4, b"k", b"v" * size))
            self.assert_refused(answer, 4, p.ETOOBIG, "limits.value_bytes")
        self.assertEqual(connection.ask(p.put(5, b"k" * 1000, b"v" * 100000))[2], 0)

    def test_options_that_make_no_sense(self):
        connection = self.connect()
        self.assert_refused(connection.ask(p.get(1, b"k", [0, 9])), 1, p.EINVAL, "r is 9")
        answer = connection.ask(p.get(2, b"k", [0, 2]))
        self.assertEqual(answer[1], 2)
        self.assertEqual(answer[2], p.EINVAL, answer)
        answer = connection.ask(p.frame(p.REQUEST, 3, 77, b"k", None, None, 0, None))
        self.assertEqual(answer[1:3], [3, p.EPROTO])

    def test_contexts_that_are_forged_or_of_another_key(self):
        connection = self.connect()
        context = connection.ask(p.put(1, b"one", b"v"))[4]
        self.assertEqual(connection.ask(p.put(2, b"other", b"v", context))[2], p.ECONTEXT)
        forged = bytearray(context)
        forged[5] ^= 1
        self.assertEqual(connection.ask(p.put(3, b"one", b"v", bytes(forged)))[2], p.ECONTEXT)
        self.assertEqual(connection.ask(p.put(4, b"one", b"v", b"nonsense"))[2], p.ECONTEXT)
        self.assertEqual([v[0] for v in connection.ask(p.get(5, b"one"))[5]], [b"v"])

    def test_kinds_that_clients_are_not_served(self):
        connection = self.connect()
        for kind in (0, p.RESULT, 29, p.FETCH, 43, 4000000000):
            self.assert_refused(connection.ask(p.frame(kind, 5, b"x")), 5, p.EUNSUPPORTED)
        self.assert_refused(connection.ask(p.hello(6)), 6, p.EPROTO)

    def test_fields_that_are_missing_or_of_the_wrong_type(self):
        connection = self.connect()
        for fields in ((), (p.PUT,), (p.PUT, b"k"), (p.PUT, 5, b"v", None, 0, None),
                       (p.PUT, b"k", [1], None, 0, None), ("put", b"k", b"v", None, 0, None),
                       (p.GET, b"k", b"value in a get", None, 0, None)):
            answer = connection.ask(p.frame(p.REQUEST, 8, *fields))
            self.assertEqual(answer[:2], [p.RESULT, 8])
            self.assertEqual(answer[2], p.EPROTO, fields)
        self.assertEqual(connection.ask(p.frame(p.PING, 9)), [p.PONG, 9])

    def test_the_peer_port_serves_clients_the_cluster_but_no_keys(self):
        connection = self.connect(port=self.node.peer_port)
        self.assertEqual(connection.ask(p.frame(p.PING, 1)), [p.PONG, 1])
        self.assertEqual(connection.ask(p.frame(p.STATUS, 2))[0], p.STATUS_REPLY)
        self.assert_refused(connection.ask(p.get(3, b"k")), 3, p.EUNSUPPORTED, "client port")


class Malice(OneNode):
    def test_malformed_frames_end_their_connection_with_a_reason(self):
        payloads = (
            b"\xc1",
            b"\x05",
            b"\x90",
            b"\x91\x05",
            b"\x92\x05",
            b"\x93\x05\x07\xdd\xff\xff\xff\xff",
            b"\x93\x05\x07\xc6\xff\xff\xff\xff",
            b"\x92\x05\x07\x00",
            b"\x93\x05\x07" + b"\x91" * 100 + b"\x00",
            b"\x93\x05\x07\x81\xc0",
            b"\x92\xa1x\x07",
            b"",
        )
        for payload in payloads:
            for port in (self.node.client_port, self.node.peer_port):
                connection = self.connect(port=port)
                connection.send(struct.pack(">I", len(payload)) + payload)
                answer = connection.receive()
                self.assertIsNotNone(answer, payload)
                self.assertEqual((answer[0], answer[2]), (p.RESULT, p.EPROTO), payload)
                self.assertTrue(connection.closed())

    def test_a_length_beyond_all_bounds_ends_the_connection(self):
        connection = self.connect()
        connection.send(struct.pack(">I", 0xFFFFFFFF) + b"\x93\x05\x07")
        answer = connection.receive()
        self.assertEqual((answer[0], answer[2]), (p.RESULT, p.ETOOBIG))
        self.assertTrue(connection.closed())

    def test_announced_megabytes_that_never_come_cost_nothing(self):
        before = self.resident_kib()
        connections = [self.connect() for _ in range(40)]
        for connection in connections:
            connection.send(struct.pack(">I", 100000) + b"\x98\x05\x07")
        self.assertEqual(self.witness.ask(p.frame(p.PING, 3)), [p.PONG, 3])
        self.assertLess(self.resident_kib() - before, 20 * 1024)

    def resident_kib(self):
        with open(f"/proc/{self.node.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS"):
                    return int(line.split()[1])
        raise AssertionError("no VmRSS")

    def test_answers_that_nobody_reads_cost_bounded_memory(self):
        value = b"v" * 100000
        self.assertEqual(self.witness.ask(p.put(1, b"large", value))[2], 0)
        before = self.resident_kib()
        connection = self.connect()
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.socket.settimeout(1)
        question = b"".join(p.get(n, b"large") for n in range(1000))
        try:
            for _ in range(200):  # 20 GB of answers, if nothing stopped it
                connection.socket.sendall(question)
        except TimeoutError:
            pass  # the node has stopped reading
        self.assertLess(self.resident_kib() - before, 500 * 1024)  # sanitizers keep what is freed

    def test_random_bytes_crash_nothing(self):
        numbers = random.Random(SEED)
        for _ in range(150):
            connection = self.connect(greet=numbers.random() < 0.8)
            payload = bytearray(numbers.randbytes(numbers.randrange(1, 300)))
            if numbers.random() < 0.7:
                payload[0] = 0x90 | numbers.randrange(2, 10)
                if len(payload) > 2:
                    payload[1] = numbers.randrange(1, 45)
            connection.send(struct.pack(">I", len(payload)) + payload)
            connection.end_input()
            while connection.receive() is not None:
                pass
            connection.socket.close()

    def test_mutated_requests_crash_nothing(self):
        numbers = random.Random(SEED + 1)
        seeds = [p.put(1, b"key", b"value", b"c" * 40, 5, [1, 1, 1, 0, 0, 0, 100]), p.get(2, b"key"),
                 p.frame(p.LIST, 3, b"p", b"cursor", 10, True, None), p.frame(p.RING, 4),
                 p.frame(p.JOIN, 5, "host.invalid", 1, 1000), p.hello(6)]
        for _ in range(300):
            message = bytearray(numbers.choice(seeds))
            for _ in range(numbers.randrange(1, 4)):
                message[numbers.randrange(4, len(message))] = numbers.randrange(256)
            connection = self.connect()
            connection.send(bytes(message))
            connection.end_input()
            while connection.receive() is not None:
                pass
            connection.socket.close()

    def test_one_client_too_many_is_told_so(self):
        held = []
        refused = None
        while refused is None and len(held) < 100:
            connection = self.connect(greet=False)
            answer = connection.ask(p.hello())
            held.append(connection)
            if answer is None or answer[0] == p.RESULT:
                refused = answer
        self.assert_refused(refused, 0, p.EOVERLOAD, "limits.connections")
        for connection in held:
            connection.socket.close()
        cluster.wait_until(self.has_room, "there is room for clients again")

    def has_room(self):
        with p.Connection(self.node.client_port, greet=False) as connection:
            answer = connection.ask(p.hello())
            return answer is not None and answer[0] == p.HELLO_REPLY


if __name__ == "__main__":
    cluster.main()
