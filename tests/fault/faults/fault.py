"""What every fault is: some words in a scenario file, a beginning and an end. Faults are composed freely, so one
that ends undoes its own doing and nobody else's: what several of them want of one node is kept by who wants
it (Host.troubles, the links' and the disk's own tables), not switched on and off.

A new kind: a class here in a module of its own, named in faults/__init__.py.
"""


class Fault:
    """One occurrence. `begin` and `end` are called by one thread, one after the other, and return soon: what takes
    long is begun there and awaited in `end`."""

    word = ""  # the first of its words
    usage = ""  # one line for --help: all of them
    lasts = True  # has a `for` and an end; else an instant
    harm = False  # takes data off a node that other nodes have to have: not twice before a `calm`
    ends = False  # may end a node that is started again later: not where all is in its memory
    samples = ()  # words of it that may come at any time, for scenarios that are made up
    trouble = None  # its line in the record, once it has begun; of an instant whose work goes on the end may be moved
    uses = ()  # what hosts have to have: "disk" (one that fails), "clock" (one that is wrong), "boot" (power)

    @classmethod
    def lacking(cls):
        """What this machine hasn't got that it takes, or None: a scenario with it can't run here."""

    def __init__(self, words):
        """Takes its words, without the first, off the list; raises words.Wrong. What is left over is
        refused by the caller."""

    def begin(self, arena, rng):
        """Does it: (hosts it is done to, text for people). No hosts and no text: there was nobody to do
        it to, and nothing was done."""
        raise NotImplementedError

    def tend(self, arena):
        """Called again and again while it lasts, by the same thread. Whether it has come to its end by
        itself: it is then ended before its time."""
        return False

    def end(self, arena):
        """Undoes it; text for people, or None. Not called for an instant."""
