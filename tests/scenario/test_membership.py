#!/usr/bin/python3
"""Changing who is a member, as an operator does it, on real processes: growing and shrinking, planning,
weights and zones, replacing, removing what is dead. After each change every key is there and all owners
hold the same."""
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402

KEYS = 400


def value_of(number):
    return f"value {number} " + "x" * (number % 50)


class Case(unittest.TestCase):
    def good(self, node, *arguments, **options):
        outcome = node.shoal(*arguments, **options)
        self.assertEqual(outcome.status, 0, outcome)
        return outcome

    def refused(self, status, node, *arguments):
        """Refused with this exit status; nothing was applied. The text."""
        outcome = node.shoal(*arguments, "--json")
        self.assertEqual(outcome.status, status, outcome)
        error = outcome.error()
        self.assertEqual(error["outcome"], "none", outcome)
        return error["error"]

    def fill(self, node, *flags):
        lines = "".join(
            json.dumps({"key": f"k{number}", "value": value_of(number)}) + "\n"
            for number in range(KEYS)
        )
        self.good(node, "load", "-", *flags, stdin=lines.encode())

    def expect_whole(self, node):
        """All keys are read through the node, and the owners of each partition agree."""
        dumped = self.good(node, "dump", timeout_s=120).out.splitlines()
        found = {record["key"]: record["value"] for record in map(json.loads, dumped)}
        self.assertEqual(found, {f"k{number}": value_of(number) for number in range(KEYS)})
        self.assertEqual(node.shoal("verify").status, 0, node.shoal("verify"))

    def members(self, node):
        """Of the newest layout, by name."""
        status = node.status()
        return {m["name"]: m for m in status["nodes"] if m["partitions"] > 0}

    def join(self, node, known, *flags):
        address = f"127.0.0.1:{known.peer_port}"
        return self.good(node, "join-cluster", "--known-cluster-node", address, *flags)

    def wait_state(self, asked, name, states):
        def seen():
            status = asked.status()
            found = {m["name"]: m["state"] for m in status["nodes"]} if status else {}
            return found.get(name) in states

        cluster.wait_until(seen, f"{asked.name} sees {name} {' or '.join(states)}")


class Growing(Case):
    def test_from_one_to_three_to_five_and_back_to_three(self):
        with cluster.Cluster(1) as group:
            one = group.nodes[0]
            self.fill(one, "--w", "one", "--r", "one")
            two, three = group.add_node().start(), group.add_node().start()
            for node in (two, three):
                outcome = self.join(node, one)
                self.assertEqual(outcome.out, b"OK\n", outcome)
            self.expect_whole(three)
            self.assertEqual(sorted(self.members(two)), ["node1", "node2", "node3"])
            four, five = group.add_node().start(), group.add_node().start()
            for node in (four, five):
                self.join(node, two)
            self.expect_whole(four)
            shares = [m["partitions"] for m in self.members(one).values()]
            self.assertEqual(sum(shares), 3 * 64)
            self.assertLessEqual(max(shares) - min(shares), 1)
            # The founder goes, too; another one by a third's word.
            outcome = self.good(one, "leave-cluster")
            self.assertEqual(outcome.out, b"OK\n", outcome)
            self.good(three, "remove-node", "--node", "node4", "--json")
            self.assertEqual(sorted(self.members(five)), ["node2", "node3", "node5"])
            self.expect_whole(five)
            for gone in (one, four):
                states = {m["name"]: m for m in gone.status()["nodes"]}
                self.assertEqual(states[gone.name]["state"], "left", states)
                self.assertEqual(states[gone.name]["releasing"], 0, states)
                # It goes on passing requests on.
                self.assertEqual(self.good(gone, "get", "k7", "--raw").out.decode(), value_of(7))
            one.stop()
            four.stop()
            self.expect_whole(two)
            self.assertEqual(two.status()["layout"]["settled"], True)

    def test_a_node_that_has_left_may_join_again(self):
        with cluster.Cluster(3) as group:
            one, two, three = group.nodes
            self.fill(one)
            self.good(three, "leave-cluster")
            three.stop()
            three.start()
            self.wait_state(one, "node3", ("left",))  # it stays so
            self.assertEqual(sorted(self.members(one)), ["node1", "node2"])
            self.join(three, two)
            self.assertEqual(sorted(self.members(one)), ["node1", "node2", "node3"])
            self.expect_whole(three)


