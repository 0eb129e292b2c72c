"""Judges keys that are written and deleted with contexts and without: what was read, may Shoal have
answered it? Of the operations that works/asking.py makes; register.py, recreate.py and session.py
bring them about.

A write *with a context* replaces what the operation showed that the context is from, and what those
had replaced in their turn: it *saw* them. That much is certain, and holds wherever the write is
seen at all, because objects travel whole. A write *without* replaces what was acknowledged before
it began, once it is acknowledged itself. What it replaces besides, nobody can tell from outside:
whatever had not ended when it began.

    OK says that enough have confirmed or answered.                 else  too few
    A value was written here, was not refused, began before the
    read was over, and is shown once.                               else  phantom, refused, twice,
                                                                          damaged
    No value is shown beside one whose writer saw it.               else  false siblings
    No value is shown that an acknowledged write has replaced for
    certain, if that is over and the read has to know of it.        else  replaced; by a delete:
                                                                          resurrected
    A value of an acknowledged write, that the read has to know of,
    is shown; or something that may have replaced it is: what saw
    it, or a write without a context that had not ended when it
    began; or what may have replaced that, and so on; or one of
    these is a delete.                                              else  lost

    After healing all members, each asked by itself, say the
    same.                                                           else  differ

So the siblings after healing are exactly the concurrent ones. What is not demanded, and why:

- A write of unknown outcome may happen at any time after it began, or never. One without a context
  may, besides, stand beside what it was to replace: that it replaced everything is what an
  acknowledgement says.
- One without a context has a moment, while it goes on, in which it stands beside what it replaces
  (coordinate/README.md, trade-offs). So it is judged once it is over.
- One without a context may be made once more, on top of what it had missed. So what is written upon
  a read that showed it while it went on need not replace it.
- One without a context need not replace what was acknowledged with the help of fallbacks, who can't
  vouch.
- The context that answers a write covers that write, or, if its coordinator had carried out others
  of the key that the writer has not seen, only what the writer had sent: a context speaks of ranges
  (src/coordinate/write.c). So where there may have been such, what is written with it *may* replace
  that write, and need not.
- A read does not wait for its repair, so what it showed of a write that nobody has acknowledged may
  be missing from the next.
"""
import collections
import heapq

from record import NOTHING, OK
from works.asking import DELETE, PUT, READ
from works.quorums import binding, differ, heard_enough, reads_of, too_few
from works.work import Problem, by_key, tell


def check(ops, facts):
    """Problems of all keys."""
    return by_key(ops, lambda key, of_key: Key(key, of_key, facts).check())


def shown(read):
    """The numbers of the writes whose values it gave."""
    return [sibling[-1] for sibling in read["values"]]


