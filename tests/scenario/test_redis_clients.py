#!/usr/bin/python3
"""Redis's own tools and the clients that applications use, unchanged, against a standalone node and against
three: redis-cli, redis-benchmark, redis-py, hiredis, ioredis and node-redis."""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import node_clients  # noqa: E402
import resp  # noqa: E402
from threads import in_threads  # noqa: E402

try:
    import redis
except ImportError:
    redis = None

REFUSED = "needs a linearizable key"
COMMAND_S = 60
NODE_FOLDER = os.environ.get("SHOAL_NODE_CLIENTS", "")
HIREDIS = os.environ.get("SHOAL_HIREDIS", "")

alone = None  # the standalone node
three = None  # the cluster's nodes


def setUpModule():
    global alone, three
    group = cluster.Cluster(1, quorum={"n": 1, "r": 1, "w": 1})
    alone = group.__enter__().nodes[0]
    unittest.addModuleCleanup(group.__exit__, None)
    cluster.wait_until(alone.status, "the node has founded its cluster")
    spread = cluster.Cluster(3)
    three = spread.__enter__().nodes
    unittest.addModuleCleanup(spread.__exit__, None)


def port_of(node):
    return str(node.redis_port)


def run(*arguments, stdin=b"", status=0):
    """What it prints."""
    outcome = subprocess.run(
        [str(argument) for argument in arguments], input=stdin, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=COMMAND_S, check=False,
    )
    if outcome.returncode != status:
        raise AssertionError(f"{arguments} ended with {outcome.returncode}: {outcome.stdout[-3000:]}")
    return outcome.stdout


class Case(unittest.TestCase):
    def setUp(self):
        for node in (alone, three[0]):
            with resp.Connection((node.host, node.redis_port)) as connection:
                self.assertEqual(connection.call("FLUSHALL"), b"OK")


@unittest.skipUnless(shutil.which("redis-cli"), "redis-cli is not installed (redis-tools)")
class RedisCli(Case):
    def cli(self, node, *arguments, **options):
        return run("redis-cli", "-p", port_of(node), *arguments, **options)

    def test_commands_of_both_versions_of_the_protocol(self):
        for node in (alone, three[1]):
            for flags in ((), ("-3",)):
                self.assertEqual(self.cli(node, *flags, "set", "a", "1"), b"OK\n")
                self.assertEqual(self.cli(node, *flags, "get", "a"), b"1\n")
                self.assertEqual(self.cli(node, *flags, "get", "none"), b"\n")
                self.assertEqual(self.cli(node, *flags, "--no-raw", "get", "none"), b"(nil)\n")
                self.assertEqual(self.cli(node, *flags, "--no-raw", "del", "a"), b"(integer) 1\n")
                self.assertEqual(self.cli(node, *flags, "--csv", "mget", "a", "b"), b"NULL,NULL\n")
            self.assertEqual(json.loads(self.cli(node, "--json", "hello"))["proto"], 3)
            self.assertEqual(self.cli(node, "-x", "set", "in", stdin=b"a\nb"), b"OK\n")
            self.assertEqual(self.cli(node, "get", "in"), b"a\nb\n")
            self.assertEqual(self.cli(node, "-r", "3", "-i", "0.01", "incr", "n"), b"1\n2\n3\n")
            self.assertEqual(self.cli(node, "-n", "0", "ping"), b"PONG\n")
            self.assertIn(b"ERR unknown command", self.cli(node, "nosuch"))
            self.assertIn(b"nosuch", self.cli(node, "-e", "nosuch", status=1))
            self.assertIn(b"redis_version:", self.cli(node, "info", "server"))

    def test_a_transaction_from_standard_input(self):
        self.assertEqual(
            self.cli(alone, stdin=b"multi\nset a 1\nincr a\nexec\n"), b"OK\nQUEUED\nQUEUED\nOK\n2\n")
        self.assertIn(REFUSED.encode(), self.cli(three[0], stdin=b"multi\n"))

    def test_mass_insertion_by_pipe(self):
        for node, count in ((alone, 20000), (three[2], 5000)):
            data = b"".join(resp.command("SET", f"pipe:{n}", f"value {n}") for n in range(count))
            self.assertIn(b"errors: 0, replies: %d" % count, self.cli(node, "--pipe", stdin=data))
            self.assertEqual(int(self.cli(node, "dbsize")), count)
            self.assertEqual(self.cli(node, "get", "pipe:4999"), b"value 4999\n")
            wrong = resp.command("GET") + resp.command("SET", "last", "1")
            self.assertIn(b"errors: 1, replies: 2", self.cli(node, "--pipe", stdin=wrong, status=1))

    def test_scan_and_bigkeys(self):
        for node in (alone, three[0]):
            wanted = {f"s:{n}" for n in range(1000)}
            self.cli(node, "--pipe", stdin=b"".join(resp.command("SET", key, "x") for key in wanted))
            self.cli(node, "set", "other", "x" * 1000)
            self.assertEqual(set(self.cli(node, "--scan", "--pattern", "s:*").decode().split()), wanted)
            self.assertEqual(self.cli(node, "--scan", "--pattern", "oth??").split(), [b"other"])
            self.assertEqual(len(self.cli(node, "--scan").split()), 1001)
            self.assertIn(b'Biggest string found \'"other"\' has 1000 bytes', self.cli(node, "--bigkeys"))

    def test_a_person_at_a_terminal_gets_hints_and_help(self):
        for node in (alone, three[0]):
            with Terminal("redis-cli", "-p", port_of(node)) as terminal:
                terminal.type("set greeting hello")
                terminal.expect("OK")
                terminal.type("help getrange")
                terminal.expect("GETRANGE key start end")
                terminal.type("hello 3")
                terminal.expect("proto")
                terminal.type("get greeting")
                terminal.expect('"hello"')
                terminal.type("quit")
                terminal.wait_end()