class Planning(Case):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster.Cluster(3)
        cls.one, cls.two, cls.three = cls.cluster.__enter__().nodes

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None)

    def plan(self, *flags):
        return self.good(self.two, "cluster", "plan", "--json", *flags).json()

    def test_staged_changes_are_seen_forgotten_and_made_together(self):
        one, two = self.one, self.two
        self.fill(one)
        self.assertEqual(self.good(one, "cluster", "plan").out, b"nothing is staged\n")
        self.assertFalse(self.plan()["changes"])
        four = self.cluster.add_node().start()
        five = self.cluster.add_node().start()
        outcome = self.join(four, one, "--stage", "--json")
        self.assertEqual(outcome.out, b'{"message":"Ok"}\n')
        self.join(five, one, "--stage")
        cluster.wait_until(lambda: two.status()["layout"]["staged"] == 2, "both are staged")
        self.assertEqual(sorted(self.members(two)), ["node1", "node2", "node3"])
        version = two.status()["layout"]["version"]
        self.assertIn(b"staged:", self.good(two, "status").out)

        plan = self.plan()
        self.assertTrue(plan["changes"])
        self.assertFalse(plan["committed"])
        rows = {row["name"]: row for row in plan["nodes"]}
        self.assertEqual([rows[n]["change"] for n in ("node1", "node4", "node5")],
                         ["stays", "joins", "joins"])
        self.assertEqual(rows["node4"]["partitions_before"], 0)
        self.assertEqual(rows["node4"]["partitions_in"], rows["node4"]["partitions_after"])
        self.assertEqual(sum(row["partitions_after"] for row in plan["nodes"]), 3 * 64)
        self.assertEqual(plan["moves"], sum(row["partitions_in"] for row in plan["nodes"]))
        self.assertLessEqual(plan["moves"], 1.05 * plan["moves_least"])
        self.assertLessEqual(plan["share_excess"]["after"], 1)
        table = self.good(two, "cluster", "plan").out.decode()
        self.assertIn("NAME", table.splitlines()[0])
        self.assertIn("balance:", table)

        self.good(two, "cluster", "cancel")
        self.assertFalse(self.plan()["changes"])
        self.assertEqual(two.status()["layout"]["version"], version)
        cluster.wait_until(lambda: one.status()["layout"]["staged"] == 0, "it is cancelled")

        for node in (four, five):
            self.join(node, one, "--stage")
        cluster.wait_until(lambda: two.status()["layout"]["staged"] == 2, "both are staged")
        done = self.good(two, "cluster", "commit", "--json").json()
        self.assertEqual((done["message"], done["committed"]), ("Ok", True))
        self.assertEqual(done["layout"]["after"], version + 1)
        self.assertEqual(len(self.members(one)), 5)
        self.expect_whole(five)
        nothing = self.good(two, "cluster", "commit")
        self.assertEqual(nothing.out, b"OK\n")
        self.assertIn(b"nothing is staged", nothing.err)

    def test_what_if(self):
        count = len(self.members(self.two))
        plan = self.plan("--nodes", str(count + 2))
        self.assertTrue(plan["changes"])
        new = [row for row in plan["nodes"] if row["change"] == "joins"]
        self.assertEqual(len(new), 2, plan)
        self.assertEqual([row["id"] for row in new], [None, None])
        self.assertGreater(plan["moves"], 0)
        text = self.good(self.two, "cluster", "plan", "--nodes", str(count + 2)).out.decode()
        self.assertIn(f"if there were {count + 2} nodes", text)
        self.assertEqual(self.two.status()["layout"]["staged"], 0)


class Settings(Case):
    def test_weight_and_zone(self):
        with cluster.Cluster(4) as group:
            one, two, three, four = group.nodes
            self.fill(one)
            before = self.members(one)["node4"]["partitions"]
            self.good(two, "set-node", "--node", "node4", "--weight", "2")
            after = self.members(one)["node4"]
            self.assertEqual(after["weight"], 2)
            self.assertGreater(after["partitions"], before)
            self.expect_whole(four)
            # A staged zone does nothing yet; three zones, and every partition spans all.
            self.good(one, "set-node", "--node", "node2", "--zone", "b", "--stage")
            self.assertEqual({m["zone"] for m in self.members(one).values()}, {"a"})
            self.good(one, "set-node", "--node", "node3", "--zone", "c", "--stage")
            plan = self.good(one, "cluster", "plan", "--json").json()
            self.assertEqual((plan["zones"]["before"], plan["zones"]["after"]), (1, 3), plan)
            self.good(one, "cluster", "commit")
            self.assertEqual(self.members(four)["node3"]["zone"], "c")
            self.expect_whole(three)
            # It counts from now on, and not what the config says.
            four.stop()
            four.start()
            group.wait_settled()
            self.assertEqual(self.members(one)["node4"]["weight"], 2)
            again = self.good(one, "set-node", "--node", "node4", "--weight", "2", "--json").json()
            self.assertFalse(again["changes"], again)


