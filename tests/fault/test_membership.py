#!/usr/bin/python3
"""Changes of membership, without nodes: which words are read, who may come and go, and an operator
who gives a failed command again at healing, and only then."""
import os
import random
import sys
import types
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import changes  # noqa: E402
import faults  # noqa: E402
import membership  # noqa: E402
from faults import rolling  # noqa: E402
from membership import IN, LEFT, OUT, REMOVED  # noqa: E402
from nodes import cluster  # noqa: E402
from words import Wrong  # noqa: E402


class Host:
    def __init__(self, arena, number):
        self.number = number
        self.name = f"node{number + 1}"
        self.state = OUT
        self.alive = self.running = True
        self.troubles = set()
        self.node = types.SimpleNamespace(name=self.name, peer_address=f"{self.name}:1",
                                          status=lambda: arena.status)

    def kill(self, _who):
        self.alive = self.running = False


class Arena:
    """So many members of a cluster with N = 3, and what each command is to end with."""

    def __init__(self, count, w=2):
        self.scenario = types.SimpleNamespace(cluster=types.SimpleNamespace(nodes=count, n=3, w=w))
        self.hosts = []
        self.operator = membership.Operator(self)
        self.record = types.SimpleNamespace(now=lambda: 7.0)
        self.said = []
        self.given = []  # (node, words)
        self.statuses = []  # of the commands to come; none left: it goes on and on
        self.status = {"nodes": []}
        for _ in range(count):
            self.add_host().state = IN

    def add_host(self):
        self.hosts.append(Host(self, len(self.hosts)))
        return self.hosts[-1]

    def members(self):
        return [host for host in self.hosts if host.state == IN]

    def host(self, name):
        return next(host for host in self.hosts if host.name == name)

    def say(self, text):
        self.said.append(text)

    def begin(self, text):
        """(hosts, text) of a fault that begins."""
        fault = faults.make(tuple(text.split()))
        fault.trouble = types.SimpleNamespace(end=0.0)
        return fault, fault.begin(self, random.Random(1))

    def command(self, node, *words, timeout_s):
        """Stands for changes.Command: ends at once."""
        assert timeout_s > 0
        self.given.append((node.name, words))
        status = self.statuses.pop(0) if self.statuses else None
        return types.SimpleNamespace(process=types.SimpleNamespace(poll=lambda: status),
                                     end=lambda: (status, "shoal: its last words"),
                                     __exit__=lambda: None)


class Operators(unittest.TestCase):
    def setUp(self):
        self.before = changes.Command
        self.addCleanup(setattr, changes, "Command", self.before)
        self.addCleanup(setattr, membership, "AGAIN_S", membership.AGAIN_S)
        membership.AGAIN_S = 0.0

    def arena(self, count, w=2):
        arena = Arena(count, w)
        changes.Command = arena.command
        return arena

    def test_a_joiner_is_a_member_when_the_command_has_succeeded(self):
        arena = self.arena(3)
        arena.statuses = [0]
        fault, (hosts, said) = arena.begin("join")
        self.assertEqual((hosts[0].name, hosts[0].state, said), ("node4", OUT, "join node4"))
        self.assertEqual(arena.given,
                         [("node4", ("join-cluster", "--known-cluster-node", "node1:1"))])
        arena.operator.tend()
        self.assertEqual(hosts[0].state, IN)
        self.assertEqual((arena.operator.pending(), fault.trouble.end), ("", 7.0))

    def test_what_fails_is_given_again_at_healing_and_not_before(self):
        arena = self.arena(4)
        arena.statuses = [3, 7, 0]
        _, (hosts, _) = arena.begin("leave node2")
        for _ in range(5):
            arena.operator.tend()
        self.assertEqual(len(arena.given), 1)
        self.assertIn("leave node2: status 3: shoal: its last words", arena.operator.pending())
        arena.status = {"nodes": [{"name": "node2", "state": "leaving"}]}
        arena.operator.insist(True)
        for _ in range(5):
            arena.operator.tend()
        self.assertEqual(len(arena.given), 3)
        self.assertEqual(hosts[0].state, LEFT)
        self.assertRegex(arena.said[-1], r"leave node2: done after .* tries: 3")

    def test_what_is_so_already_is_not_asked_for_again(self):
        arena = self.arena(4)
        arena.statuses = [7]
        arena.begin("remove node2")
        arena.operator.insist(True)
        for _ in range(3):
            arena.operator.tend()
        self.assertEqual(len(arena.given), 1)
        self.assertEqual(arena.operator.pending(), "")

    def test_a_replacement_that_got_half_way_is_ended_by_a_join(self):
        arena = self.arena(3)
        arena.statuses = [7, 0]
        _, (_, said) = arena.begin("replace node2 dead")
        self.assertEqual(said, "replace node2, dead, by node4")
        arena.operator.insist(True)
        for _ in range(3):
            arena.operator.tend()
        self.assertEqual([words[0] for _, words in arena.given], ["replace-node", "join-cluster"])
        self.assertIn("--force", arena.given[0][1])
        self.assertEqual([host.state for host in arena.hosts], [IN, REMOVED, IN, IN])

    def test_one_that_lives_hands_over_and_has_left(self):
        arena = self.arena(3)
        arena.statuses = [0]
        _, (_, said) = arena.begin("replace node1")
        self.assertEqual(said, "replace node1, alive, by node4")
        self.assertEqual(arena.given[0],
                         ("node2", ("replace-node", "--node", "node1", "--with", "node4:1")))
        arena.operator.tend()
        self.assertEqual([host.state for host in arena.hosts], [LEFT, IN, IN, IN])

    def test_nobody_is_asked_who_is_about_to_go_or_in_trouble(self):
        arena = self.arena(5)
        arena.begin("leave node1")
        arena.host("node2").troubles.add("pause")
        arena.host("node3").running = False
        self.assertEqual(arena.operator.peer().name, "node4")
        self.assertEqual(arena.operator.peer(besides=[arena.host("node4")]).name, "node5")

    def test_at_least_n_stay(self):
        arena = self.arena(4)
        self.assertEqual(arena.begin("leave all")[1][1], "leave node1")
        self.assertEqual(arena.begin("leave any")[1], ([], ""))
        self.assertEqual(arena.begin("remove any")[1], ([], ""))

    def test_not_ever_more_come(self):
        arena = self.arena(3)
        for _ in range(10):
            arena.begin("join")
        self.assertEqual(len(arena.hosts), 3 + membership.JOINED_MAX)

    def test_no_copy_is_given_up_where_a_write_has_only_one(self):
        arena = self.arena(4, w=1)
        self.assertEqual(arena.begin("remove any")[1], ([], ""))
        self.assertEqual(arena.begin("replace any dead")[1], ([], ""))
        self.assertEqual([host.alive for host in arena.hosts], [True] * 4)


