#!/usr/bin/python3
"""The shoal command against three real nodes: every node answers for all, concurrent writes leave
siblings and ordinary ones don't, and the cluster serves on when a node dies."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402


class Case(unittest.TestCase):
    def good(self, node, *arguments, **options):
        outcome = node.shoal(*arguments, **options)
        self.assertEqual(outcome.status, 0, outcome)
        return outcome

    def value(self, node, key, *flags):
        return self.good(node, "get", key, "--raw", *flags).out.decode()

    def values(self, node, key):
        got = self.good(node, "get", key, "--json").json()
        return sorted(value["value"] for value in got["values"]), got["context"]


class ThreeNodes(Case):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster.Cluster(3)
        cls.one, cls.two, cls.three = cls.cluster.__enter__().nodes

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None)

    def test_put_through_one_get_through_the_others_delete_through_another(self):
        for number in range(20):
            key = f"round/{number}"
            self.good(self.one, "put", key, f"v{number}")
            self.assertEqual(self.value(self.two, key), f"v{number}")
            self.assertEqual(self.value(self.three, key), f"v{number}")
            self.good(self.two, "delete", key)
            for node in self.cluster.nodes:
                self.assertEqual(node.shoal("get", key).status, 1)

    def test_two_clients_with_the_same_old_context_leave_siblings_until_they_are_merged(self):
        old = self.good(self.one, "put", "cart", "empty", "--json").json()["context"]
        self.good(self.two, "put", "cart", "apples", "-c", old)
        self.good(self.three, "put", "cart", "pears", "-c", old)
        for node in self.cluster.nodes:
            values, _ = self.values(node, "cart")
            self.assertEqual(values, ["apples", "pears"])
        plain = self.good(self.one, "get", "cart")
        self.assertIn(plain.out, (b"apples\n", b"pears\n"))
        self.assertIn(b"warning: 2 concurrent values", plain.err)
        both = self.good(self.one, "get", "cart", "--siblings").out.splitlines()
        self.assertEqual(both[0] + b"\n", plain.out)
        self.assertEqual(sorted(both), [b"apples", b"pears"])
        _, merged = self.values(self.one, "cart")
        self.good(self.two, "put", "cart", "apples and pears", "-c", merged)
        for node in self.cluster.nodes:
            values, _ = self.values(node, "cart")
            self.assertEqual(values, ["apples and pears"])

    def test_a_delete_with_an_old_context_spares_what_it_has_not_seen(self):
        old = self.good(self.one, "put", "spared", "first", "--json").json()["context"]
        self.good(self.two, "put", "spared", "second", "-c", old)
        self.good(self.three, "delete", "spared", "-c", old)
        self.assertEqual(self.values(self.one, "spared")[0], ["second"])

    def test_sequential_puts_without_context_never_leave_siblings(self):
        for number in range(30):
            node = self.cluster.nodes[number % 3]
            self.good(node, "put", "counter", str(number))
            values, _ = self.values(self.cluster.nodes[(number + 1) % 3], "counter")
            self.assertEqual(values, [str(number)])

    def test_quorums_of_a_request(self):
        for flags in (("--w", "all"), ("--w", "one"), ("--w", "quorum"), ("--w", "3", "--pw", "3")):
            self.good(self.one, "put", "quorums", "v " + " ".join(flags), *flags)
        self.assertEqual(self.value(self.two, "quorums", "--r", "all"), "v --w 3 --pw 3")
        for flags in (("--w", "4"), ("--n", "4"), ("--n", "2", "--w", "3")):
            outcome = self.one.shoal("put", "quorums", "x", *flags, "--json")
            self.assertEqual(outcome.status, 2, outcome)
            self.assertEqual(outcome.error()["outcome"], "none")
        self.assertEqual(self.one.shoal("get", "quorums", "--r", "4").status, 2)
        self.assertEqual(self.value(self.three, "quorums"), "v --w 3 --pw 3")

    def test_every_node_lists_all_keys(self):
        names = sorted(f"all/{number}" for number in range(50))
        for number, name in enumerate(names):
            self.good(self.cluster.nodes[number % 3], "put", name, "v")
        for node in self.cluster.nodes:
            self.assertEqual(sorted(self.good(node, "list", "all/").out.decode().split()), names)
            self.assertEqual(sorted(self.good(node, "list", "all/", "--json").json()["keys"]), names)

    def test_load_through_one_dump_through_another(self):
        lines = "".join(f'{{"key":"bulk/{n}","value":"{"x" * n}"}}\n' for n in range(500))
        counts = self.good(self.one, "load", "-", "--json", stdin=lines.encode()).json()
        self.assertEqual(counts["records"], 500)
        dumped = self.good(self.two, "dump", "--prefix", "bulk/").out.decode()
        self.assertEqual(sorted(dumped.splitlines()), sorted(lines.splitlines()))

    def test_every_node_shows_the_same_ring(self):
        rings = [self.good(node, "ring", "--json").json() for node in self.cluster.nodes]
        self.assertEqual(rings[0], rings[1])
        self.assertEqual(rings[0], rings[2])
        self.assertEqual(rings[0]["replicas"], 3)
        for owners in rings[0]["owners"]:
            self.assertEqual(sorted(owners), ["node1", "node2", "node3"])

    def test_bench_goes_to_the_owners(self):
        figures = self.good(
            self.one, "bench", "--requests", "3000", "--keys", "200", "--connections", "6",
            "--with-context", "--mix", "1:0", "--json",
        ).json()
        self.assertEqual(figures["puts"]["requests"], 3000)
        self.assertEqual(figures["errors"], {})
        for number in range(0, 200, 20):
            values, _ = self.values(self.two, f"bench:{number:010}")
            self.assertEqual(len(values), 1)


class ADeadNode(Case):
    def test_the_others_serve_on_and_it_is_refilled_when_it_is_back(self):
        with cluster.Cluster(3) as group:
            one, two, three = group.nodes
            for number in range(50):
                self.good(one, "put", f"k{number}", f"before{number}")
            three.kill()
            for number in range(0, 50, 5):
                self.write(two, f"k{number}", f"after{number}")
            for number in range(50):
                expected = f"after{number}" if number % 5 == 0 else f"before{number}"
                self.assertEqual(self.value(one, f"k{number}", "--timeout", "20s"), expected)
            refused = two.shoal("put", "k1", "x", "--w", "all", "--timeout", "3s", "--json")
            self.assertIn(refused.status, (4, 7), refused)
            expected = "none" if refused.status == 4 else "unknown"
            self.assertEqual(refused.error()["outcome"], expected)
            three.start()
            group.wait_settled()
            for number in range(0, 50, 5):
                self.assertEqual(self.value(three, f"k{number}", "--r", "one"), f"after{number}")

    def write(self, node, key, value):
        """A write that meets a node just gone may end unknown: then one looks, and writes again."""

        def written():
            outcome = node.shoal("put", key, value, "--timeout", "20s")
            self.assertIn(outcome.status, (0, 7), outcome)
            return outcome.status == 0

        cluster.wait_until(written, f"{key} is written")

    def test_bench_goes_on_when_a_node_falls_silent_while_it_writes_its_keys(self):
        with cluster.Cluster(3) as group:
            one, _, three = group.nodes
            hosts = ",".join(f"127.0.0.1:{node.client_port}" for node in group.nodes)
            bench = subprocess.Popen(
                [os.environ["SHOAL_CLI"], "bench", "-H", hosts, "--keys", "20000", "--requests", "500",
                 "--timeout", "1500ms", "--json"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

            def begun():
                keys = [node["keys"] for node in one.status()["nodes"] if node["name"] == "node1"]
                return keys[0] >= 200

            cluster.wait_until(begun, "keys are written")
            three.pause()
            out, err = bench.communicate(timeout=cluster.DEADLINE_S)
            three.resume()
            self.assertEqual(bench.returncode, 0, err)
            figures = json.loads(out)
            self.assertEqual(figures["all"]["requests"] + sum(figures["errors"].values()), 500)
            unknown = [count for what, count in figures["filling_errors"].items() if "unknown" in what]
            self.assertEqual(len(unknown), 1, figures["filling_errors"])
            self.assertGreater(unknown[0], 0)
            group.wait_settled()

    def test_a_paused_node_stops_nobody(self):
        with cluster.Cluster(3) as group:
            one, two, three = group.nodes
            self.good(one, "put", "k", "v")
            lines = [json.dumps({"key": key, "value": "v"}).encode() + b"\n" for key in ("k" * 70000, "p10")]

            def unsure():
                """The first line is refused, and the second may have been written."""
                three.pause()
                loaded = one.shoal("load", "-", "--w", "3", "--timeout", "2s", "--json", stdin=b"".join(lines))
                self.assertEqual(loaded.status, 2, loaded)
                self.assertIn("line 1: ", loaded.error()["error"])
                if loaded.error()["outcome"] == "unknown":
                    return True
                three.resume()  # it was known to be silent by then
                group.wait_settled()
                return False

            cluster.wait_until(unsure, "it is said that something may have been written")
            for number in range(10):
                self.write(one, f"p{number}", "v")
                self.assertEqual(self.value(two, f"p{number}", "--timeout", "20s"), "v")
            three.resume()
            group.wait_settled()
            self.assertEqual(self.value(three, "p5"), "v")


class Joining(Case):
    def test_a_joiner_gets_the_data_and_then_counts(self):
        with cluster.Cluster(2) as group:
            one = group.nodes[0]
            for number in range(100):
                self.good(one, "put", f"k{number}", f"v{number}")
            late = group.add_node().start()
            outcome = late.shoal(
                "join-cluster", "--known-cluster-node", f"127.0.0.1:{one.peer_port}", "--json"
            )
            self.assertEqual((outcome.status, outcome.out), (0, b'{"message":"Ok"}\n'))
            group.wait_settled()
            for number in range(100):
                self.assertEqual(self.value(late, f"k{number}"), f"v{number}")

    def test_a_joiner_with_data_of_its_own_is_refused_and_told_what_to_do(self):
        with cluster.Cluster(2, joined=False) as group:
            one, other = group.nodes
            self.good(other, "put", "mine", "v", "--r", "one", "--w", "one")
            outcome = other.shoal(
                "join-cluster", "--known-cluster-node", f"127.0.0.1:{one.peer_port}", "--json"
            )
            self.assertEqual(outcome.status, 2, outcome)
            self.assertEqual(outcome.error()["outcome"], "none")
            self.assertEqual(len(one.status()["nodes"]), 1)
            self.assertEqual(self.value(other, "mine", "--r", "one"), "v")

    def test_joining_on_the_peer_port(self):
        with cluster.Cluster(2, joined=False) as group:
            one, two = group.nodes
            outcome = cluster.shoal(
                "join-cluster", "-p", two.peer_port, *cluster.PATIENTLY, "--known-cluster-node",
                f"127.0.0.1:{one.peer_port}",
            )
            self.assertEqual((outcome.status, outcome.out.splitlines()[-1]), (0, b"OK"), outcome)
            group.wait_settled()


if __name__ == "__main__":
    cluster.main()