class Key:
    """All that is known of one key."""

    def __init__(self, key, ops, facts):
        self.key = key
        self.facts = facts
        self.ops = sorted(ops, key=lambda op: op.number)
        self.by_number = {op.number: op for op in ops}
        self.writes = [op for op in self.ops if op.kind in (PUT, DELETE) and op.outcome != NOTHING]
        self.blind = [op for op in self.writes if op["on"] is None]
        self.saw = {}  # write -> the writes that it replaces for certain, all by number
        self.heirs = collections.defaultdict(list)  # write -> operations whose context may cover it
        for write in self.writes:
            self._place(write)

    def _place(self, write):
        """What it replaces, of those before it: numbers grow with time."""
        on = self.by_number.get(write["on"])
        known = set()
        if on is None:
            pass
        elif on.kind == READ:
            for number in shown(on):
                self.heirs[number].append(write)
                if self._whole(number, on):
                    known.add(number)
                known |= self.saw.get(number, set())
        else:
            self.heirs[on.number].append(write)
            known |= self.saw.get(on.number, set())
            if self._covers_itself(on):
                known.add(on.number)
            self._inherit(on, write)
        self.saw[write.number] = known

    def _whole(self, number, read):
        """Whether the context of the read covers the write that it shows for certain, however often
        that is made."""
        write = self.by_number.get(number)
        return write is not None and (write["on"] is not None or (
            write.before(read) and binding(write, self.facts) and heard_enough(read, self.facts)))

    def _covers_itself(self, write):
        """Whether the context that answered the write covers it for certain: it had none to begin
        with, and so was made on top of what its coordinator knew; or nobody else can have written
        yet but those that it saw."""
        return write["on"] is None or all(
            other is write or other.number in self.saw[write.number] or other.start > write.end
            for other in self.writes)

    def _inherit(self, on, write):
        """Whatever the context of an answer may cover, because the one that was answered had sent
        it."""
        while on is not None and on.kind != READ:
            on = self.by_number.get(on["on"])
        if on is not None:
            for number in shown(on):
                self.heirs[number].append(write)

    def check(self):
        yield from too_few(self.key, self.ops, self.facts)
        yield from differ(self.key, self.ops, lambda read: tuple(sorted(shown(read))))
        for final in (False, True):
            yield from self._sweep(final)

    # ---- all reads in the order of time ---------------------------------------------------------

    def _sweep(self, final):
        acknowledged = [op for op in self.writes
                        if op.outcome == OK and (final or binding(op, self.facts))]
        acknowledged.sort(key=lambda op: op.end, reverse=True)
        standing = {}  # number -> write: acknowledged, and not replaced for certain
        gone = {}  # number -> the acknowledged write that has replaced it
        for read in reads_of(self.ops, final):
            while acknowledged and acknowledged[-1].before(read):
                self._take(acknowledged.pop(), standing, gone)
            yield from self._check_values(read)
            if final or heard_enough(read, self.facts):
                yield from self._check_replaced(read, gone)
                yield from self._check_lost(read, standing)

    def _take(self, write, standing, gone):
        replaced = set(self.saw[write.number])
        if write["on"] is None:
            replaced |= {number for number, other in standing.items()
                         if other.before(write) and binding(other, self.facts)}
        for number in replaced:
            if number not in gone or write.kind == DELETE:
                gone[number] = write
            standing.pop(number, None)
        if write.number not in gone:
            standing[write.number] = write

    # ---- one read -------------------------------------------------------------------------------

    def _check_values(self, read):
        there = shown(read)
        for text in read["damaged"]:
            yield Problem("damaged", self.key, f"{text}; {tell(read)}")
        for number, times in collections.Counter(there).items():
            write = self.by_number.get(number)
            if write is None or write.kind != PUT or write.start > read.end:
                yield Problem("phantom", self.key,
                              f"{number} was not written here: {tell(write)}; {tell(read)}")
            elif write.outcome == NOTHING:
                yield Problem("refused", self.key,
                              f"is there all the same: {tell(write)}; {tell(read)}")
            if times > 1:
                yield Problem("twice", self.key, f"{number} is shown {times} times; {tell(read)}")
            for other in there:
                if other in self.saw.get(number, ()):
                    yield Problem("false siblings", self.key,
                                  f"{tell(write)} had seen {other}, which stands beside it; "
                                  f"{tell(read)}")

    def _check_replaced(self, read, gone):
        for number in sorted(set(shown(read)) & gone.keys()):
            by = gone[number]
            rule = "resurrected" if by.kind == DELETE else "replaced"
            yield Problem(rule, self.key,
                          f"{tell(self.by_number.get(number))} was replaced by {tell(by)}; "
                          f"{tell(read)}")

    def _check_lost(self, read, standing):
        there = set(shown(read))
        for number, write in standing.items():
            missing = write.kind == PUT and number not in there
            if missing and not self._accounted(write, there, read):
                yield Problem("lost", self.key, f"{tell(write)} is gone; {tell(read)}")

    def _accounted(self, write, there, read):
        """Whether something that is shown, or a delete, may have replaced it, or what has replaced
        it. Each is carried out between its beginning and its end, and after what it replaces."""
        reached = set()
        waiting = [(write.start, write.number)]  # a heap of (carried out no earlier, number)
        while waiting:
            earliest, number = heapq.heappop(waiting)
            if number in reached:
                continue
            reached.add(number)
            if number != write.number and (number in there or
                                           self.by_number[number].kind == DELETE):
                return True
            for heir in self.heirs[number] + self.blind:
                after = max(earliest, heir.start)
                if heir.number not in reached and heir.closed >= after and heir.start <= read.end:
                    heapq.heappush(waiting, (after, heir.number))
        return False
