"""Which acknowledged writes a read has to know of.

After healing (a read that is `final`): all of them. In the middle: those that W owners confirmed,
by a read of R owners, where R + W > N; and that began after the write was over. A write that was
acknowledged with the help of a fallback is certain to be seen only once that has handed it over
(docs/consistency.md, "OK with the help of others"), and while the layout changes nobody can tell
for which layout a fallback stood in; so such a write demands nothing before healing. Nor does a
read that had fewer than R owners, as an older layout of fewer members may have.
"""
from record import OK


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