class Terminal:
    """A program that believes a person types."""

    def __init__(self, *arguments):
        self._parent, child = pty.openpty()
        termios.tcsetwinsize(child, (24, 80))  # or it asks the terminal, which is none
        self._seen = ""
        environment = {**os.environ, "TERM": "xterm", "HOME": "/nonexistent"}
        self.process = subprocess.Popen(
            arguments, stdin=child, stdout=child, stderr=child, env=environment, start_new_session=True)
        os.close(child)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._parent)

    def type(self, text):
        """At the prompt, not before: what is typed ahead is thrown away."""
        self._wait_for(lambda shown: shown.rstrip("\r").endswith("> "), "a prompt")
        self._seen = ""
        os.write(self._parent, text.encode() + b"\r")

    def expect(self, text):
        self._wait_for(lambda shown: text in shown, repr(text))

    def _read(self, wait_s):
        if not select.select([self._parent], [], [], wait_s)[0]:
            return False
        try:
            self._seen += os.read(self._parent, 65536).decode(errors="replace")
        except OSError:  # it has ended
            return False
        return True

    def _wait_for(self, condition, what):
        def shown():
            self._read(0.1)
            return condition(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._seen))

        try:
            cluster.wait_until(shown, f"{what} is shown", COMMAND_S)
        except AssertionError as error:
            raise AssertionError(f"{error}; what is: {self._seen[-500:]!r}") from None

    def wait_end(self):
        cluster.wait_until(
            lambda: self._read(0.01) or self.process.poll() is not None and not self._read(0), "it ends")


@unittest.skipUnless(shutil.which("redis-benchmark"), "redis-benchmark is not installed (redis-tools)")
class RedisBenchmark(Case):
    def bench(self, node, *flags):
        return run("redis-benchmark", "-p", port_of(node), *flags).decode()

    def test_what_suits_a_store_of_strings(self):
        for node in (alone, three[0]):
            for flags in (("-c", "20"), ("-P", "16", "-r", "1000"), ("-3", "--threads", "2")):
                told = self.bench(node, "-q", "-n", "2000", "-t",
                                  "ping_inline,ping_mbulk,set,get,incr,mset", *flags)
                for words in ("PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"):
                    self.assertRegex(told, re.escape(words) + r": [0-9.]+ requests per second")
                self.assertNotIn("WARN", told)
                self.assertNotIn("rror", told)

    def test_a_command_of_ones_own(self):
        told = self.bench(three[1], "--csv", "-n", "1000", "-r", "100", "set", "k:__rand_int__", "v")
        self.assertIn("set k:__rand_int__ v", told)


