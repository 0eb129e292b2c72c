#!/usr/bin/python3
"""The shoal command against one real node: every command, plain and in JSON, the exit statuses, and
input that makes no sense."""
import base64
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402

STANDALONE = {"quorum": {"n": 1, "r": 1, "w": 1}}


class StandaloneCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster.Cluster(1, **STANDALONE)
        cls.node = cls.cluster.__enter__().nodes[0]

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None)

    def good(self, *arguments, **options):
        outcome = self.node.shoal(*arguments, **options)
        self.assertEqual(outcome.status, 0, outcome)
        return outcome

    def bad(self, status, *arguments, **options):
        outcome = self.node.shoal(*arguments, **options)
        self.assertEqual(outcome.status, status, outcome)
        return outcome


class Commands(StandaloneCase):
    def test_ping_on_both_ports(self):
        self.assertEqual(self.good("ping").out, b"PONG\n")
        self.assertEqual(self.good("ping", "--json").out, b'{"message":"PONG"}\n')
        peer = cluster.shoal("ping", "-p", self.node.peer_port, *cluster.PATIENTLY)
        self.assertEqual((peer.status, peer.out), (0, b"PONG\n"))

    def test_put_get_delete_plainly(self):
        self.assertEqual(self.good("put", "plain", "bar").out, b"OK\n")
        self.assertEqual(self.good("get", "plain").out, b"bar\n")
        self.assertEqual(self.good("get", "plain", "--raw").out, b"bar")
        self.assertEqual(self.good("delete", "plain").out, b"OK\n")
        gone = self.bad(1, "get", "plain")
        self.assertEqual(gone.out, b"")
        self.assertIn(b"no such key", gone.err)
        self.assertEqual(self.good("delete", "plain").out, b"OK\n")

    def test_put_get_delete_by_flags(self):
        self.good("put", "-k", "flags", "-v", "bar")
        self.assertEqual(self.good("get", "-k", "flags").out, b"bar\n")
        self.good("put", "-k", "flags", "baz")
        self.assertEqual(self.good("get", "-k", "flags").out, b"baz\n")
        self.good("delete", "-k", "flags")
        self.bad(1, "get", "-k", "flags")

    def test_json_shapes(self):
        put = self.good("put", "shape", "bar", "--json").json()
        self.assertEqual(sorted(put), ["context", "message"])
        self.assertEqual(put["message"], "Ok")
        got = self.good("get", "shape", "--json").json()
        self.assertEqual(sorted(got), ["context", "values"])
        self.assertEqual(got["values"], [{"value": "bar"}])
        deleted = self.good("delete", "shape", "--json", "-c", got["context"]).json()
        self.assertEqual(deleted["message"], "Ok")
        missing = self.bad(1, "get", "shape", "--json")
        self.assertEqual(missing.out, b"")
        self.assertEqual(missing.error()["outcome"], "none")
        self.assertIn("no such key", missing.error()["error"])

    def test_values_from_stdin_are_any_bytes(self):
        value = bytes(range(256)) * 10
        self.good("put", "-k", "bytes", "-v", "-", stdin=value)
        self.assertEqual(self.good("get", "bytes", "--raw").out, value)
        got = self.good("get", "bytes", "--json").json()
        self.assertEqual(list(got["values"][0]), ["value_base64"])
        self.assertEqual(base64.b64decode(got["values"][0]["value_base64"]), value)
        self.good("put", "empty", "-", stdin=b"")
        self.assertEqual(self.good("get", "empty", "--json").json()["values"], [{"value": ""}])

    def test_keys_are_any_bytes(self):
        key = b"binary/\xff\xfe\n\t"
        self.good("put", key, "v")
        self.assertEqual(self.good("get", key).out, b"v\n")
        listed = self.good("list", "--prefix", "binary/", "--json").json()
        self.assertEqual(listed["keys"], [{"key_base64": base64.b64encode(key).decode()}])

    def test_unicode_and_control_characters(self):
        self.good("put", "käse/\u0001", "日本\u0000".replace("\u0000", "") + "\t\"\\")
        got = self.good("get", "käse/\u0001", "--json").json()
        self.assertEqual(got["values"], [{"value": "日本\t\"\\"}])

    def test_a_value_expires(self):
        self.good("put", "mayfly", "v", "--ttl", "1ms")
        cluster.wait_until(
            lambda: self.node.shoal("get", "mayfly").status == 1, "the value has expired"
        )
        self.good("put", "turtle", "v", "--ttl", "1h")
        self.assertEqual(self.good("get", "turtle").out, b"v\n")

    def test_mget(self):
        self.good("put", "m1", "one")
        self.good("put", "m2", b"\xff")
        both = self.good("mget", "m1", "m2", "--json").json()
        self.assertEqual(
            both["keys"], [{"key": "m1", "value": "one"}, {"key": "m2", "value_base64": "/w=="}]
        )
        some = self.bad(1, "mget", "m1", "missing")
        self.assertEqual(some.out, b"m1\tone\n")
        some = self.bad(1, "mget", "missing", "m1", "--json")
        self.assertEqual(
            some.json()["keys"], [{"key": "missing", "value": None}, {"key": "m1", "value": "one"}]
        )

    def test_list_pages_by_cursor(self):
        names = [f"page/{number:03}" for number in range(25)]
        for name in names:
            self.good("put", name, "value of " + name)
        whole = self.good("list", "page/").out.decode().splitlines()
        self.assertEqual(sorted(whole), names)
        paged, cursor, pages = [], [], 0
        while True:
            page = self.good("list", "--prefix", "page/", "--limit", "10", "--json", *cursor).json()
            self.assertLessEqual(len(page["keys"]), 10)
            paged += page["keys"]
            pages += 1
            if page["after"] is None:
                break
            cursor = ["--after", page["after"]]
        self.assertEqual(paged, whole)
        self.assertGreaterEqual(pages, 3)
        values = self.good("list", "page/00", "--values", "--json").json()["keys"]
        self.assertIn({"key": "page/001", "value": "value of page/001"}, values)
        self.assertEqual(self.good("list", "page/none", "--json").json(), {"keys": [], "after": None})

    def test_load_and_dump(self):
        records = [
            {"key": "ld/a", "value": "x"},
            {"key": "ld/b", "value_base64": "/w=="},
            {"key_base64": base64.b64encode(b"ld/\xfe").decode(), "value": ""},
        ]
        text = "".join(json.dumps(record) + "\n" for record in records) + "\n"
        counts = self.good("load", "-", "--json", stdin=text.encode()).json()
        self.assertEqual(counts, {"records": 3, "bytes": 4 + 1 + 4 + 1 + 4})
        dumped = self.good("dump", "--prefix", "ld/")
        self.assertIn(b"dumped 3 records", dumped.err)
        lines = [json.loads(line) for line in dumped.out.splitlines()]
        self.assertEqual(
            sorted(map(str, lines)), sorted(map(str, records))
        )
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "dump")
            counts = self.good("dump", "--prefix", "ld/", "--json", "-o", path).json()
            self.assertEqual(counts["records"], 3)
            self.assertIn(b"loaded 3 records", self.good("load", path).out)

    def test_status_on_both_ports(self):
        for port in (self.node.client_port, self.node.peer_port):
            status = cluster.shoal("status", "--json", "-p", port, *cluster.PATIENTLY).json()
            self.assertEqual([node["name"] for node in status["nodes"]], ["node1"])
            self.assertEqual(status["nodes"][0]["state"], "up")
            self.assertEqual(status["nodes"][0]["partitions"], 64)
            self.assertEqual(status["layout"]["partitions"], 64)
        self.assertIn(b"node1", self.good("status").out)

    def test_ring(self):
        ring = self.good("ring", "--json").json()
        self.assertEqual(ring["partitions"], 64)
        self.assertEqual(ring["owners"], [["node1"]] * 64)
        key = self.good("ring", "-k", "foo", "--json").json()
        self.assertEqual((key["key"], key["owners"]), ("foo", ["node1"]))
        self.assertTrue(0 <= key["partition"] < 64)
        tagged = self.good("ring", "-k", "{foo}bar", "--json").json()
        self.assertEqual(tagged["partition"], key["partition"])

    def test_bench(self):
        figures = self.good(
            "bench", "--requests", "2000", "--keys", "100", "--connections", "4", "--threads", "2",
            "--with-context", "--server-pid", str(self.node.process.pid), "--json",
        ).json()
        self.assertEqual(figures["all"]["requests"], 2000)
        self.assertEqual(figures["errors"], {})
        self.assertIn("server_cpu_us_per_request", figures)
        plain = self.good("bench", "--requests", "100", "--keys", "10", "--mix", "0:1").out
        self.assertIn(b"gets", plain)
        asked = self.good("bench", "--prepared", "--requests", "100", "--keys", "1000", "--mix", "0:1",
                          "--json").json()
        self.assertEqual(asked["errors"], {})
        self.assertEqual(self.node.shoal("get", "bench:0000000999").status, 1)
        siblings = self.good("get", "bench:0000000001", "--json").json()["values"]
        self.assertEqual(len(siblings), 1)

    def test_hosts_from_the_environment_and_a_list_of_which_one_is_away(self):
        hosts = f"127.0.0.1:1,127.0.0.1:{self.node.client_port}"
        for flags, environment in ((("-H", hosts), {}), ((), {"SHOAL_HOSTS": hosts})):
            # Of several hosts each is given two seconds only.
            cluster.wait_until(lambda: cluster.shoal("ping", *flags, environment=environment).out == b"PONG\n",
                               "the one that is there answers")


