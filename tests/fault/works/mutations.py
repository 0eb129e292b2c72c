"""What can go wrong with a store, done to right histories: each takes the operations and random numbers, and gives the
falsified history, or None where there is nothing to do it to. None is made where an honest store could have answered
the same, as far as this tells easily: then nobody could find it.
"""
from record import NOTHING, OK, UNKNOWN
from works.asking import DELETE, PUT
from works.doctor import reads, shuffled, with_changed, writes

NOBODY = 10**6  # a number that no operation has


def firm(write):
    """Acknowledged, by owners alone."""
    return write.outcome == OK and not write["fallbacks"]


def numbers(read):
    return [sibling[-1] for sibling in read["values"]]


def _bases(ops, write):
    """Whatever the context of a write is from, back to a read."""
    by_number = {op.number: op for op in ops}
    found = []
    on = by_number.get(write["on"])
    while on is not None:
        found.append(on)
        on = by_number.get(on["on"])
    return found


def excused(ops, write):
    """Whether anything may have replaced the write, be it by the faintest chance."""
    for other in writes(ops, write.key):
        if other is write or other.outcome == NOTHING:
            continue
        if other["on"] is None and other.closed >= write.start:
            return True
        for base in _bases(ops, other):
            if base is write or base.kind not in (PUT, DELETE) and write.number in numbers(base):
                return True
            if base.kind in (PUT, DELETE) and base["on"] is None and base.closed >= write.start:
                return True
    return False


def replacements(ops, rng, kinds=(PUT, DELETE)):
    """(write, one that it had read, and that had a context itself) of acknowledged ones."""
    by_number = {op.number: op for op in ops}
    found = []
    for write in writes(ops, kinds=kinds):
        on = by_number.get(write["on"])
        if firm(write) and on is not None and on.kind not in (PUT, DELETE):
            found += [(write, by_number[number]) for number in numbers(on)
                      if by_number[number]["on"] is not None]
    return shuffled(rng, found)


def _sibling(ops, write):
    """What its value says: as a read has shown it; else just its number."""
    for read in reads(ops, write.key):
        for sibling in read["values"]:
            if sibling[-1] == write.number:
                return sibling
    return [write.number]


def _added(ops, read, write):
    return with_changed(ops, read, values=[*read["values"], _sibling(ops, write)])


# ---- of one read -----------------------------------------------------------------------------------------


def lose_one(final):
    """An acknowledged value is missing from an answer."""

    def mutate(ops, rng):
        for read in shuffled(rng, reads(ops, final=final)):
            for write in shuffled(rng, writes(ops, read.key, (PUT,))):
                if (firm(write) and write.before(read) and write.number in numbers(read) and
                        not excused(ops, write)):
                    left = [sibling for sibling in read["values"] if sibling[-1] != write.number]
                    return with_changed(ops, read, values=left)
        return None

    return mutate


def lose_sibling(ops, rng):
    """One of several concurrent ones."""
    several = [op for op in reads(ops) if len(op["values"]) > 1]
    for read in shuffled(rng, several):
        for write in shuffled(rng, writes(ops, read.key, (PUT,))):
            if (firm(write) and write.before(read) and write.number in numbers(read) and
                    not excused(ops, write)):
                left = [sibling for sibling in read["values"] if sibling[-1] != write.number]
                return with_changed(ops, read, values=left)
    return None


def lose_all(ops, rng):
    """The key is empty after healing."""
    for read in shuffled(rng, reads(ops, final=True)):
        if any(firm(write) and write.number in numbers(read) and not excused(ops, write)
               for write in writes(ops, read.key, (PUT,))):
            return with_changed(ops, read, values=[])
    return None


def bring_back(final, kinds=(PUT, DELETE), instead=False):
    """A value that an acknowledged write had seen is there again, beside or instead of what is."""

    def mutate(ops, rng):
        for write, old in replacements(ops, rng, kinds):
            for read in shuffled(rng, reads(ops, write.key, final)):
                if write.before(read) and old.number not in numbers(read):
                    if instead:
                        return with_changed(ops, read, values=[_sibling(ops, old)])
                    return _added(ops, read, old)
        return None

    return mutate


def bring_back_blindly(ops, rng):
    """The same, of a write without a context."""
    blind = [op for op in writes(ops) if op["on"] is None and firm(op)]
    for write in shuffled(rng, blind):
        older = [op for op in writes(ops, write.key, (PUT,)) if firm(op) and op.before(write)]
        for read in reads(ops, write.key, True):
            for old in shuffled(rng, older):
                if old.number not in numbers(read):
                    return _added(ops, read, old)
    return None


def keep_what_was_seen(ops, rng):
    """A context does not cover what its read gave: what was written with it leaves that standing, for good."""
    for write, old in replacements(ops, rng, (PUT,)):
        later = [op for op in reads(ops, write.key) if write.before(op) and old.number not in numbers(op)]
        if later:
            sibling = _sibling(ops, old)
            for read in later:
                ops = with_changed(ops, read, values=[*read["values"], sibling])
            return ops
    return None


def split(ops, rng):
    """A value stands beside one whose writer had seen it."""
    by_number = {op.number: op for op in ops}
    for read in shuffled(rng, reads(ops)):
        for number in numbers(read):
            on = by_number.get(by_number[number]["on"])
            if on is None or on.kind in (PUT, DELETE):
                continue
            for old in numbers(on):
                if by_number[old]["on"] is not None and old not in numbers(read):
                    return _added(ops, read, by_number[old])
    return None


def invent(ops, rng):
    """A value that nobody wrote."""
    read = rng.choice(reads(ops))
    return with_changed(ops, read, values=[*read["values"], [NOBODY]])


