#!/usr/bin/python3
"""What a standalone node promises Redis's clients beyond what Redis itself shows in one connection: everything
is exact, atomic and isolated whatever workers hold the keys, and stays so when the process is killed."""
import collections
import os
import random
import sys
import threading
import time
import unittest
from unittest.mock import ANY

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import resp  # noqa: E402
from threads import in_threads  # noqa: E402

SEED = int(os.environ.get("SHOAL_TEST_SEED", "20261122"))
STANDALONE = {"quorum": {"n": 1, "r": 1, "w": 1}, "workers": 3}
DURABLE = {"engine": "log", "durability": "sync"}
CONNECTIONS = 20


def started(**settings):
    """A group of one node that serves."""
    group = cluster.Cluster(1, **{**STANDALONE, **settings})
    node = group.__enter__().nodes[0]
    cluster.wait_until(node.status, "the node has founded its cluster")
    return group, node


class Case(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.group, cls.node = started(**cls.settings)
        cls.addClassCleanup(cls.group.__exit__, None)

    def setUp(self):
        self.assertEqual(self.connect().call("FLUSHALL"), b"OK")

    def connect(self):
        connection = resp.Connection((self.node.host, self.node.redis_port))
        self.addCleanup(connection.close)
        return connection


class Atomic(Case):
    """Read-modify-write by many at once."""

    def test_counters_by_watch_lose_no_update(self):
        def count(_):
            connection = self.connect()
            for _ in range(15):
                while True:
                    connection.call("WATCH", "n", "m")
                    values = [int(value or 0) for value in connection.call("MGET", "n", "m")]
                    self.assertEqual(values[0], values[1])
                    replies = connection.pipeline(
                        [("MULTI",), ("SET", "n", values[0] + 1), ("SET", "m", values[1] + 1), ("EXEC",)])
                    if replies[-1] != resp.NIL_ARRAY:
                        self.assertEqual(replies[-1], ("*", (resp.OK, resp.OK)))
                        break

        in_threads(count, range(CONNECTIONS))
        self.assertEqual(self.connect().call("MGET", "n", "m"), [b"300", b"300"])

    def test_increments_and_appends_by_many(self):
        def change(number):
            connection = self.connect()
            for _ in range(50):
                connection.pipeline([("INCR", "i"), ("DECRBY", "d", 3), ("INCRBYFLOAT", "f", "0.5"),
                                     ("APPEND", "a", f"<{number:02}>"), ("SETBIT", "b", number, 1)])

        in_threads(change, range(CONNECTIONS))
        self.assertEqual(self.connect().call("MGET", "i", "d", "f"), [b"1000", b"-3000", b"500"])
        text = self.connect().call("GET", "a").decode()
        parts = collections.Counter(text[at:at + 4] for at in range(0, len(text), 4))
        self.assertEqual(parts, {f"<{number:02}>": 50 for number in range(CONNECTIONS)})
        self.assertEqual(self.connect().call("BITCOUNT", "b"), CONNECTIONS)

    def test_setnx_and_set_nx_are_won_by_one(self):
        won = collections.Counter()

        def race(number):
            connection = self.connect()
            for key in range(40):
                words = ("SETNX", f"l{key}", number) if number % 2 else ("SET", f"l{key}", number, "NX")
                if connection.call(*words) in (1, b"OK"):
                    won[key] += 1
                    self.assertEqual(connection.call("GET", f"l{key}"), b"%d" % number)

        in_threads(race, range(CONNECTIONS))
        self.assertEqual(won, {key: 1 for key in range(40)})

    def test_getdel_and_getset_hand_each_value_out_once(self):
        got = []

        def take(number):
            connection = self.connect()
            for at in range(40):
                got.append(connection.call("GETSET", "chain", f"{number}/{at}"))
                if connection.call("SET", f"job{at}", "x", "NX") == b"OK":
                    got.append(f"made{at}".encode())
                if connection.call("GETDEL", f"job{at}") is not None:
                    got.append(f"took{at}".encode())

        in_threads(take, range(8))
        got.append(self.connect().call("GET", "chain"))
        seen = collections.Counter(got)
        chain = {value: count for value, count in seen.items() if value is None or b"/" in value}
        self.assertEqual((len(chain), set(chain.values())), (8 * 40 + 1, {1}))
        for at in range(40):  # whoever made it, one took it
            self.assertEqual(seen[f"made{at}".encode()], seen[f"took{at}".encode()])

    def test_msetnx_is_all_or_nothing(self):
        keys = [f"m{number}" for number in range(6)]
        won = []

        def race(number):
            connection = self.connect()
            chosen = random.Random(SEED + number)
            for at in range(60):
                some = chosen.sample(keys, 3)
                token = f"{number}/{at}"
                if connection.call("MSETNX", *sum(([key, token] for key in some), [])):
                    won.append(token)
                    self.assertEqual(connection.call("MGET", *some), [token.encode()] * 3)
                    self.assertEqual(connection.call("DEL", *some), 3)

        in_threads(race, range(8))
        self.assertGreater(len(won), 0)
        self.assertEqual(self.connect().call("EXISTS", *keys), 0)

    def test_mset_and_mget_see_no_half(self):
        keys = [f"key{number}" for number in range(10)]
        self.connect().call("MSET", *sum(([key, "0"] for key in keys), []))

        def work(number):
            connection = self.connect()
            for at in range(150):
                if number % 2:
                    connection.call("MSET", *sum(([key, f"{number}/{at}"] for key in keys), []))
                else:
                    self.assertEqual(len(set(connection.call("MGET", *keys))), 1)

        in_threads(work, range(6))


class AcrossWorkers(Case):
    """Commands on several keys, wherever those are."""

    def test_a_renamed_key_is_always_under_exactly_one_name(self):
        names = [f"name{number}" for number in range(12)]
        self.connect().call("SET", names[0], "the value")
        over = threading.Event()

        def watch(_):
            connection = self.connect()
            while not over.is_set():
                self.assertEqual(connection.call("EXISTS", *names), 1)
                values = [value for value in connection.call("MGET", *names) if value is not None]
                self.assertEqual(values, [b"the value"])

        def rename(_):
            try:
                connection = self.connect()
                for at in range(400):
                    self.assertEqual(connection.call("RENAME", names[at % 12], names[(at + 1) % 12]), b"OK")
            finally:
                over.set()

        in_threads(lambda kind: kind(None), [rename, watch, watch])

    def test_copy_and_bitop_of_every_pair(self):
        connection = self.connect()
        for number in range(40):
            first, second, third = f"a{number}", f"b{number}", f"c{number}"
            replies = connection.pipeline([
                ("SET", first, b"\x0f%d" % number, "EX", 1000), ("COPY", first, second), ("COPY", first, second),
                ("COPY", first, second, "REPLACE"), ("TTL", second), ("BITOP", "XOR", third, first, second),
                ("GET", third), ("BITOP", "NOT", third, first), ("STRLEN", third), ("RENAMENX", first, second),
                ("RENAMENX", first, f"d{number}"), ("EXISTS", first, second, third, f"d{number}"),
            ])
            length = 1 + len(str(number))
            self.assertEqual([reply[1] for reply in replies], [
                b"OK", 1, 0, 1, ANY, length, b"\x00" * length, length, length, 0, 1, 3])
            self.assertIn(replies[4][1], range(900, 1001))

    def test_transfers_between_accounts_conserve_their_sum(self):
        accounts = [f"account{number}" for number in range(10)]
        self.connect().call("MSET", *sum(([account, 100] for account in accounts), []))
        over = threading.Event()

        def transfer(number):
            connection = self.connect()
            chosen = random.Random(SEED + number)
            for _ in range(100):
                source, target = chosen.sample(accounts, 2)
                connection.call("WATCH", source)
                amount = min(chosen.randrange(50), int(connection.call("GET", source)))
                connection.pipeline(
                    [("MULTI",), ("DECRBY", source, amount), ("INCRBY", target, amount), ("EXEC",)])

        def audit(number):
            connection = self.connect()
            while not over.is_set():
                if number % 2:
                    balances = connection.call("MGET", *accounts)
                else:
                    replies = connection.pipeline(
                        [("MULTI",), *(("GET", account) for account in accounts), ("EXEC",)])
                    balances = resp.plain(replies[-1])
                self.assertEqual(sum(map(int, balances)), 1000)
                self.assertGreaterEqual(min(map(int, balances)), 0)

        auditors = threading.Thread(target=lambda: in_threads(audit, range(2)))
        failed = []
        previous = threading.excepthook
        threading.excepthook = lambda told: failed.append(told.exc_value)
        self.addCleanup(setattr, threading, "excepthook", previous)
        auditors.start()
        try:
            in_threads(transfer, range(8))
        finally:
            over.set()
            auditors.join()
        self.assertEqual(failed, [])

    def test_flushall_within_a_transaction_and_beside_others(self):
        first, second = self.connect(), self.connect()
        first.call("MSET", "a", 1, "b", 2, "c", 3)
        second.call("WATCH", "b")
        replies = first.pipeline([("MULTI",), ("DBSIZE",), ("FLUSHALL",), ("SET", "d", 4), ("DBSIZE",),
                                  ("KEYS", "*"), ("EXEC",)])
        self.assertEqual(resp.plain(replies[-1]), [3, b"OK", b"OK", 1, [b"d"]])
        self.assertEqual(second.pipeline([("MULTI",), ("PING",), ("EXEC",)])[-1], resp.NIL_ARRAY)
        self.assertEqual(first.call("DBSIZE"), 1)


class Durable(Case):
    settings = {"storage": DURABLE}

    def test_transfers_survive_being_killed(self):
        """Each transaction moves money and counts itself: all of it is there afterwards, or nothing."""
        accounts = [f"account{number}" for number in range(8)]
        self.connect().call("MSET", *sum(([account, 1000] for account in accounts), []))
        workers = 6
        acknowledged = [0] * workers
        for round_number in range(3):
            attempted = list(acknowledged)

            def transfer(number):
                chosen = random.Random(SEED + number + round_number * 100)
                connection = self.connect()
                try:
                    while True:
                        source, target = chosen.sample(accounts, 2)
                        attempted[number] += 1
                        replies = connection.pipeline(
                            [("MULTI",), ("DECRBY", source, 7), ("INCRBY", target, 7),
                             ("INCR", f"done{number}"), ("EXEC",)])
                        self.assertEqual(resp.plain(replies[-1])[2], attempted[number])
                        acknowledged[number] += 1
                except (EOFError, OSError):
                    pass  # killed

            def kill(_):
                begun = sum(acknowledged)
                cluster.wait_until(lambda: sum(acknowledged) >= begun + 150, "transfers are made")
                self.node.kill()

            in_threads(lambda number: kill(None) if number == workers else transfer(number),
                       range(workers + 1))
            self.node.start()
            connection = cluster.wait_until(self.try_connect, "it serves again")
            balances = [int(value) for value in connection.call("MGET", *accounts)]
            self.assertEqual(sum(balances), 8000, balances)
            for number in range(workers):
                done = int(connection.call("GET", f"done{number}") or 0)
                self.assertIn(done, (acknowledged[number], attempted[number]))
                acknowledged[number] = done

    def try_connect(self):
        try:
            connection = self.connect()
            return connection if connection.call("PING") == b"PONG" else None
        except (OSError, EOFError):
            return None

    def test_what_was_acknowledged_is_there_after_a_kill(self):
        connection = self.connect()
        connection.pipeline([("SET", f"k{number}", number, "EX", 1000) for number in range(500)])
        connection.pipeline([("INCR", f"k{number}") for number in range(500)])
        connection.call("DEL", *(f"k{number}" for number in range(0, 500, 2)))
        self.node.kill()
        self.node.start()
        connection = cluster.wait_until(self.try_connect, "it serves again")
        self.assertEqual(connection.call("DBSIZE"), 250)
        self.assertEqual(connection.call("MGET", "k0", "k1", "k499"), [None, b"2", b"500"])
        self.assertGreater(connection.call("PTTL", "k1"), 0)


class Time(Case):
    def test_expiry_to_the_millisecond_and_never_early(self):
        connection = self.connect()
        due = {}
        for number in range(60):
            life_ms = 40 + number * 7
            before = time.monotonic()
            connection.call("SET", f"t{number}", "x", "PX", life_ms)
            due[f"t{number}"] = (before + life_ms / 1000, time.monotonic() + life_ms / 1000)

        def check():
            for key, (earliest, latest) in list(due.items()):
                begun = time.monotonic()
                gone = connection.call("GET", key) is None
                if gone:
                    self.assertGreaterEqual(time.monotonic(), earliest - 0.001, f"{key} has gone early")
                    del due[key]
                else:
                    self.assertLess(begun, latest + 0.002, f"{key} is still there")
            return not due

        cluster.wait_until(check, "all have expired")
        self.assertEqual(connection.call("DBSIZE"), 0)
        self.assertEqual(connection.call("KEYS", "*"), [])

    def test_an_expired_key_is_absent_for_every_command(self):
        connection = self.connect()
        connection.call("SET", "e", "x", "PX", 20)
        cluster.wait_until(lambda: connection.call("EXISTS", "e") == 0, "it expires")
        for words, reply in (
            (("TTL", "e"), -2), (("GET", "e"), None), (("TYPE", "e"), b"none"), (("STRLEN", "e"), 0),
            (("PERSIST", "e"), 0), (("EXPIRE", "e", 10), 0), (("SETNX", "e", 1), 1), (("INCR", "e"), 2),
            (("TTL", "e"), -1),
        ):
            self.assertEqual(connection.call(*words), reply, words)

    def test_a_watched_key_that_expires_aborts_the_transaction(self):
        connection, other = self.connect(), self.connect()

        def watched():
            """It was still there when it was watched."""
            connection.pipeline([("UNWATCH",), ("SET", "w", "x", "PX", 30), ("WATCH", "w")])
            return connection.call("PTTL", "w") > 0

        cluster.wait_until(watched, "a key that will expire is watched")
        cluster.wait_until(lambda: other.call("PTTL", "w") == -2, "it expires")
        self.assertEqual(connection.pipeline([("MULTI",), ("PING",), ("EXEC",)])[-1], resp.NIL_ARRAY)


if __name__ == "__main__":
    cluster.main()
