"""What can be wrong with a disk while a node runs on it. A node whose write or sync has failed
confirms nothing more until it is restarted: the operator does that when the disk is well again.
"""
import disks
import nodes
import words as language
from faults.fault import Fault
from words import Target, Wrong

USAGE = "disk TARGET full | eio 5% [reads|writes] | fsync-fails | slow 1MB/s [10ms]"


class Disk(Fault):
    """Full; reads or writes or both that fail now and then; syncs that all fail; slow, and each sync
    by so much more."""

    word = "disk"
    ends = True
    usage = USAGE + ": a node that says that it has failed is restarted at its end"
    uses = ("disk",)
    samples = ("disk any full", "disk any eio 2% reads", "disk any eio 5% writes",
               "disk any fsync-fails", "disk any slow 1MB/s")

    def __init__(self, words):
        self.target = Target(words)
        if not words:
            raise Wrong("what is wrong with it?")
        self.text = " ".join(words)
        self.wish = _wish(words)
        self.hosts = []

    @classmethod
    def lacking(cls):
        return disks.lacking()

    def begin(self, arena, rng):
        self.hosts = self.target.pick(arena, rng)
        for host in self.hosts:
            if self.wish.reads:
                nodes.make_cold(host.node)
            host.disk.want(self, self.wish)
        named = ", ".join(host.name for host in self.hosts)
        return self.hosts, f"disk of {named}: {self.text}" if self.hosts else ""

    def end(self, arena):
        for host in self.hosts:
            host.disk.unwant(self)
            if self.wish.fails:
                host.suspect_storage()


def _wish(words):
    kind = words.pop(0)
    if kind == "full":
        return disks.Wish(full=True)
    if kind == "fsync-fails":
        return disks.Wish(syncs_fail=True)
    if kind == "eio":
        share = _next(words, language.share, "how many? (as 5%)")
        which = words.pop(0) if words and words[0] in ("reads", "writes") else "both"
        return disks.Wish(reads=share if which != "writes" else 0.0,
                          writes=share if which != "reads" else 0.0)
    if kind == "slow":
        rate = _next(words, language.rate, "how slow? (as 1MB/s)")
        latency_s = language.seconds(words.pop(0)) if words else 0
        return disks.Wish(rate=rate, latency_ms=int(1000 * latency_s))
    raise Wrong(f"{kind!r} is nothing that a disk does")


def _next(words, read, question):
    if not words:
        raise Wrong(question)
    return read(words.pop(0))


KINDS = (Disk,)
