"""Sets that only grow: a client reads one, adds its element to the union of all siblings, and
writes that with the context it read. A write carries all that it replaces, so nothing excuses an
element's absence: not siblings, not writes of unknown outcome, not deletes, which there are none
of.

    An element of an acknowledged write (its own, or one that it had read
    and carries on) is in every later read that has to know of the write
    (works/quorums.py).                                                     else  lost
    An element was added to this very set, was not refused, and before
    the read was over.                                                      else  phantom, refused
    OK says that enough have confirmed or answered.                         else  too few
    After healing all members, each asked by itself, say the same.          else  differ
    No sibling holds the element of another's writer: it had read that
    other one, and replaced it.                                             else  false siblings
"""
from record import NOTHING, OK
from works import asking
from works.quorums import binding, differ, heard_enough, reads_of, too_few
from works.work import Problem, Work, by_key, tell

ELEMENTS_MAX = 100  # of one set; every write carries them all
SETS = 30
PAUSE_S = 0.004


class Set(Work):
    word = "set"
    usage = f"set [N clients] [sets N]: elements are added to N shared sets (default: {SETS})"
    clients = 3

    def __init__(self, words):
        self.sets = asking.option(words, "sets", SETS)
        self.keys = []

    def prepare(self, run):
        """The first element of each: nobody builds upon an empty answer, because a write without a
        context could replace what it has not seen."""
        self.keys = [f"set/{run.record.fresh_id()}" for _ in range(self.sets)]
        for key in self.keys:
            asking.insist_put(run, key)

    def round(self, client):
        key = client.rng.choice(self.keys)
        seen, answer = asking.read(client, key)
        if seen.outcome == OK and seen["values"] and not seen["damaged"]:
            elements = sorted(union(seen))
            if len(elements) < ELEMENTS_MAX:
                asking.put(client, key, seen.number, answer.context, elements)
        client.pause(PAUSE_S * 2 * client.rng.random())

    def finish(self, run):
        asking.final_reads(run, self.keys)

    @staticmethod
    def check(ops, facts):
        by_number = {op.number: op for op in ops}
        return by_key(ops, lambda key, of_key: _check_key(key, of_key, by_number, facts))


def union(read):
    return {number for sibling in read["values"] for number in sibling}


def _carried(write, by_number):
    """What it was to have written."""
    on = by_number.get(write["on"])
    return {write.number} | (union(on) if on is not None else set())


def _check_key(key, ops, by_number, facts):
    yield from too_few(key, ops, facts)
    yield from differ(key, ops, lambda read: tuple(sorted(map(tuple, read["values"]))))
    for final in (False, True):
        writes = [op for op in ops if op.kind == asking.PUT and op.outcome == OK]
        writes = [op for op in writes if final or binding(op, facts)]
        writes.sort(key=lambda op: op.end, reverse=True)
        known = {}  # what has to be there, and who says so
        for read in reads_of(ops, final):
            while writes and writes[-1].before(read):
                write = writes.pop()
                for number in _carried(write, by_number):
                    known.setdefault(number, write)
            yield from _check_values(key, read, by_number)
            if final or heard_enough(read, facts):
                for number in sorted(known.keys() - union(read)):
                    yield Problem("lost", key,
                                  f"{number}, which {tell(known[number])} carried, is not in "
                                  f"{tell(read)}")


def _check_values(key, read, by_number):
    for text in read["damaged"]:
        yield Problem("damaged", key, f"{text}; {tell(read)}")
    for number in sorted(union(read)):
        add = by_number.get(number)
        if add is None or add.key != key or add.kind != asking.PUT or add.start > read.end:
            yield Problem("phantom", key, f"{number} was not added here: {tell(add)}; {tell(read)}")
        elif add.outcome == NOTHING:
            yield Problem("refused", key, f"is there all the same: {tell(add)}; {tell(read)}")
    for at, sibling in enumerate(read["values"]):
        for other_at, other in enumerate(read["values"]):
            if at != other_at and sibling[-1] in other:
                yield Problem("false siblings", key,
                              f"whoever wrote {other[-1]} had seen {sibling[-1]}, which stands "
                              f"beside it; {tell(read)}")


KINDS = (Set,)