def foresee(ops, rng):
    """A value that is only written later."""
    for read in shuffled(rng, reads(ops, final=False)):
        later = [op for op in writes(ops, read.key, (PUT,)) if op.start > read.end]
        if later:
            return _added(ops, read, rng.choice(later))
    return None


def ignore_refusal(ops, rng):
    """What was refused is there."""
    for write in shuffled(rng, [op for op in writes(ops, kinds=(PUT,)) if op.outcome == NOTHING]):
        for read in shuffled(rng, reads(ops, write.key)):
            if write.before(read):
                return _added(ops, read, write)
    return None


def show_twice(ops, rng):
    for read in shuffled(rng, reads(ops)):
        if read["values"]:
            return with_changed(ops, read, values=[*read["values"], rng.choice(read["values"])])
    return None


def swap_keys(ops, rng):
    """Two keys have each other's values after healing."""
    final = [op for op in reads(ops, final=True) if op["values"]]
    if len(final) < 2:
        return None
    one, other = rng.sample(final, 2)
    return with_changed(with_changed(ops, one, values=other["values"]), other, values=one["values"])


def damage(ops, rng):
    for read in shuffled(rng, reads(ops)):
        if read["values"]:
            return with_changed(ops, read, values=read["values"][1:], damaged=["12 bytes"])
    return None


# ---- of sets ---------------------------------------------------------------------------------------------


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


# ---- of counters -----------------------------------------------------------------------------------------


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
    """One node's sum has an addition of unknown outcome that another's has not: each of them alone is right."""
    for add in shuffled(rng, [op for op in ops if op.kind == "add" and op.outcome not in (OK, NOTHING)]):
        for read in shuffled(rng, reads(ops, add.key, True)):
            for number in (int((read["values"] or ["0"])[0]) + sign * add["delta"] for sign in (1, -1)):
                if _possible(ops, read, number):
                    return with_changed(ops, read, values=[str(number)])
    return None


def say(values):
    """A counter with one number shows these instead."""

    def mutate(ops, rng):
        acknowledged = {op.key for op in _adds(ops, (OK,))}
        found = [op for op in reads(ops, final=True) if op.key in acknowledged and len(op["values"]) == 1]
        return with_changed(ops, rng.choice(found), values=values) if found else None

    return mutate


def refuse_number(ops, rng):
    """An addition is refused because the key held no number."""
    found = _adds(ops, (NOTHING,))
    return with_changed(ops, rng.choice(found), code=2) if found else None


# ---- of sessions -----------------------------------------------------------------------------------------


def _missing(ops, read, number):
    return with_changed(ops, read, values=[sibling for sibling in read["values"] if sibling[-1] != number])


def forget_own_write(ops, rng):
    """A client does not find what it wrote."""
    for write in shuffled(rng, [op for op in writes(ops, kinds=(PUT,)) if firm(op)]):
        for read in shuffled(rng, reads(ops, write.key)):
            if read.client == write.client and write.before(read) and not excused(ops, write) and (
                    write.number in numbers(read)):
                return _missing(ops, read, write.number)
    return None


def forget_what_was_read(ops, rng):
    """A client does not find what it had read, of somebody else, who was told that it is written."""
    by_number = {op.number: op for op in ops}
    for read in shuffled(rng, reads(ops)):
        for earlier in reads(ops, read.key):
            if earlier.client != read.client or earlier.end > read.start:
                continue
            for number in sorted(set(numbers(earlier)) & set(numbers(read))):
                write = by_number[number]
                if write.client != read.client and firm(write) and write.before(read) and not excused(ops, write):
                    return _missing(ops, read, number)
    return None


def go_back(ops, rng):
    """A client reads what it knows to be replaced."""
    for write, old in replacements(ops, rng):
        for earlier in reads(ops, write.key, False):
            for read in reads(ops, write.key, False):
                if (earlier.client == read.client and earlier.end < read.start and write.before(read) and
                        write.number in numbers(earlier) and old.number not in numbers(read)):
                    return _added(ops, read, old)
    return None


def unfollow(own):
    """What a write had seen, of the same client or of another, is there again beside it, or instead."""

    def mutate(ops, rng):
        for write, old in replacements(ops, rng):
            if (write.client == old.client) == own:
                for read in shuffled(rng, reads(ops, write.key)):
                    if write.before(read) and old.number not in numbers(read):
                        return _added(ops, read, old)
        return None

    return mutate


# ---- all of them, with the rules that may name what is wrong ------------------------------------------------

ONE_READ = {
    "invent": (invent, {"phantom"}),
    "foresee": (foresee, {"phantom"}),
    "ignore refusal": (ignore_refusal, {"refused"}),
    "swap keys": (swap_keys, {"phantom"}),
    "damage": (damage, {"damaged"}),
}
VERSIONS = {
    **ONE_READ,
    "lose one after healing": (lose_one(True), {"lost"}),
    "lose one in the middle": (lose_one(False), {"lost"}),
    "lose a sibling": (lose_sibling, {"lost"}),
    "lose all": (lose_all, {"lost"}),
    "bring back after healing": (bring_back(True), {"replaced", "resurrected"}),
    "bring back in the middle": (bring_back(False), {"replaced", "resurrected"}),
    "return an old value": (bring_back(False, instead=True), {"replaced", "resurrected"}),
    "bring back blindly": (bring_back_blindly, {"replaced", "resurrected"}),
    "keep what was seen": (keep_what_was_seen, {"replaced", "resurrected", "false siblings"}),
    "split": (split, {"false siblings"}),
    "show twice": (show_twice, {"twice"}),
}
DELETES = {
    **VERSIONS,
    "bring back a deleted value after healing": (bring_back(True, (DELETE,)), {"resurrected"}),
    "bring back a deleted value in the middle": (bring_back(False, (DELETE,)), {"resurrected"}),
}
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