class Removing(Case):
    def test_a_dead_node_is_removed_for_good(self):
        with cluster.Cluster(4) as group:
            one, two, three, four = group.nodes
            self.fill(one)
            four.kill()
            self.wait_state(two, "node4", ("down",))
            done = self.good(two, "remove-node", "--node", "node4", "--json").json()
            self.assertEqual(done["may_lose"], 0, done)
            self.assertEqual(sorted(self.members(two)), ["node1", "node2", "node3"])
            self.assertNotIn("node4", {m["name"] for m in two.status()["nodes"]})
            self.expect_whole(three)
            # It learns of it when it is back, says so and serves nothing.
            four.start()
            outcome = cluster.wait_until(
                lambda: self.told_removed(four), "node4 knows that it was removed"
            )
            self.assertEqual(outcome.status, 6, outcome)
            self.assertEqual(four.shoal("status").status, 6)
            self.assertEqual(sorted(self.members(one)), ["node1", "node2", "node3"])

    def told_removed(self, node):
        outcome = node.shoal("get", "k1", "--timeout", "2s")
        return outcome if b"removed" in outcome.err else None

    def test_where_writes_may_be_lost_only_force_does_it_and_it_is_said(self):
        with cluster.Cluster(4, storage={"engine": "log", "durability": "os"}) as group:
            one, two, three, four = group.nodes
            self.fill(one)
            three.kill()
            four.kill()
            for name in ("node3", "node4"):
                self.wait_state(one, name, ("down",))
            self.good(one, "remove-node", "--node", "node4", "--timeout", "5s", "--stage")
            self.good(one, "cluster", "cancel")
            # Nobody can sync what only the two dead ones may have: the change waits for both.
            outcome = one.shoal("remove-node", "--node", "node4", "--timeout", "3s")
            self.assertEqual(outcome.status, 7, outcome)
            self.assertIn(b"waits for node3, which is down", outcome.err)
            text = self.refused(4, one, "remove-node", "--node", "node3")
            self.assertIn("--force", text)
            done = self.good(one, "remove-node", "--node", "node3", "--force", "--json").json()
            self.assertGreater(done["may_lose"], 0)
            self.assertEqual(sorted(self.members(two)), ["node1", "node2"])
            # The others say so as well, where the removals meet: status only while it matters.
            self.assertIn("acknowledged writes may be lost", two.log_tail())
            # In truth nothing was: every write had reached all owners.
            self.assertEqual(self.good(one, "get", "k3", "--raw").out.decode(), value_of(3))

    def test_a_dead_node_is_named_while_a_change_waits_for_it(self):
        with cluster.Cluster(4) as group:
            one, _, _, four = group.nodes
            self.fill(one)
            four.kill()
            self.wait_state(one, "node4", ("down",))
            outcome = one.shoal("set-node", "--node", "node1", "--weight", "2", "--timeout", "3s")
            self.assertEqual(outcome.status, 7, outcome)
            self.assertIn(b"remove-node --node node4", outcome.err)
            self.assertIn(b"goes on by itself", outcome.err)
            status = one.status()["layout"]
            self.assertFalse(status["settled"])
            self.assertIn("node4", [wait["node"] for wait in status["waiting_for"]])
            self.good(one, "remove-node", "--node", "node4")
            self.assertTrue(one.status()["layout"]["settled"])
            self.assertEqual(self.members(one)["node1"]["weight"], 2)
            self.expect_whole(one)


class Replacing(Case):
    def test_a_live_one_hands_over_and_a_dead_one_is_refilled_by_the_others(self):
        with cluster.Cluster(3) as group:
            one, two, three = group.nodes
            self.fill(one)
            four = group.add_node().start()
            self.good(one, "replace-node", "--node", "node3", "--with", f"127.0.0.1:{four.peer_port}")
            self.assertEqual(sorted(self.members(two)), ["node1", "node2", "node4"])
            self.assertEqual({m["name"]: m["state"] for m in three.status()["nodes"]}["node3"], "left")
            self.expect_whole(four)
            two.kill()
            self.wait_state(one, "node2", ("down",))
            five = group.add_node().start()
            self.good(one, "replace-node", "--node", "node2", "--with", f"127.0.0.1:{five.peer_port}")
            self.assertEqual(sorted(self.members(five)), ["node1", "node4", "node5"])
            self.expect_whole(five)

    def test_one_with_data_or_that_is_not_there_replaces_nobody(self):
        with cluster.Cluster(3) as group:
            one, two, _ = group.nodes
            self.fill(one)
            other = group.add_node().start()
            self.good(other, "put", "mine", "v", "--r", "one", "--w", "one")
            version = one.status()["layout"]["version"]
            outcome = one.shoal("replace-node", "--node", "node2", "--with",
                                f"127.0.0.1:{other.peer_port}", "--json")
            self.assertEqual((outcome.status, outcome.error()["outcome"]), (2, "none"), outcome)
            other.stop()
            outcome = one.shoal("replace-node", "--node", "node2", "--with",
                                f"127.0.0.1:{other.peer_port}", "--json")
            self.assertIn(outcome.status, (3, 4), outcome)
            self.assertEqual(outcome.error()["outcome"], "none", outcome)
            status = two.status()["layout"]
            self.assertEqual((status["version"], status["staged"]), (version, 0))
            self.assertTrue(status["settled"])


