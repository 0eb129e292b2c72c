"""Which acknowledged writes a read has to know of.

After healing (a read that is `final`): all of them. In the middle: those that W owners confirmed,
by a read of R owners, where R + W > N; and that began after the write was over. A write that was
acknowledged with the help of a fallback is certain to be seen only once that has handed it over
(docs/consistency.md, "OK with the help of others"), and while the layout changes nobody can tell
for which layout a fallback stood in; so such a write demands nothing before healing. Nor does a
read that had fewer than R owners, as an older layout of fewer members may have.

That W have confirmed, fallbacks included, and R answered, is what OK says, and each answer tells
how many did: with less it was no OK. (Only partitions of which removals by force have left fewer
owners than that go on with these, and the cluster says so: no scenario goes so far.)

After healing all members, each asked by itself, say the same, be it of writes whose outcome nobody
knows.
"""
from record import OK
from works.work import Problem, tell


def binding(write, facts):
    """Whether every read by R owners that begins after it has to know of the acknowledged write. It
    is held by W at most as far as promises go: more may have confirmed it, but a disk of theirs may
    be lost."""
    owners = min(write["owners"] or 0, facts["w"])
    return write.outcome == OK and not write["fallbacks"] and owners + facts["r"] > facts["n"]


def heard_enough(read, facts):
    """Whether the read has asked a read quorum."""
    return (read["owners"] or 0) >= facts["r"]


def reads_of(ops, final):
    """The reads that were answered, after healing or before it, in the order in which they
    began."""
    reads = [op for op in ops if op.kind == "read" and op.outcome == OK]
    return sorted((op for op in reads if bool(op["final"]) == final), key=lambda op: op.start)


def differ(key, ops, shown):
    """Problems of reads after healing that say different things, though each of them alone may be
    right. `shown`: what a read says."""
    said = {}
    for read in reads_of(ops, True):
        said.setdefault(shown(read), read)
    if len(said) > 1:
        yield Problem("differ", key, "; ".join(tell(read) for read in said.values()))


def too_few(key, ops, facts):
    """Problems of operations that were answered OK by fewer than it takes."""
    for op in ops:
        if op.outcome != OK or op["final"]:
            continue
        needed = facts["r"] if op.kind == "read" else facts["w"]
        had = (op["owners"] or 0) + (op["fallbacks"] or 0)
        if had < needed:
            yield Problem("too few", key, f"{had} of {needed}: {tell(op)}")
