#!/usr/bin/python3
"""Faults of the network, without one: who is cut from whom in each shape, what the packet filter is
told for it, how wishes of several faults come together, and which words are refused."""
import os
import random
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import faults  # noqa: E402
from faults import partitions  # noqa: E402
from nodes import cluster  # noqa: E402
from wishes import ANY, Cut, Loss, Narrow, Slow, Untidy  # noqa: E402
from wishes import filter_rules, narrowest, reaches, slow_setting  # noqa: E402
from words import Wrong  # noqa: E402

SEEDS = range(50)


class Addresses:
    """A network that only has addresses."""

    subnet = "10.0.0.0/24"
    clients = "10.0.0.254"

    @staticmethod
    def host(number):
        return f"10.0.0.{number + 1}"


class Host:
    def __init__(self, number):
        self.number = number
        self.name = f"node{number + 1}"
        self.troubles = set()


class Arena:
    """Hosts and what is wanted of the links between them."""

    def __init__(self, count):
        self.hosts = [Host(number) for number in range(count)]
        self.net = self
        self.wanted = {}

    def members(self):
        return list(self.hosts)

    @staticmethod
    def coming():
        return []

    def host(self, name):
        return next(host for host in self.hosts if host.name == name)

    def want(self, who, wishes):
        self.wanted[who] = wishes

    def unwant(self, who):
        self.wanted.pop(who, None)

    def heard(self):
        """{number: whom it hears}"""
        wishes = [wish for wishes in self.wanted.values() for wish in wishes]
        numbers = range(len(self.hosts))
        return {b: {a for a in numbers if a != b and reaches(wishes, a, b)} for b in numbers}


def begun(text, count, seed=1):
    """(the fault, its arena, hosts, text) after it has begun."""
    arena = Arena(count)
    fault = faults.make(tuple(text.split()))
    hosts, said = fault.begin(arena, random.Random(seed))
    return fault, arena, hosts, said


class Shapes(unittest.TestCase):
    def test_a_majority_and_the_largest_minority_hear_only_themselves(self):
        for count, small in ((2, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3)):
            for seed in SEEDS:
                _, arena, hosts, _ = begun("partition majority", count, seed)
                minority = {host.number for host in hosts}
                self.assertEqual(len(minority), small)
                for number, heard in arena.heard().items():
                    side = minority if number in minority else set(range(count)) - minority
                    self.assertEqual(heard, side - {number})

    def test_every_node_is_at_times_in_the_minority(self):
        seen = {host.number for seed in SEEDS for host in begun("partition majority", 5, seed)[2]}
        self.assertEqual(seen, set(range(5)))

    def test_isolated_ones_hear_nobody_and_nobody_hears_them(self):
        _, arena, hosts, _ = begun("partition isolate node2+node4", 5)
        self.assertEqual([host.number for host in hosts], [1, 3])
        self.assertEqual(arena.heard(), {0: {2, 4}, 1: set(), 2: {0, 4}, 3: set(), 4: {0, 2}})

    def test_over_a_bridge_one_hears_all_and_all_hear_it(self):
        for count in (3, 4, 5, 6):
            for seed in SEEDS:
                _, arena, _, said = begun("partition bridge", count, seed)
                heard = arena.heard()
                full = [number for number, others in heard.items() if len(others) == count - 1]
                self.assertEqual(len(full), 1, said)
                middle = full[0]
                sizes = sorted(len(heard[number]) for number in range(count) if number != middle)
                halves = (count - 1) // 2, count // 2
                self.assertEqual(sum(sizes), sum(half * half for half in halves))
                for number in range(count):
                    self.assertTrue(number == middle or middle in heard[number])
                    for other in heard[number]:
                        self.assertIn(number, heard[other])

    def test_in_a_ring_each_hears_two_and_all_are_in_one(self):
        for count in (4, 5, 7):
            for seed in SEEDS:
                _, arena, _, _ = begun("partition ring", count, seed)
                heard = arena.heard()
                self.assertEqual({len(others) for others in heard.values()}, {2})
                seen, now = [], 0
                while now not in seen:
                    seen.append(now)
                    now = next((other for other in sorted(heard[now]) if other not in seen), now)
                self.assertEqual(len(seen), count)

    def test_one_way_is_one_way_and_both_come_up(self):
        ways = set()
        for seed in SEEDS:
            _, arena, _, said = begun("partition one-way node1", 3, seed)
            heard = arena.heard()
            deaf = said.endswith("hears nobody")
            ways.add(deaf)
            self.assertEqual(heard, {0: set(), 1: {0, 2}, 2: {0, 1}} if deaf
                             else {0: {1, 2}, 1: {2}, 2: {1}})
        self.assertEqual(ways, {True, False})

    def test_a_shape_that_takes_more_nodes_does_nothing(self):
        for text, count in (("majority", 1), ("bridge", 2), ("ring", 3)):
            _, arena, hosts, said = begun(f"partition {text}", count)
            self.assertEqual((hosts, said, arena.wanted), ([], "", {}))

    def test_a_partition_that_ends_leaves_others_alone(self):
        arena = Arena(3)
        first, second = (faults.make(("partition", "isolate", name)) for name in ("node1", "node2"))
        for fault in (first, second):
            fault.begin(arena, random.Random(1))
        first.end(arena)
        self.assertEqual(arena.heard(), {0: {2}, 1: set(), 2: {0}})
        second.end(arena)
        self.assertEqual(arena.heard(), {0: {1, 2}, 1: {0, 2}, 2: {0, 1}})

    def test_flapping_ends_healed_and_says_how_often(self):
        fault, arena, hosts, _ = begun("partition flapping any every 50ms", 3)
        self.assertEqual(len(hosts), 1)
        for count, what in ((0, "it is cut off"), (2, "it is reached again")):
            cluster.wait_until(lambda: len(arena.heard()[hosts[0].number]) == count, what)
        self.assertRegex(fault.end(arena), r"^cut \d+ times$")
        self.assertEqual(len(arena.heard()[hosts[0].number]), 2)

    def test_pure_shapes_know_no_clients(self):
        self.assertEqual(partitions.one_way([3], True), [(ANY, 3)])
        self.assertEqual(partitions.isolate([3]), [(3, ANY), (ANY, 3)])