class WrongUsage(Case):
    def test_unknown_nodes_the_last_member_and_impossible_numbers(self):
        with cluster.Cluster(1) as group:
            one = group.nodes[0]
            for command in (("remove-node",), ("set-node", "--weight", "2"),
                            ("replace-node", "--with", "127.0.0.1:1")):
                text = self.refused(2, one, *command, "--node", "nod1")
                self.assertIn("nod1", text)
            self.refused(2, one, "leave-cluster")
            self.refused(2, one, "leave-cluster", "--stage")
            self.refused(2, one, "remove-node", "--node", "node1", "--force")
            self.refused(2, one, "set-node", "--node", "node1", "--weight", "0")
            self.refused(2, one, "set-node", "--node", "node1", "--weight", "1001")
            self.refused(2, one, "set-node", "--node", "node1")
            self.refused(2, one, "set-node", "--weight", "2")
            self.refused(2, one, "cluster", "plans")
            self.refused(2, one, "cluster", "commit", "--nodes", "3")
            self.refused(2, one, "cluster", "plan", "--nodes", "0")
            self.assertIn("--stage", self.refused(2, one, "leave-cluster", "--staged"))
            self.assertEqual(one.status()["layout"]["staged"], 0)


class Watching(Case):
    def weighing(self, asked, name):
        """A command that gives the named node more weight, has said what moves, and watches now."""
        process = subprocess.Popen(
            [os.environ["SHOAL_CLI"], "set-node", "-p", asked.client_port, "--node", name, "--weight", "3"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=cluster.plain_environment())
        self.assertIn(b"copies move", process.stderr.readline())
        return process

    def test_ctrl_c_ends_the_watching_and_not_the_change(self):
        with cluster.Cluster(4) as group:
            one, two, _, four = group.nodes
            self.fill(one)
            four.kill()
            self.wait_state(one, "node4", ("down",))
            with self.weighing(one, "node1") as process:
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=cluster.DEADLINE_S)
            self.assertEqual((process.returncode, out), (7, b""), err)
            self.assertIn(b"goes on by itself", err)
            four.start()
            group.wait_settled()
            self.assertEqual(self.members(two)["node1"]["weight"], 3)

    def test_it_goes_on_when_the_asked_node_dies(self):
        with cluster.Cluster(4, storage={"engine": "log", "durability": "os"}) as group:
            one, two, _, four = group.nodes
            self.fill(one)
            four.kill()
            self.wait_state(one, "node4", ("down",))
            with self.weighing(one, "node2") as process:
                one.kill()
                four.start()
                one.start()
                out, err = process.communicate(timeout=cluster.DEADLINE_S)
            self.assertEqual((process.returncode, out), (0, b"OK\n"), err)
            self.assertEqual(self.members(two)["node2"]["weight"], 3)

    def test_status_goes_on_in_lines_or_on_a_screen_of_its_own(self):
        with cluster.Cluster(2) as group:
            one, two = group.nodes
            with subprocess.Popen(
                [os.environ["SHOAL_CLI"], "status", "--watch", "-p", one.client_port],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=cluster.plain_environment(),
            ) as lines:
                self.assertRegex(lines.stdout.readline(), rb"^layout \d+: 2 nodes up; settled\n$")
                two.kill()
                while b"node2 down" not in lines.stdout.readline():
                    pass
                lines.send_signal(signal.SIGINT)
                lines.stdout.read()
            self.assertEqual(lines.returncode, 0)
            two.start()
            ours, theirs = pty.openpty()
            with subprocess.Popen(
                [os.environ["SHOAL_CLI"], "status", "--watch", "-p", one.client_port],
                stdin=theirs, stdout=theirs, stderr=theirs,
                env={**cluster.plain_environment(), "TERM": "xterm"},
            ) as screen:
                os.close(theirs)
                shown = self.read_until(ours, b"settled")
                self.assertTrue(shown.startswith(b"\x1b[?1049h"), shown)
                screen.send_signal(signal.SIGINT)
                rest = self.read_until(ours, b"\x1b[?1049l")
                self.assertIn(b"\x1b[?1049l", rest)
            self.assertEqual(screen.returncode, 0)
            os.close(ours)

    def read_until(self, fd, wanted):
        shown = b""
        end = time.monotonic() + cluster.DEADLINE_S
        while wanted not in shown:
            ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
            self.assertTrue(ready, shown)
            try:
                shown += os.read(fd, 65536)
            except OSError:  # the other side is gone
                break
        return shown


if __name__ == "__main__":
    cluster.main()