@unittest.skipUnless(redis, "redis-py is not installed (python3-redis)")
class RedisPy(Case):
    def client(self, node, **options):
        client = redis.Redis(node.host, node.redis_port, socket_timeout=resp.RECEIVE_S, **options)
        self.addCleanup(client.close)
        return client

    def test_strings_bytes_and_options(self):
        for node in (alone, three[0]):
            text = self.client(node, decode_responses=True)
            raw = self.client(node)
            self.assertTrue(text.set("a", "grün", ex=1000))
            self.assertEqual((text.get("a"), raw.get("a")), ("grün", "grün".encode()))
            self.assertIn(text.ttl("a"), range(900, 1001))
            self.assertTrue(text.mset({"b": 1, "c": 2.5}))
            self.assertEqual(text.mget("a", "b", "c", "d"), ["grün", "1", "2.5", None])
            self.assertEqual((text.incr("b"), text.decrby("b", 10), text.incr("new", 5)), (2, -8, 5))
            self.assertEqual((text.exists("a", "b", "d"), text.strlen("c")), (2, 3))
            self.assertEqual(text.getrange("c", 1, -1), ".5")
            self.assertEqual(sorted(text.keys()), ["a", "b", "c", "new"])
            self.assertEqual(set(text.scan_iter("?")), {"a", "b", "c"})
            self.assertEqual(text.dbsize(), 4)
            self.assertIn(text.randomkey(), ("a", "b", "c", "new"))
            self.assertEqual((text.delete("a", "b", "d"), text.unlink("c"), text.type("new")), (2, 1, "string"))
            data = bytes(range(256)) * 100
            raw.set(data[:300], data)
            self.assertEqual(raw.get(data[:300]), data)
            self.assertTrue(text.ping())
            self.assertTrue(text.client_setname("me"))
            self.assertEqual(text.client_getname(), "me")
            self.assertIn("me", [client["name"] for client in text.client_list()])
            info = text.info()
            for name in ("redis_version", "uptime_in_seconds", "connected_clients", "used_memory", "role"):
                self.assertIn(name, info)
            self.assertEqual(text.command()["get"]["arity"], 2)
            self.assertEqual(text.config_get("save"), {"save": ""})
            self.assertTrue(text.flushall())
            self.assertEqual(text.dbsize(), 0)

    def test_errors_are_of_redis_words(self):
        for node in (alone, three[0]):
            client = self.client(node)
            client.set("text", "x")
            for call, words in (
                (lambda: client.incr("text"), "value is not an integer or out of range"),
                (lambda: client.execute_command("GET"), "wrong number of arguments for 'get' command"),
                (lambda: client.execute_command("SET", "a", "b", "FOO"), "syntax error"),
                (lambda: client.execute_command("NOSUCH", "a"), "unknown command 'NOSUCH', with args beginning with: 'a'"),
                (lambda: client.set("a", "b", ex=0), "invalid expire time in 'set' command"),
            ):
                with self.assertRaises(redis.ResponseError) as caught:
                    call()
                self.assertIn(words, str(caught.exception))

    def test_pipelines_of_independent_commands(self):
        for node in (alone, three[1]):
            with self.client(node).pipeline(transaction=False) as pipeline:
                for number in range(5000):
                    pipeline.set(f"p{number}", number)
                    pipeline.get(f"p{number}")
                replies = pipeline.execute()
            self.assertEqual(replies[1::2], [b"%d" % number for number in range(5000)])
            self.assertEqual(set(replies[::2]), {True})

    def test_transactions_stand_alone(self):
        client = self.client(alone)
        with client.pipeline() as pipeline:
            self.assertEqual(pipeline.set("t", 1).incr("t").get("t").execute(), [True, 2, b"2"])

        def double(pipeline):
            value = int(pipeline.get("t"))
            pipeline.multi()
            pipeline.set("t", value * 2)

        self.assertEqual(client.transaction(double, "t"), [True])
        self.assertEqual(client.get("t"), b"4")
        with client.pipeline() as pipeline:
            pipeline.watch("t")
            client.set("t", "changed")
            pipeline.multi()
            pipeline.set("t", "mine")
            self.assertRaises(redis.WatchError, pipeline.execute)

    def test_transactions_say_why_not_in_a_cluster(self):
        client = self.client(three[0])
        for call in (
            lambda: client.pipeline().set("t", 1).execute(),
            lambda: client.set("t", 1, nx=True),
            lambda: client.append("t", "x"),
            lambda: client.transaction(lambda pipeline: None, "t"),
        ):
            with self.assertRaises(redis.ResponseError) as caught:
                call()
            self.assertIn(REFUSED, str(caught.exception))
        self.assertEqual(client.dbsize(), 0)

    def test_a_lock_by_set_nx_is_held_by_one(self):
        inside, seen, name = [], [], "lock"

        def work(number):
            client = self.client(alone)
            for _ in range(20):
                token = f"{number}"
                while not client.set(name, token, nx=True, px=60000):
                    time.sleep(0.001)
                inside.append(number)
                seen.append(len(inside))
                inside.pop()
                with client.pipeline() as pipeline:  # released only by its holder
                    pipeline.watch(name)
                    self.assertEqual(pipeline.get(name), token.encode())
                    pipeline.multi()
                    pipeline.delete(name)
                    pipeline.execute()

        in_threads(work, range(8))
        self.assertEqual((len(seen), set(seen)), (160, {1}))

    def test_a_cache_of_a_web_framework(self):
        """What Django's and Flask's caches do, but `add`, which needs SET NX."""
        for node in (alone, three[0]):
            client = self.client(node)
            client.set("v:1:page", b"\x80pickled", px=100500)
            self.assertEqual(client.get("v:1:page"), b"\x80pickled")
            self.assertTrue(client.expire("v:1:page", 1000))
            self.assertTrue(client.persist("v:1:page"))
            self.assertEqual(client.ttl("v:1:page"), -1)
            with client.pipeline(transaction=False) as pipeline:
                pipeline.mset({"v:1:a": 1, "v:1:b": 2})
                pipeline.expire("v:1:a", 500)
                pipeline.expire("v:1:none", 500)
                self.assertEqual(pipeline.execute(), [True, True, False])
            self.assertEqual(client.setex("v:1:s", 100, "x"), True)
            self.assertEqual(client.incr("v:1:hits", 3), 3)
            client.set("v:1:soon", "x", px=50)
            cluster.wait_until(lambda: client.get("v:1:soon") is None, "it expires")
            self.assertEqual(client.delete("v:1:page", "v:1:none"), 1)
            self.assertTrue(client.flushdb())
            self.assertEqual(list(client.scan_iter("v:1:*")), [])

    def test_counters_from_all_nodes_at_once(self):
        def count(number):
            client = self.client(three[number % 3])
            for _ in range(100):
                client.incr("hits")
                client.incrby("weighted", number)

        in_threads(count, range(9))
        for node in three:
            client = self.client(node)
            self.assertEqual(int(client.get("hits")), 900)
            self.assertEqual(int(client.get("weighted")), 100 * sum(range(9)))
            self.assertEqual(client.incrby("hits", 0), 900)


