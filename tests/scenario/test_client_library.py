#!/usr/bin/python3
"""libshoal as others use it: the examples of docs/ run against real nodes, and the libraries show no
symbols but their own."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402


def run(program, *arguments):
    return subprocess.run(
        [os.environ[program], *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=cluster.plain_environment(),
        timeout=cluster.DEADLINE_S,
        check=False,
    )


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster.Cluster(3)
        cls.nodes = cls.cluster.__enter__().nodes

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None)

    def test_a_cart_is_kept_and_siblings_are_merged(self):
        hosts = ",".join(f"127.0.0.1:{node.client_port}" for node in self.nodes)
        self.assertEqual(run("EXAMPLE_SYNC", hosts, "apples").stdout, b"apples\n")
        self.assertEqual(run("EXAMPLE_SYNC", hosts, "pears").stdout, b"apples pears\n")
        node = self.nodes[0]
        old = node.shoal("get", "cart", "--json").json()["context"]
        for value in ("plums", "figs"):
            self.assertEqual(node.shoal("put", "cart", value, "-c", old).status, 0)
        merged = run("EXAMPLE_SYNC", hosts, "dates").stdout.split()
        self.assertEqual(sorted(merged), [b"dates", b"figs", b"plums"])
        self.assertEqual(len(node.shoal("get", "cart", "--json").json()["values"]), 1)

    def test_a_thousand_writes_at_once(self):
        outcome = run("EXAMPLE_ASYNC", f"127.0.0.1:{self.nodes[1].client_port}")
        self.assertEqual((outcome.returncode, outcome.stdout), (0, b"1000 written, 0 failed\n"))
        keys = self.nodes[2].shoal("list", "many/", "--json").json()["keys"]
        self.assertEqual(len(keys), 1000)

    def test_nobody_there(self):
        outcome = run("EXAMPLE_SYNC", "127.0.0.1:1", "apples")
        self.assertEqual(outcome.returncode, 1)
        self.assertIn(b"127.0.0.1:1", outcome.stderr)


class Symbols(unittest.TestCase):
    def names(self, *command):
        lines = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
        symbols = [line.split() for line in lines.splitlines() if len(line.split()) == 3]
        # Sanitizers and the linker add names of their own, which begin with underscores.
        return [name for _, kind, name in symbols if kind.isupper() and not name.startswith("_")]

    def test_the_libraries_show_only_their_own(self):
        for names in (
            self.names("nm", "-D", "--defined-only", os.environ["LIBSHOAL_SHARED"]),
            self.names("nm", "--defined-only", "--extern-only", os.environ["LIBSHOAL_STATIC"]),
        ):
            self.assertIn("shoal_client_open", names)
            self.assertIn("shoal_error_text", names)
            self.assertEqual([name for name in names if not name.startswith("shoal_")], [])


if __name__ == "__main__":
    cluster.main()
