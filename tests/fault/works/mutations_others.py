"""What can go wrong with sets, counters and sessions, done to right histories: see mutations.py."""
from record import NOTHING, OK, UNKNOWN
from works.asking import PUT
from works.doctor import reads, shuffled, with_changed, writes
from works.mutations import (ONE_READ, QUORUMS, added, excused, firm, numbers, replacements,
                             show_twice, split)

# ---- of sets ------------------------------------------------------------------------------------


def _without(ops, read, number):
    left = [[element for element in sibling if element != number] for sibling in read["values"]]
    return with_changed(ops, read, values=[sibling for sibling in left if sibling])


def lose_element(final):
    """One whose addition was acknowledged."""

    def mutate(ops, rng):
        for add in shuffled(rng, [op for op in writes(ops) if firm(op)]):
            for read in shuffled(rng, reads(ops, add.key, final)):
                if add.before(read):
                    return _without(ops, read, add.number)
        return None

    return mutate


def lose_carried(ops, rng):
    """One of unknown outcome, that somebody has read and carried into what was acknowledged."""
    by_number = {op.number: op for op in ops}
    for add in shuffled(rng, [op for op in writes(ops) if firm(op) and op["on"] is not None]):
        elements = {number for sibling in by_number[add["on"]]["values"] for number in sibling}
        for number in sorted(elements):
            if by_number[number].outcome not in (OK, NOTHING):
                return _without(ops, rng.choice(reads(ops, add.key, True)), number)
    return None


def lose_set(ops, rng):
    return with_changed(ops, rng.choice(reads(ops, final=True)), values=[])


# ---- of counters --------------------------------------------------------------------------------


def _possible(ops, op, number):
    """Whether an honest store could say this number, or so much is unsure that nobody can tell."""
    sums = {0}
    unsure = 0
    for add in ops:
        if add.kind != "add" or add.key != op.key or add.outcome == NOTHING:
            continue
        known = add.outcome == OK and add.before(op) and (op["final"] or not add["fallbacks"])
        if known or add is op:
            sums = {total + add["delta"] for total in sums}
        elif add.start < op.end:
            unsure += 1
            sums |= {total + add["delta"] for total in sums}
        if unsure > 10:
            return True
    return number in sums


def _adds(ops, outcomes):
    return [op for op in ops if op.kind == "add" and op.outcome in outcomes]


def miscount(outcomes, final, times):
    """A read in which an addition counts so many times more."""

    def mutate(ops, rng):
        for add in shuffled(rng, _adds(ops, outcomes)):
            for read in shuffled(rng, reads(ops, add.key, final)):
                if add.end < read.start and len(read["values"]) == 1:
                    number = int(read["values"][0]) + times * add["delta"]
                    if not _possible(ops, read, number):
                        return with_changed(ops, read, values=[str(number)])
        return None

    return mutate


def misreport(itself):
    """The answer to an addition lacks this one, or one that was acknowledged before."""

    def mutate(ops, rng):
        for add in shuffled(rng, _adds(ops, (OK,))):
            earlier = [op for op in _adds(ops, (OK,)) if op.key == add.key and op.before(add)]
            for lost in [add] if itself else shuffled(rng, earlier):
                number = add["number"] - lost["delta"]
                if not _possible(ops, add, number):
                    return with_changed(ops, add, number=number)
        return None

    return mutate


def disagree(ops, rng):
    """One node's sum has an addition of unknown outcome that another's has not: each of them alone
    is right."""
    for add in shuffled(rng, _adds(ops, (UNKNOWN,))):
        for read in shuffled(rng, reads(ops, add.key, True)):
            said = int((read["values"] or ["0"])[0])
            for number in (said + add["delta"], said - add["delta"]):
                if _possible(ops, read, number):
                    return with_changed(ops, read, values=[str(number)])
    return None


def say(values):
    """A counter with one number shows these instead."""

    def mutate(ops, rng):
        acknowledged = {op.key for op in _adds(ops, (OK,))}
        found = [op for op in reads(ops, final=True)
                 if op.key in acknowledged and len(op["values"]) == 1]
        return with_changed(ops, rng.choice(found), values=values) if found else None

    return mutate


