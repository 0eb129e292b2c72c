"""Judges a history: was every read, the last ones after healing included, one that Shoal may give? It
knows nothing of nodes or faults, only of what clients asked and were told.

For a **set** that grows: every element whose add was acknowledged before the read began is there, and
no element that was refused or that nobody added. A write carries all that it replaced, so nothing
excuses an element's absence.

For an **own** key, let x be an acknowledged write (put or delete) that had ended before the read began,
and v a value that was read:

    v is x, or v may have come after x: it had not ended when x began.   else  stale
    Nothing is read only if x is a delete, or a delete may have come
    after x.                                                             else  lost
    v was put under this key, was not refused, began before the read.    else  foreign, refused
    Two values read together, both acknowledged: neither had ended when
    the other began, for then the later one had to replace it.           else  unreplaced

A write without a context is vouched for by those who confirm it; one of unknown outcome may not have
come so far, and stand beside what it was to replace. A write of unknown outcome has no end: it may
happen at any time after it began. A write without a context replaces what it finds, so an old one that
was held up may rightly cover a newer one; that is why "may have come after" looks at the end and not at
the order of asking.
"""
import collections

from history import ACKNOWLEDGED, DELETE, PUT, REFUSED, UNKNOWN

PROBLEMS_SHOWN = 20

Problem = collections.namedtuple("Problem", "kind key text")


class Verdict:
    """What is wrong, and how much was looked at."""

    def __init__(self, history):
        self.problems = []
        self.counts = history.counts()
        self.reads = len(history.reads)
        self.keys = len(history.keys())

    @property
    def good(self):
        return not self.problems

    def add(self, kind, key, text):
        self.problems.append(Problem(kind, key, text))

    def kinds(self):
        return collections.Counter(problem.kind for problem in self.problems)

    def __str__(self):
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        head = f"{counts} writes on {self.keys} keys, {self.reads} reads"
        if self.good:
            return f"{head}: nothing lost"
        lines = [f"{head}: BROKEN: " + ", ".join(f"{n} {kind}" for kind, n in self.kinds().items())]
        for problem in self.problems[:PROBLEMS_SHOWN]:
            lines.append(f"  {problem.kind}: {problem.key.decode(errors='replace')}: {problem.text}")
        if len(self.problems) > PROBLEMS_SHOWN:
            lines.append(f"  ... and {len(self.problems) - PROBLEMS_SHOWN} more")
        return "\n".join(lines)


def check(history):
    """The verdict on all reads of the history."""
    verdict = Verdict(history)
    by_key = collections.defaultdict(list)
    for write in history.writes.values():
        by_key[write.key].append(write)
    for read in history.reads:
        _check_values(history, verdict, read)
        if any(write.kind in (PUT, DELETE) for write in by_key[read.key]):
            _check_own(history, verdict, read, by_key[read.key])
        else:
            _check_set(verdict, read, by_key[read.key])
    return verdict


def check_listing(history, verdict, listed, found):
    """The keys that a complete listing gave, against those at which the last reads found something. Of
    a write of unknown outcome the one may see what the other doesn't."""
    known = history.keys()
    unsure = {write.key for write in history.writes.values() if write.outcome == UNKNOWN}
    for key in sorted(listed - known):
        verdict.add("foreign", key, "is listed, and nobody wrote it")
    for key in sorted(found - listed - unsure):
        verdict.add("unlisted", key, "has a value and is not listed")
    for key in sorted((listed & known) - found - unsure):
        verdict.add("stale", key, "is listed and has no value")


def _check_values(history, verdict, read):
    """Every id that was read is of a write that may be seen."""
    for text in read.damaged:
        verdict.add("damaged", read.key, f"{text}; {read}")
    for number in {number for sibling in read.siblings for number in sibling}:
        write = history.writes.get(number)
        if write is None or write.key != read.key or write.kind == DELETE or write.start > read.end:
            verdict.add("foreign", read.key, f"{number} was not written here: {write}; {read}")
        elif write.outcome == REFUSED:
            verdict.add("refused", read.key, f"is there all the same: {write}; {read}")


def _check_set(verdict, read, writes):
    there = {number for sibling in read.siblings for number in sibling}
    for write in writes:
        if write.outcome == ACKNOWLEDGED and write.end < read.start and write.id not in there:
            verdict.add("lost", read.key, f"{write} is not in {read}")


def _check_own(history, verdict, read, writes):
    seen = [history.writes[number] for sibling in read.siblings for number in sibling
            if number in history.writes and history.writes[number].key == read.key]
    lost = None  # the newest that is
    for write in writes:
        if write.outcome != ACKNOWLEDGED or write.end >= read.start:
            continue
        for value in seen:
            if value is not write and value.end < write.start:
                verdict.add("stale", read.key, f"{value} was replaced by {write}; {read}")
        if not read.siblings and not read.damaged and not _deleted_after(write, writes, read):
            lost = write
    if lost is not None:
        verdict.add("lost", read.key, f"{lost} is gone; {read}")
    for value in seen:
        for later in seen:
            if value.outcome == later.outcome == ACKNOWLEDGED and value.end < later.start:
                verdict.add("unreplaced", read.key, f"{later} left {value} beside it; {read}")


def _deleted_after(write, writes, read):
    """Whether the absence of everything can be explained."""
    return write.kind == DELETE or any(
        other.kind == DELETE and other.outcome != REFUSED and other.end > write.start and
        other.start < read.end for other in writes)
