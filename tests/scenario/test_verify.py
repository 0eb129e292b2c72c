#!/usr/bin/python3
"""Real nodes are found identical when they are, and not when they aren't; a node that can't be reached
is named and nothing is claimed; and a node that was away, or has lost its disk, is identical again
without anybody reading."""
import json
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402

NEVER_BY_ITSELF = {"repair": {"interval_ms": 0}, "quorum": {"sloppy": False}}
LOG = {"storage": {"engine": "log"}}


class Case(unittest.TestCase):
    def good(self, node, *arguments, **options):
        outcome = node.shoal(*arguments, **options)
        self.assertEqual(outcome.status, 0, outcome)
        return outcome

    def load(self, node, first, count, value="value"):
        lines = (json.dumps({"key": f"key/{i}", "value": f"{value} {i}"}) for i in range(first, first + count))
        self.good(node, "load", "-", stdin="\n".join(lines).encode())

    def verified(self, node, *flags):
        """Waits until everything is identical; what is said of it."""

        def look():
            outcome = node.shoal("verify", "--json", *flags)
            return outcome.json() if outcome.status == 0 else None

        found = cluster.wait_until(look, "all owners are identical")
        self.assertIs(found["identical"], True)
        self.assertEqual(found["differing"] + found["unverified"], [])
        return found


class Memory(Case):
    def test_every_node_finds_the_same_digest_and_it_changes_with_the_data(self):
        with cluster.Cluster(3) as nodes:
            one, two, three = nodes.nodes
            empty = self.verified(one)
            self.assertEqual(empty["siblings"], 0)
            self.assertEqual(empty["partitions"], 64)
            self.load(one, 0, 500)
            found = [self.verified(node) for node in nodes.nodes]
            self.assertEqual({each["digest"] for each in found}, {found[0]["digest"]})
            self.assertNotEqual(found[0]["digest"], empty["digest"])
            self.assertEqual(found[0]["siblings"], 500)
            self.assertNotIn("bytes", found[0])
            plain = self.good(two, "verify").out.decode()
            self.assertIn(f"identical: 64 partitions, 500 siblings, digest {found[0]['digest']}", plain)

            whole = self.verified(three, "--values")
            self.assertEqual(whole["bytes"], sum(len(f"value {i}") for i in range(500)))
            self.assertNotEqual(whole["digest"], found[0]["digest"])
            self.good(one, "put", "key/7", "another")
            self.assertNotEqual(self.verified(two, "--values")["digest"], whole["digest"])

    def test_it_stays_right_while_writes_are_on_their_way(self):
        with cluster.Cluster(3) as nodes:
            one, two, _ = nodes.nodes
            for round_ in range(3):
                self.load(one, 0, 400, f"round {round_}")
                outcome = two.shoal("verify", "--json")
                self.assertEqual(outcome.status, 0, outcome)

    def test_a_node_that_is_away_is_named_and_nothing_is_claimed(self):
        with cluster.Cluster(3) as nodes:
            one, _, three = nodes.nodes
            self.load(one, 0, 100)
            three.kill()
            outcome = one.shoal("verify", "--json", "--timeout", "30s")
            self.assertEqual(outcome.status, 4, outcome)
            found = outcome.json()
            self.assertIsNone(found["identical"])
            self.assertEqual(found["unverified"], list(range(64)))
            self.assertIn("node3", found["text"])
            plain = one.shoal("verify")
            self.assertEqual(plain.status, 4)
            self.assertIn(b"not verified", plain.err)
            self.assertIn(b"node3", plain.err)

            told = self.good(one, "repair", "--json").json()
            self.assertEqual((told["told"], told["nodes"]), (2, 3))
            self.assertIn("node3", told["text"])
            three.start()
            nodes.wait_settled()
            self.verified(one)

    def test_help_says_what_it_is(self):
        self.assertIn(b"--values", cluster.shoal("verify", "--help").out)
        self.assertIn(b"repair", cluster.shoal("--help").out)
        self.assertEqual(cluster.shoal("verify", "--watch").status, 2)