def refuse_number(ops, rng):
    """An addition is refused because the key held no number."""
    found = _adds(ops, (NOTHING,))
    return with_changed(ops, rng.choice(found), code=2) if found else None


# ---- of sessions --------------------------------------------------------------------------------


def _missing(ops, read, number):
    left = [sibling for sibling in read["values"] if sibling[-1] != number]
    return with_changed(ops, read, values=left)


def forget_own_write(ops, rng):
    """A client does not find what it wrote."""
    for write in shuffled(rng, [op for op in writes(ops, kinds=(PUT,)) if firm(op)]):
        for read in shuffled(rng, reads(ops, write.key)):
            if read.client == write.client and write.before(read) and not excused(ops, write) and (
                    write.number in numbers(read)):
                return _missing(ops, read, write.number)
    return None


def forget_what_was_read(ops, rng):
    """A client does not find what it had read, of somebody else, who was told that it is
    written."""
    by_number = {op.number: op for op in ops}
    for read in shuffled(rng, reads(ops)):
        for earlier in reads(ops, read.key):
            if earlier.client != read.client or earlier.end > read.start:
                continue
            for number in sorted(set(numbers(earlier)) & set(numbers(read))):
                write = by_number[number]
                others = write.client != read.client and firm(write) and write.before(read)
                if others and not excused(ops, write):
                    return _missing(ops, read, number)
    return None


def go_back(ops, rng):
    """A client reads what it knows to be replaced."""
    for write, old in replacements(ops, rng):
        for earlier in reads(ops, write.key, False):
            for read in reads(ops, write.key, False):
                if (earlier.client == read.client and earlier.end < read.start and
                        write.before(read) and write.number in numbers(earlier) and
                        old.number not in numbers(read)):
                    return added(ops, read, old)
    return None


def unfollow(own):
    """What a write had seen, of the same client or of another, is there again beside it, or
    instead."""

    def mutate(ops, rng):
        for write, old in replacements(ops, rng):
            if (write.client == old.client) == own:
                for read in shuffled(rng, reads(ops, write.key)):
                    if write.before(read) and old.number not in numbers(read):
                        return added(ops, read, old)
        return None

    return mutate


# ---- all of them, with the rules that may name what is wrong -------------------------------------

SETS = {
    **ONE_READ,
    "lose an element after healing": (lose_element(True), {"lost"}),
    "lose an element in the middle": (lose_element(False), {"lost"}),
    "lose a carried element": (lose_carried, {"lost"}),
    "lose a set": (lose_set, {"lost"}),
    "split": (split, {"false siblings"}),
    "show twice": (show_twice, {"false siblings"}),
}
WRONG_SUM = {"too little", "too much", "no such sum"}
COUNTERS = {
    **QUORUMS,
    "lose an addition after healing": (miscount((OK,), True, -1), WRONG_SUM),
    "lose an addition in the middle": (miscount((OK,), False, -1), WRONG_SUM),
    "count one twice after healing": (miscount((OK,), True, 1), WRONG_SUM),
    "count one twice in the middle": (miscount((OK,), False, 1), WRONG_SUM),
    "count a refused one": (miscount((NOTHING,), True, 1), WRONG_SUM),
    "count one of unknown outcome twice": (miscount((UNKNOWN,), True, 2), WRONG_SUM),
    "leave an addition out of its answer": (misreport(True), WRONG_SUM),
    "leave an earlier one out of an answer": (misreport(False), WRONG_SUM),
    "disagree": (disagree, {"differ"}),
    "lose a counter": (say([]), {"lost"}),
    "show siblings": (say(["1", "2"]), {"siblings"}),
    "show no number": (say(["12x"]), {"no number"}),
    "refuse a number": (refuse_number, {"no counter"}),
}
SESSIONS = {
    **ONE_READ,
    "forget an own write": (forget_own_write, {"read your writes"}),
    "forget what was read": (forget_what_was_read, {"monotonic reads", "read your writes"}),
    "go back": (go_back, {"monotonic reads"}),
    "bring back an own write": (unfollow(True), {"monotonic writes"}),
    "bring back what was read": (unfollow(False), {"writes follow reads"}),
    "split": (split, {"false siblings"}),
    "show twice": (show_twice, {"twice"}),
}
