"""Power cuts: not only the process ends, but all is gone that was not synced. Under `sync` what was
acknowledged was, so that can be done to all nodes at once, at any moment. Under `interval` and `os`
it takes from a node what it has confirmed, which it knows and gets from the others.
"""
import disks
from faults.fault import Fault
from words import Target


DEAD = disks.Wish(writes=1.0, syncs_fail=True)


class _Cut(Fault):
    """With `torn` some pages of what was not synced are there, others not."""

    uses = ("disk", "boot")

    def __init__(self, words):
        self.target = Target(words)
        self.torn = bool(words) and words[0] == "torn"
        if self.torn:
            words.pop(0)
        self.hosts = []

    @classmethod
    def lacking(cls):
        return disks.lacking()

    def most(self, cluster):
        """To how many it may be done; None: to all."""
        raise NotImplementedError

    def begin(self, arena, rng):
        self.hosts = self.target.pick(arena, rng)[:self.most(arena.scenario.cluster)]
        for host in self.hosts:
            host.disk.want(self, DEAD)  # first: what is on its way to a disk may not get there while nodes are killed
        for host in self.hosts:
            host.kill(self)
        for host in self.hosts:
            host.disk.power_cut(self.torn)
            host.disk.unwant(self)
            host.boot.again()
        named = ", ".join(host.name for host in self.hosts)
        return self.hosts, f"power cut{' (torn)' * self.torn} of {named}" if self.hosts else ""

    def end(self, arena):
        for host in self.hosts:
            host.start(self)


class Power(_Cut):
    """To nobody where less than everything acknowledged is durable."""

    word = "power"
    ends = True
    usage = "power TARGET [torn]: a power cut, under durability sync; started again at the end"
    samples = ("power any", "power all torn")

    def most(self, cluster):
        return None if cluster.durability == "sync" and cluster.engine != "memory" else 0


class Blackout(_Cut):
    """To fewer nodes than hold an acknowledged write."""

    word = "blackout"
    ends = True
    usage = "blackout TARGET [torn]: a power cut of fewer than w nodes, under any durability"
    samples = ("blackout any torn",)
    harm = True

    def most(self, cluster):
        return cluster.w - 1


KINDS = (Blackout, Power)