@unittest.skipUnless(HIREDIS, "hiredis is not installed (libhiredis-dev)")
class Hiredis(Case):
    def test_calls_pipelines_and_events(self):
        for node in (alone, three[0]):
            run(HIREDIS, node.host, port_of(node))


class Node(Case):
    """ioredis and node-redis."""

    @classmethod
    def setUpClass(cls):
        try:
            cls.version = node_clients.node_version()
            cls.folder = node_clients.install(NODE_FOLDER)
        except node_clients.Missing as missing:
            print(f"SKIPPED: ioredis and node-redis: {missing}", flush=True)
            raise unittest.SkipTest(str(missing)) from None

    def use(self, package, program):
        needed = node_clients.PACKAGES[package]
        if self.version < needed:
            print(f"SKIPPED: {package} needs Node.js {needed}, here is {self.version}", flush=True)
            self.skipTest(f"{package} needs Node.js {needed}")
        path = os.path.join(self.folder, program)
        run("node", path, package, "alone", port_of(alone))
        run("node", path, package, "cluster", *map(port_of, three))

    def test_ioredis_5(self):
        self.use("ioredis5", "ioredis.js")

    def test_ioredis_6(self):
        self.use("ioredis6", "ioredis.js")

    def test_node_redis_5(self):
        self.use("redis5", "node_redis.js")

    def test_node_redis_6(self):
        self.use("redis6", "node_redis.js")


if __name__ == "__main__":
    cluster.main()