class Restarts(unittest.TestCase):
    """restart rolling, on hosts that take a while to end and to come up."""

    def setUp(self):
        self.addCleanup(setattr, rolling, "_is_up", rolling._is_up)
        rolling._is_up = lambda host: host.running
        self.arena = Arena(3)
        self.told = []
        for host in self.arena.hosts:
            host.stop = lambda who, host=host: self.told.append((host.name, "stop"))
            host.start = lambda who, host=host: self.told.append((host.name, "start"))
        self.fault, (_, self.text) = self.arena.begin("restart rolling")

    def step(self):
        """What the harness does, and a machine: whether the fault is over."""
        over = self.fault.tend(self.arena)
        for name, what in self.told[-1:]:
            host = self.arena.host(name)
            host.running = what == "start"
            host.node.process = None if what == "stop" else object()
        return over

    def test_each_is_waited_for_before_the_next(self):
        steps = 0
        while not self.step():
            steps += 1
            self.assertLess(steps, 50)
            self.assertLessEqual(sum(not host.running for host in self.arena.hosts), 1)
        order = self.text.removeprefix("rolling restart: ").split()
        self.assertEqual(sorted(order), ["node1", "node2", "node3"])
        self.assertEqual(self.told, [(name, what) for name in order for what in ("stop", "start")])
        self.assertEqual(self.fault.end(self.arena), "restarted one after the other: 3")

    def test_one_that_does_not_come_up_holds_the_others_up(self):
        rolling._is_up = lambda host: False
        for _ in range(50):
            self.assertFalse(self.step())
        self.assertEqual(len(self.told), 2)
        self.assertEqual(self.fault.end(self.arena), "restarted one after the other: 0")

    def test_one_that_was_removed_meanwhile_is_passed_over(self):
        for host in self.arena.hosts:
            host.state = REMOVED
        self.assertTrue(self.step())
        self.assertEqual(self.told, [])


class Words(unittest.TestCase):
    GOOD = ("join", "leave any", "leave node2+node3", "remove any", "replace 2 any",
            "replace any dead", "reweight node1 1000", "restart rolling",
            "overload 200 connections")
    WRONG = (("join any", "too much"), ("leave", "whom"), ("remove", "whom"),
             ("replace any alive", "too much"), ("reweight any", "what weight"),
             ("reweight any 0", "no number"), ("reweight any 1001", "1000"),
             ("restart", "rolling"), ("restart all", "rolling"), ("overload", "how much"),
             ("overload 200", "of what"), ("overload many connections", "no number"),
             ("overload 3000 connections", "at most"))

    def test_all_words_are_read(self):
        for text in self.GOOD:
            with self.subTest(text):
                self.assertEqual(faults.make(tuple(text.split())).word, text.split()[0])

    def test_wrong_words_are_refused_with_what_would_be_right(self):
        for text, told in self.WRONG:
            with self.subTest(text), self.assertRaises(Wrong) as caught:
                faults.make(tuple(text.split()))
            self.assertIn(told, str(caught.exception))


if __name__ == "__main__":
    cluster.main()
