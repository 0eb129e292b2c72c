"""Counters that several clients add to at once, through any node: all that was acknowledged counts
once, on both sides of a partition, and nothing counts that was refused.

    What is read is a sum: of the additions that the read has to know of
    (works/quorums.py), and of some of those that it may know of: begun
    before it was over, of unknown outcome or still on their way.
    Below or above what such a sum can be                           else  too little, too much
    Where few are unsure: it is one of these sums                   else  no such sum
    There is one value, a number; nothing only where nothing has    else  siblings, no number,
    to be known.                                                          lost
    The number that answers an addition is such a sum too, with
    this very addition.                                             as above
    An addition is never refused for what the key holds.            else  no counter
    OK says that enough have confirmed or answered.                 else  too few
    After healing all members, each asked by itself, say the same.  else  differ

The deltas are of many sizes and of both signs, so that a sum tells which of them are in it: one
that is lost and another that counts twice don't make up for each other. A counter gets a new
generation after some additions, so that most of them end with few of unknown outcome, and the sum
has to be exact.
"""
from record import NOTHING, OK
from works import asking
from works.quorums import binding, differ, heard_enough, too_few
from works.slots import Slots
from works.work import Problem, Work, by_key, tell

ADD = "add"
KEYS = 8
ADDITIONS_MAX = 60  # of one generation
UNSURE_MAX = 10  # up to so many all sums are tried
DELTA_DIGITS = 6
PAUSE_S = 0.004
EINVAL = 2


class Counter(Work):
    word = "counter"
    usage = f"counter [N clients] [keys N]: numbers are added to N counters (default: {KEYS})"
    clients = 2

    def __init__(self, words):
        self.slots = Slots(self.word, asking.option(words, "keys", KEYS), ADDITIONS_MAX)

    def prepare(self, run):
        self.slots.prepare(run)

    def round(self, client):
        slot = self.slots.pick(client.rng)
        key = self.slots.key(slot)
        if client.rng.random() < 0.3:
            op = client.begin(asking.READ, key)
            _conclude_read(op, client.call(asking.protocol.GET, key))
        else:
            self.slots.note_write(slot)
            size = client.rng.randint(1, 10**client.rng.randint(1, DELTA_DIGITS))
            _add(client, key, client.rng.choice((size, size, -size)))
        if client.rng.random() < 0.1:
            client.leave()
        client.pause(PAUSE_S * 2 * client.rng.random())

    def finish(self, run):
        keys = self.slots.all()
        for key in keys:
            _final_read(run, key)
        for host in run.arena.members():
            run.ask.use(host.node)
            for key in keys:
                _final_read(run, key, asking.R_ONE)

    @staticmethod
    def check(ops, facts):
        return by_key(ops, lambda key, of_key: Sum(key, of_key, facts).check())


def _add(client, key, delta):
    op = client.begin(ADD, key, delta=delta)
    # The number that is added stands where other requests have their time.
    answer = client.call(asking.protocol.ADD, key, ttl_ms=delta)
    got = {"number": answer.number} if answer.outcome == OK else {}
    op.conclude(answer.outcome, answer.why, owners=answer.owners, fallbacks=answer.fallbacks,
                code=answer.code, **got)


def _conclude_read(op, answer):
    if answer.outcome == OK:
        op.conclude(OK, answer.why, owners=answer.owners,
                    values=[value.decode(errors="replace") for value in answer.values])
    else:
        op.conclude(answer.outcome, answer.why)


def _final_read(run, key, options=None):
    op = run.ask.begin(asking.READ, key, final=True)
    answer = run.ask.insist(asking.protocol.GET, key, options=options)
    op.node = run.ask.node.name
    _conclude_read(op, answer)


class Sum:
    """All that is known of one counter."""

    def __init__(self, key, ops, facts):
        self.key = key
        self.facts = facts
        self.ops = ops
        self.adds = [op for op in ops if op.kind == ADD and op.outcome != NOTHING]

    def check(self):
        yield from too_few(self.key, self.ops, self.facts)
        yield from differ(self.key, self.ops, lambda read: tuple(read["values"]))
        for op in self.ops:
            if op.kind == ADD:
                yield from self._check_add(op)
            elif op.outcome == OK:
                yield from self._check_read(op)

    def _check_add(self, add):
        if add["code"] == EINVAL:
            yield Problem("no counter", self.key, tell(add))
        if add.outcome == OK:
            yield from self._check_number(add, add["number"])

    def _check_read(self, read):
        values = read["values"]
        sure, _ = self._known(read)
        if len(values) > 1:
            yield Problem("siblings", self.key, tell(read))
        elif not values:
            if sure:
                yield Problem("lost", self.key,
                              f"{tell(sure[-1])} and all others are gone; {tell(read)}")
        elif not values[0].lstrip("-").isdigit():
            yield Problem("no number", self.key, tell(read))
        else:
            yield from self._check_number(read, int(values[0]))

    def _known(self, op):
        """The additions that it has to know of, and those that it may know of. An addition reads R
        owners before it adds, however many then confirm it."""
        sure = []
        unsure = []
        heard = op.kind == ADD or heard_enough(op, self.facts)
        for add in self.adds:
            demanded = op["final"] or (heard and binding(add, self.facts))
            if add is op or (add.outcome == OK and add.before(op) and demanded):
                sure.append(add)
            elif add.start < op.end:
                unsure.append(add)
        return sure, unsure

    def _check_number(self, op, number):
        sure, unsure = self._known(op)
        deltas = [add["delta"] for add in unsure]
        base = sum(add["delta"] for add in sure)
        least = base + sum(delta for delta in deltas if delta < 0)
        most = base + sum(delta for delta in deltas if delta > 0)
        text = f"{number} is not from {least} to {most}"
        if number < least:
            yield Problem("too little", self.key, f"{text}; {tell(op)}")
        elif number > most:
            yield Problem("too much", self.key, f"{text}; {tell(op)}")
        elif len(deltas) <= UNSURE_MAX and number not in _sums(base, deltas):
            yield Problem("no such sum", self.key,
                          f"{number} is not {base} and some of {deltas}; {tell(op)}")


def _sums(base, deltas):
    sums = {base}
    for delta in deltas:
        sums |= {number + delta for number in sums}
    return sums


KINDS = (Counter,)
