#!/usr/bin/python3
"""Faults of disks, clocks and data, without any: what their words mean, what several wishes of one
disk come to, and to whom data is never done.
"""
import os
import random
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import disks  # noqa: E402
import faults  # noqa: E402
from disks import Wish  # noqa: E402
from nodes import cluster  # noqa: E402
from words import Wrong  # noqa: E402


def made(text):
    return faults.make(text.split())


class Disk:
    def __init__(self, troubled=False):
        self.troubled = troubled


class Host:
    def __init__(self, arena, number, disk=None):
        self.arena = arena
        self.number = number
        self.name = f"node{number + 1}"
        self.troubles = set()
        self.disk = disk
        self.node = self
        self.data_dir = tempfile.mkdtemp(dir=arena.folder)
        self.done = []
        self.alive = False

    def stop(self, who):
        self.done.append("stop")

    def kill(self, who):
        self.done.append("kill")

    def start(self, who):
        self.done.append("start")


class Arena:
    """Hosts that are only folders."""

    def __init__(self, folder, count=5, w=3):
        self.folder = folder
        self.scenario = self
        self.cluster = self
        self.w = w
        self.hosts = [Host(self, number) for number in range(count)]

    def members(self):
        return self.hosts

    def host(self, name):
        return next(host for host in self.hosts if host.name == name)

    def say(self, text):
        raise AssertionError(text)


class Words(unittest.TestCase):
    def test_disks(self):
        wish = made("disk any eio 5% writes").wish
        self.assertEqual((wish.reads, wish.writes, wish.fails), (0, 0.05, True))
        wish = made("disk node1+node2 eio 5%").wish
        self.assertEqual((wish.reads, wish.writes), (0.05, 0.05))
        wish = made("disk 2 any slow 200kB/s 20ms").wish
        self.assertEqual((wish.rate, wish.latency_ms, wish.fails), (200000, 20, False))
        self.assertTrue(made("disk any full").wish.full)
        self.assertTrue(made("disk any fsync-fails").wish.syncs_fail)

    def test_what_is_none_is_refused(self):
        for text in ("disk", "disk any", "disk any broken", "disk any eio", "disk any eio 5",
                     "disk any slow", "disk any slow 5%", "disk any full now",
                     "disk any eio 5% syncs", "clock any", "clock any jump",
                     "clock any jump 60s", "clock any drift 5%", "clock any stop +1s",
                     "clock any drift +5% more", "flip any", "flip 0 any", "flip 3", "wipe",
                     "wipe any now", "copy nobody", "restore", "truncate 5", "power",
                     "power any later", "blackout torn"):
            with self.subTest(text), self.assertRaises(Wrong):
                made(text)

    def test_samples_are_faults(self):
        for word in ("disk", "clock", "flip", "truncate", "wipe", "power", "blackout"):
            for sample in faults.KINDS[word].samples:
                made(sample)


class Wishes(unittest.TestCase):
    def test_nobody_wants_anything(self):
        self.assertEqual(disks.lines([]), {"full": "full off", "eio": "eio 0 0", "sync": "sync ok",
                                           "slow": "slow 0 0"})

    def test_the_worst_of_each_kind_holds(self):
        told = disks.lines([Wish(rate=2e6, latency_ms=5), Wish(rate=1e6), Wish(full=True),
                            Wish(reads=0.1), Wish(writes=0.2)])
        self.assertEqual(told, {"full": "full on", "eio": "eio 0.1 0.2", "sync": "sync ok",
                                "slow": "slow 1000000 5"})

    def test_files_that_one_left_out_fail_too(self):
        self.assertEqual(disks.lines([Wish(reads=0.1, suffix=".seg")])["eio"], "eio 0.1 0 .seg")
        told = disks.lines([Wish(reads=0.1, suffix=".seg"), Wish(writes=1.0)])
        self.assertEqual(told["eio"], "eio 0.1 1")


class Data(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="shoal-data-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def begin(self, text, arena):
        return made(text).begin(arena, random.Random(1))

    @staticmethod
    def write(host, text, name="node.record"):
        with open(os.path.join(host.data_dir, name), "w", encoding="ascii") as file:
            file.write(text)

    def test_fewer_lose_theirs_than_hold_a_write(self):
        self.assertEqual(len(self.begin("wipe all", Arena(self.folder, w=3))[0]), 2)
        self.assertEqual(self.begin("wipe any", Arena(self.folder, w=1)), ([], ""))

    def test_a_wiped_node_was_killed_and_is_started(self):
        arena = Arena(self.folder)
        for host in arena.hosts:
            os.makedirs(os.path.join(host.data_dir, "log", "deeper"))
            self.write(host, "x")
        (wiped,), _ = self.begin("wipe any", arena)
        self.assertEqual((wiped.done, os.listdir(wiped.data_dir)), (["kill", "start"], []))
        self.assertTrue(all(os.listdir(host.data_dir) for host in arena.hosts if host is not wiped))

    def test_a_bad_disk_is_left_alone(self):
        arena = Arena(self.folder, count=1)
        arena.hosts[0].disk = Disk(troubled=True)
        self.assertEqual(self.begin("wipe any", arena), ([], ""))
        arena.hosts[0].disk = Disk()
        self.assertEqual(len(self.begin("wipe any", arena)[0]), 1)

    def test_only_what_was_copied_is_restored(self):
        arena = Arena(self.folder)
        host = arena.hosts[0]
        self.assertEqual(self.begin("restore node1", arena), ([], ""))
        self.write(host, "old")
        copy = made("copy node1")
        copy.begin(arena, random.Random(1))
        self.assertEqual(len(host.done), 1, "it is down")
        copy.end(arena)
        self.assertEqual(host.done[1:], ["start"])
        self.write(host, "new")
        self.write(host, "new", "more")
        self.assertEqual(self.begin("restore node1", arena)[0], [host])
        self.assertEqual(os.listdir(host.data_dir), ["node.record"])
        with open(os.path.join(host.data_dir, "node.record"), encoding="ascii") as file:
            self.assertEqual(file.read(), "old")


if __name__ == "__main__":
    cluster.main()