class BadInput(StandaloneCase):
    def test_unknown_commands_and_flags_name_the_nearest(self):
        outcome = cluster.shoal("gett", "x")
        self.assertEqual(outcome.status, 2)
        self.assertIn(b"did you mean get?", outcome.err)
        outcome = cluster.shoal("get", "--siblngs", "x", "--json")
        self.assertEqual(outcome.status, 2)
        self.assertIn("--siblings", outcome.error()["error"])
        self.assertEqual(outcome.error()["outcome"], "none")
        self.assertEqual(cluster.shoal().status, 2)
        self.assertEqual(cluster.shoal("get", "a", "b").status, 2)
        self.assertEqual(cluster.shoal("get", "a", "--timeout", "soon").status, 2)
        self.assertEqual(cluster.shoal("get", "a", "--r", "none").status, 2)
        self.assertEqual(cluster.shoal("get", "a", "-p", "70000").status, 2)
        self.assertEqual(cluster.shoal("get", "a", "-H", "a b").status, 2)

    def test_an_empty_key(self):
        self.assertIn(b"empty", self.bad(2, "put", "", "v").err)
        self.bad(2, "get", "")
        self.bad(2, "put", "k")
        self.bad(2, "get")

    def test_keys_and_values_over_their_limits(self):
        self.good("put", b"k" * 65536, "v")
        self.bad(2, "put", b"k" * 65537, "v")
        limit = 16 * 1024 * 1024
        self.good("put", "big", "-", stdin=b"v" * limit)
        self.assertEqual(len(self.good("get", "big", "--raw").out), limit)
        self.bad(2, "put", "big", "-", stdin=b"v" * (limit + 1))
        self.assertEqual(len(self.good("get", "big", "--raw").out), limit)
        self.bad(2, "put", "big", "-", stdin=b"v" * (70 * 1024 * 1024))
        self.good("delete", "big")

    def test_forged_and_foreign_contexts(self):
        self.good("put", "mine", "v")
        foreign = self.good("put", "other", "v", "--json").json()["context"]
        forged = foreign[:-4] + ("AAAA" if foreign[-4:] != "AAAA" else "BBBB")
        for context in (foreign, forged, "AAAA"):
            outcome = self.bad(5, "put", "mine", "w", "-c", context, "--json")
            self.assertEqual(outcome.error()["outcome"], "none")
        self.bad(5, "put", "mine", "w", "-c", "not base64!")
        self.bad(5, "delete", "mine", "-c", foreign)
        self.assertEqual(self.good("get", "mine").out, b"v\n")

    def test_quorums_larger_than_n(self):
        for flags in (("--w", "2"), ("--n", "9"), ("--pw", "2"), ("--dw", "2")):
            outcome = self.node.shoal("put", "quorum", "v", *flags)
            self.assertIn(outcome.status, (2, 4), outcome)
        self.assertIn(self.node.shoal("get", "quorum", "--r", "2").status, (2, 4))
        self.bad(1, "get", "quorum")

    def test_bad_records(self):
        for line, why in (
            (b"{", b"no JSON"),
            (b"[]", b"no record"),
            (b'{"key":"a"}', b"value"),
            (b'{"key":"a","valeu":"b"}', b'did you mean "value"'),
            (b'{"key":"a","key_base64":"YQ==","value":"b"}', b"key_base64"),
            (b'{"key":"a","value":1}', b"no string"),
            (b'{"key":"a","key":"a","value":"b"}', b"duplicate"),
            (b'{"key":"a","value_base64":"?"}', b"base64"),
            (b'{"key":"","value":"b"}', b"empty"),
        ):
            outcome = self.bad(2, "load", "-", stdin=b'{"key":"fine","value":"v"}\n' + line + b"\n")
            self.assertIn(b"line 2", outcome.err)
            self.assertIn(why, outcome.err)
        partly = b'{"key":"fine","value":"v"}\n{'
        self.assertEqual(self.bad(2, "load", "-", "--json", stdin=partly).error()["outcome"], "unknown")
        self.assertEqual(self.bad(2, "load", "-", "--json", stdin=b"{").error()["outcome"], "none")
        self.bad(2, "load", "/no/such/file")

    def test_the_first_bad_line_is_named_also_when_a_node_refuses_it(self):
        refused = json.dumps({"key": "k" * 70000, "value": "v"}).encode()
        outcome = self.bad(2, "load", "-", stdin=b'{"key":"fine","value":"v"}\n' + refused + b"\n{\n")
        self.assertIn(b"line 2", outcome.err)
        self.assertIn(b"1 records were written", outcome.err)

    def test_what_was_done_but_could_not_be_told_is_not_none(self):
        for arguments, status, outcome in ((["put", "told", "v"], 7, "unknown"), (["get", "told"], 4, "none")):
            with open("/dev/full", "wb") as full:
                ended = subprocess.run(
                    [os.environ["SHOAL_CLI"], *arguments, "--json", "-p", self.node.client_port],
                    stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
            self.assertEqual(ended.returncode, status, ended)
            self.assertEqual(json.loads(ended.stderr)["outcome"], outcome)
        self.assertEqual(self.good("get", "told", "--raw").out, b"v")

    def test_a_value_that_looks_like_a_flag_is_a_value(self):
        self.assertEqual(self.good("put", "-k", "flag", "-v", "--json").out, b"OK\n")

    def test_bad_cursor(self):
        self.bad(2, "list", "--after", "!")
        self.bad(2, "list", "--after", "AAAA")

    def test_nobody_there(self):
        outcome = cluster.shoal("get", "k", "-p", "1", "--json")
        self.assertEqual(outcome.status, 3)
        self.assertEqual(outcome.error()["outcome"], "none")
        self.assertIn("127.0.0.1:1", outcome.error()["error"])
        self.assertEqual(cluster.shoal("ping", "-H", "no-such-host.invalid").status, 3)

    def test_a_port_of_something_else_is_no_connection_and_the_next_host_is_asked(self):
        other = f"127.0.0.1:{self.node.http_port}"
        outcome = cluster.shoal("ping", "-H", other)
        self.assertEqual(outcome.status, 3, outcome)
        self.assertIn(b"no frames of Shoal's", outcome.err)
        both = f"{other},127.0.0.1:{self.node.client_port}"
        self.assertEqual(cluster.shoal("ping", "-H", both).out, b"PONG\n")

    def test_joining_nobody_is_an_error_and_leaves_no_ghost(self):
        outcome = self.node.shoal(
            "join-cluster", "--known-cluster-node", "127.0.0.1:1", "--timeout", "2s"
        )
        self.assertNotEqual(outcome.status, 0, outcome)
        self.assertEqual(len(self.node.status()["nodes"]), 1)
        self.bad(2, "join-cluster")
        self.bad(2, "join-cluster", "--known-cluster-node", "nowhere:port")


if __name__ == "__main__":
    cluster.main()