class Durable(Case):
    def test_a_node_that_was_away_is_identical_soon_without_a_read(self):
        with cluster.Cluster(3, **LOG) as nodes:
            one, _, three = nodes.nodes
            self.load(one, 0, 2000)
            self.verified(one)
            self.assertEqual(three.stop(), 0)
            self.load(one, 2000, 2000)
            for i in range(0, 200, 2):
                self.good(one, "delete", f"key/{i}")
            three.start()
            nodes.wait_settled()
            self.verified(one)
            self.verified(three, "--values")

    def test_a_node_without_its_disk_is_filled_again(self):
        with cluster.Cluster(3, **LOG) as nodes:
            one, _, three = nodes.nodes
            self.load(one, 0, 2000)
            before = self.verified(one)
            self.assertEqual(three.stop(), 0)
            shutil.rmtree(os.path.join(three.data_dir, "log"))
            three.start()
            nodes.wait_settled()
            after = self.verified(three)
            self.assertEqual(after["digest"], before["digest"])

    def test_bytes_flipped_in_closed_segments_are_found_by_reading_and_repaired(self):
        with cluster.Cluster(3, **LOG) as nodes:
            one, _, three = nodes.nodes
            self.load(one, 0, 2000, "x" * 200)
            before = self.verified(one, "--values")
            self.assertEqual(three.stop(), 0)
            three.start()  # which closes what was being written
            nodes.wait_settled()
            self.assertEqual(three.stop(), 0)
            flipped = 0
            folder = os.path.join(three.data_dir, "log")
            for name in (name for name in os.listdir(folder) if name.endswith(".seg")):
                if os.path.exists(os.path.join(folder, name.replace(".seg", ".hint"))):
                    with open(os.path.join(folder, name), "r+b") as file:
                        size = file.seek(0, os.SEEK_END)
                        for at in range(2000, size - 2000, 20000):
                            file.seek(at)
                            byte = file.read(1)
                            file.seek(at)
                            file.write(bytes([byte[0] ^ 1]))
                            flipped += 1
            self.assertGreater(flipped, 5)
            three.start()
            nodes.wait_settled()
            after = self.verified(three, "--values")
            self.assertEqual(after["digest"], before["digest"])
            with open(three.log_path, encoding="utf-8", errors="replace") as log:
                self.assertIn("damage", log.read())

    def different(self, node):
        """What verify says once it could compare everything; None before."""
        outcome = node.shoal("verify", "--json")
        self.assertIn(outcome.status, (7, 8), outcome)
        found = outcome.json() if outcome.out else {"unverified": ["all"]}
        return found if not found["unverified"] else None

    def test_owners_that_differ_are_told_by_partition_until_they_are_repaired(self):
        with cluster.Cluster(3, **LOG, **NEVER_BY_ITSELF) as nodes:
            one, two, three = nodes.nodes
            self.load(one, 0, 300)
            self.verified(one)
            self.assertEqual(three.stop(), 0)
            self.load(one, 300, 3)
            three.start()
            nodes.wait_settled()
            found = cluster.wait_until(lambda: self.different(one),
                                       "every worker is linked to node3, and all is compared")
            self.assertIs(found["identical"], False)
            self.assertNotIn("digest", found)
            expected = set()
            for i in range(300, 303):
                expected.add(self.good(one, "ring", f"key/{i}", "--json").json()["partition"])
            self.assertEqual(set(found["differing"]), expected)
            plain = two.shoal("verify")
            self.assertEqual(plain.status, 8)
            self.assertIn(b"not identical", plain.err)
            self.assertEqual(two.shoal("verify", "--values").status, 8)

            told = self.good(two, "repair", "--json").json()
            self.assertEqual((told["told"], told["nodes"]), (3, 3))
            self.assertNotIn("text", told)
            self.verified(one, "--values")


if __name__ == "__main__":
    cluster.main()
