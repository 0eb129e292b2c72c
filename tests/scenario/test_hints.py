#!/usr/bin/python3
"""Hints with real processes: what is written while an owner is away waits for it, outlives its keeper,
and is gone soon after the owner is back."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import protocol as p  # noqa: E402

KEYS = 2000
DURABLE = {"storage": {"engine": "log", "durability": "sync"}, "quorum": {"n": 3, "r": 2, "w": 2}}
OWNERS, FALLBACKS = 6, 7  # where a RESULT has them


def put_all(node, what, count=KEYS, seen=None):
    """Pipelined; every answer, by key."""
    answers = {}
    seen = seen or {}
    with p.Connection(node.client_port) as connection:
        for start in range(0, count, 100):
            numbers = range(start, min(start + 100, count))
            connection.send(
                *(p.put(n + 1, b"key-%d" % n, b"%s-%d" % (what, n), seen.get(n)) for n in numbers)
            )
            for _ in numbers:
                answer = connection.receive()
                answers[answer[1] - 1] = answer
    return answers


def contexts(node, count):
    """What has been read of each key: without that, a write needs a read quorum of owners."""
    found = {}
    with p.Connection(node.client_port) as connection:
        connection.send(*(p.get(n + 1, b"key-%d" % n) for n in range(count)))
        for _ in range(count):
            answer = connection.receive()
            found[answer[1] - 1] = answer[4]
    return found


def put_until_confirmed(node, what, count=KEYS):
    """The first writes after a node is gone may end unknown; then they are made once more."""

    def confirmed():
        answers = put_all(node, what, count)
        return answers if all(answer[2] == 0 for answer in answers.values()) else None

    return cluster.wait_until(confirmed, f"{count} writes are confirmed")


def members(node):
    status = node.status()
    return {} if status is None else {member["name"]: member for member in status["nodes"]}


def hints(node, of=None):
    """How many objects the nodes owe, as this one has heard."""
    return sum(m["hints"] for m in members(node).values() if of is None or m["name"] == of.name)


class AnOwnerAway(unittest.TestCase):
    def has_all(self, node, what, count=KEYS, options=None):
        """Every key is read through the node."""
        with p.Connection(node.client_port) as connection:
            for start in range(0, count, 100):
                numbers = range(start, min(start + 100, count))
                connection.send(*(p.get(n + 1, b"key-%d" % n, options) for n in numbers))
                for _ in numbers:
                    answer = connection.receive()
                    self.assertEqual(answer[2], 0, answer)
                    values = [value for value, _ in answer[5]]
                    self.assertEqual(values, [b"%s-%d" % (what, answer[1] - 1)])

    def test_what_is_written_meanwhile_waits_for_it_and_is_delivered(self):
        with cluster.Cluster(4, **DURABLE) as group:
            one, two, three, four = group.nodes
            put_until_confirmed(one, b"before")
            four.kill()

            # Three quarters of the keys are the absent node's: each is held by two and kept by one.
            def told():
                now = members(one)
                held = sum(now[node.name]["keys"] for node in (one, two, three))
                owed = sum(now[node.name]["hints"] for node in (one, two, three))
                return owed if held + owed == 3 * KEYS else None

            def written():
                """A link that broke meanwhile may have left a write with two copies; then all are made again."""
                answers = put_until_confirmed(one, b"after")
                try:
                    return answers, cluster.wait_until(told, "all are told", 15)
                except AssertionError:
                    return None

            answers, owed = cluster.wait_until(written, "every write is held or kept three times")
            self.assertTrue(any(answer[FALLBACKS] > 0 for answer in answers.values()))
            self.assertGreater(owed, KEYS // 2)
            self.assertIn(b"HINTS", one.shoal("status").out)

            four.start()
            cluster.wait_until(lambda: hints(one) == 0, "hints are delivered")
            group.wait_settled()
            self.has_all(four, b"after", options=[0, 1])  # from its own holdings, where it is an owner
            log = two.log_tail(200) + one.log_tail(200) + three.log_tail(200)
            self.assertIn("hints: delivering what is owed", log)
            self.assertIn("hints: delivered what was owed", log)

    def test_with_one_owner_left_the_fallback_makes_the_quorum(self):
        with cluster.Cluster(4, **DURABLE) as group:
            one, two, three, four = group.nodes
            put_until_confirmed(one, b"before", 200)
            seen = contexts(one, 200)
            three.kill()
            four.kill()
            cluster.wait_until(
                lambda: all(members(one)[n.name]["state"] != "up" for n in (three, four)),
                "two are gone",
            )
            answers = put_all(one, b"value", 200, seen)
            self.assertEqual([answer for answer in answers.values() if answer[2] != 0], [])
            lone = [n for n, answer in answers.items() if answer[OWNERS] == 1]
            self.assertTrue(lone)
            self.assertTrue(all(answers[n][FALLBACKS] >= 1 for n in lone))

            def kept():
                return hints(one, one) + hints(one, two)

            cluster.wait_until(lambda: kept() == len(lone), "hints are told")

            # They outlive the process that keeps them.
            two.kill()
            two.start()
            cluster.wait_until(
                lambda: members(one)[two.name]["state"] == "up" and kept() == len(lone),
                "hints are still owed",
            )
            three.start()
            four.start()
            cluster.wait_until(lambda: hints(one) == 0, "hints are delivered")
            group.wait_settled()
            for node in group.nodes:
                # What two owners took has no fallback left: the third may not have it yet.
                self.has_all(node, b"value", 200)

    def test_without_sloppy_quorums_a_write_needs_its_owners(self):
        settings = {**DURABLE, "quorum": {**DURABLE["quorum"], "sloppy": False}}
        with cluster.Cluster(4, **settings) as group:
            one, _, three, four = group.nodes
            three.kill()
            four.kill()

            def refused():
                outcomes = [one.shoal("put", f"key-{n}", "x", "--json") for n in range(8)]
                return [o for o in outcomes if o.status == 4 and o.error()["outcome"] == "none"]

            cluster.wait_until(refused, "writes are refused for lack of owners")
            self.assertEqual(hints(one), 0)
            three.start()
            four.start()
            group.wait_settled()


if __name__ == "__main__":
    cluster.main()