class Links(unittest.TestCase):
    def test_loss_is_both_ways(self):
        _, arena, hosts, _ = begun("lose 10% node2", 3)
        self.assertEqual(list(arena.wanted.values()), [[Loss(1, ANY, 0.1), Loss(ANY, 1, 0.1)]])
        self.assertEqual([host.name for host in hosts], ["node2"])

    def test_delays_add_up_and_shares_come_together(self):
        wishes = [Slow(1, 0.03, 0.08), Slow(1, 0.01, 0.01), Slow(2, 9, 9), Untidy(1, 0.1, 0.02),
                  Untidy(1, 0.5, 0.01)]
        self.assertEqual(slow_setting(wishes, 1), "40000 90000 550000 20000\n")
        self.assertEqual(slow_setting(wishes, 2), "9000000 9000000 0 0\n")
        self.assertIsNone(slow_setting(wishes, 0))

    def test_the_narrowest_line_counts(self):
        self.assertEqual(narrowest([Narrow(1, 300), Narrow(1, 200), Narrow(2, 1)], 1), 200)
        self.assertIsNone(narrowest([Narrow(1, 300)], 0))

    def test_the_filter_lets_clients_through_first(self):
        wishes = [Cut(0, 1), Cut(2, 1, True), Loss(ANY, 1, 0.25), Cut(1, 0)]
        rules = filter_rules(wishes, 1, Addresses)
        self.assertEqual(rules, """\
add table inet fault
add chain inet fault input { type filter hook input priority 0; }
flush chain inet fault input
add rule inet fault input iifname lo accept
add rule inet fault input ip saddr 10.0.0.254 accept
add rule inet fault input ip saddr 10.0.0.0/24 numgen random mod 1000000 < 250000 drop
add rule inet fault input ip saddr { 10.0.0.1 } drop
add rule inet fault input ip saddr { 10.0.0.3 } tcp flags & rst == rst accept
add rule inet fault input ip saddr { 10.0.0.3 } meta l4proto tcp reject with tcp reset
add rule inet fault input ip saddr { 10.0.0.3 } drop
""")

    def test_a_host_of_whom_nothing_is_wanted_has_no_rules(self):
        self.assertNotIn("add rule", filter_rules([Cut(0, 1), Cut(0, ANY)], 0, Addresses))


class Words(unittest.TestCase):
    GOOD = ("partition majority", "partition majority reset", "partition isolate any",
            "partition isolate node1+node3 reset", "partition bridge", "partition ring reset",
            "partition one-way 2 any", "partition flapping any every 300ms",
            "partition flapping node2 every 100ms..2s reset", "reset any", "reset all",
            "lose 10% any", "delay 30ms..80ms any", "delay 1s node1", "reorder 10% 2 any",
            "bandwidth 200kB/s node3")
    WRONG = (("partition", "no shape"), ("partition sideways", "no shape"),
             ("partition isolate", "whom"),
             ("partition majority any", "'any' is too much"),
             ("partition isolate any rest", "too much"),
             ("partition flapping any", "how often"), ("partition flapping any 300ms", "how often"),
             ("partition flapping any every", "how often"),
             ("partition flapping any every 1ms", "50ms"),
             ("partition flapping any every often", "no duration"), ("reset", "whom"),
             ("lose", "how much"),
             ("lose any", "no share"), ("lose 200% any", "no share"), ("lose 10%", "whom"),
             ("delay 80ms..30ms any", "before it begins"), ("delay 30 any", "no duration"),
             ("reorder many any", "no share"), ("bandwidth 200 any", "no rate"),
             ("bandwidth 0kB/s any", "no rate"), ("bandwidth 1MB/s everybody", "nobody"))

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
