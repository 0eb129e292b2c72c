"""What can go wrong with a store, done to right histories: each takes the operations and random
numbers, and gives the falsified history, or None where there is nothing to do it to. None is made
where an honest store could have answered the same, as far as this tells easily: then nobody could
find it.
"""
from record import NOTHING, OK, UNKNOWN
from works.asking import DELETE, PUT, READ
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


def added(ops, read, write):
    return with_changed(ops, read, values=[*read["values"], _sibling(ops, write)])


# ---- of one read --------------------------------------------------------------------------------


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
                    return added(ops, read, old)
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
                    return added(ops, read, old)
    return None


def keep_what_was_seen(ops, rng):
    """A context does not cover what its read gave: what was written with it leaves that standing,
    for good."""
    for write, old in replacements(ops, rng, (PUT,)):
        later = [op for op in reads(ops, write.key)
                 if write.before(op) and old.number not in numbers(op)]
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
                    return added(ops, read, by_number[old])
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
            return added(ops, read, rng.choice(later))
    return None


def ignore_refusal(ops, rng):
    """What was refused is there."""
    for write in shuffled(rng, [op for op in writes(ops, kinds=(PUT,)) if op.outcome == NOTHING]):
        for read in shuffled(rng, reads(ops, write.key)):
            if write.before(read):
                return added(ops, read, write)
    return None


def show_twice(ops, rng):
    for read in shuffled(rng, reads(ops)):
        if read["values"]:
            return with_changed(ops, read, values=[*read["values"], rng.choice(read["values"])])
    return None


def disagree(ops, rng):
    """After healing one node shows a write of unknown outcome, another one doesn't: each alone may be right."""
    for write in shuffled(rng, [op for op in writes(ops, kinds=(PUT,)) if op.outcome == UNKNOWN]):
        for read in shuffled(rng, reads(ops, write.key, True)):
            if write.number not in numbers(read):
                return added(ops, read, write)
            left = [sibling for sibling in read["values"] if sibling[-1] != write.number]
            return with_changed(ops, read, values=left)
    return None


def swap_keys(ops, rng):
    """Two keys have each other's values after healing."""
    final = list({op.key: op for op in reads(ops, final=True) if op["values"]}.values())
    if len(final) < 2:
        return None
    one, other = rng.sample(final, 2)
    return with_changed(with_changed(ops, one, values=other["values"]), other, values=one["values"])


def damage(ops, rng):
    for read in shuffled(rng, reads(ops)):
        if read["values"]:
            return with_changed(ops, read, values=read["values"][1:], damaged=["12 bytes"])
    return None


# ---- all of them, with the rules that may name what is wrong ------------------------------------

def confirm_too_few(ops, rng):
    """A write that one owner has is called OK."""
    write = rng.choice([op for op in ops if op.kind != READ and op.outcome == OK])
    return with_changed(ops, write, owners=1, fallbacks=0)


def answer_too_few(ops, rng):
    """A read that one owner has answered is."""
    return with_changed(ops, rng.choice(reads(ops, final=False)), owners=1)


QUORUMS = {
    "confirm too few": (confirm_too_few, {"too few"}),
    "answer too few": (answer_too_few, {"too few"}),
}
ONE_READ = {
    **QUORUMS,
    "invent": (invent, {"phantom"}),
    "foresee": (foresee, {"phantom"}),
    "ignore refusal": (ignore_refusal, {"refused"}),
    "disagree": (disagree, {"differ"}),
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
