"""What every workload is: clients that ask for something with a meaning, and a checker that knows the meaning. The
clients write down everything they ask before they ask it; the checker sees only that. What it finds are
Problems: each names a rule that Shoal has broken, the key, and the operations that show it.

A new one: a class here in a module of its own, named in works/__init__.py, and histories that it must find
wrong in test_works.py: a checker that nothing has ever failed is no checker.
"""
import collections
import itertools

Problem = collections.namedtuple("Problem", "rule key text")
TOLD_MAX = 400
TOLD_END = 120
OF_KEY_MAX = 20  # problems; of a store that does everything wrong there is no need to tell it all


def tell(op):
    """An operation in a problem's text: of a long one the beginning, and the end (when, by whom and where)."""
    text = "nobody's" if op is None else repr(op)
    return text if len(text) <= TOLD_MAX else f"{text[:TOLD_MAX - TOLD_END]} ... {text[-TOLD_END:]}"


def by_key(ops, check):
    """Problems of each key, the first ones: `check` takes a key and its operations."""
    of_key = collections.defaultdict(list)
    for op in ops:
        of_key[op.key].append(op)
    for key, found in of_key.items():
        yield from itertools.islice(check(key, found), OF_KEY_MAX)


class Work:
    """One line's workload in one run."""

    word = ""  # the first of its words in a scenario file, and Op.work
    usage = ""  # one line for --help
    clients = 2  # threads, where the file doesn't say

    def __init__(self, words):
        """Takes its options, without the first word and the number of clients, off the list; raises
        words.Wrong. What is left over is refused by the caller."""

    def refuse(self, facts):
        """Why it makes no sense on such a cluster, or None. `facts`: see Scenario.facts."""

    def prepare(self, run):
        """Before faults and clients: what has to be there. `run` has `arena`, `record`, `facts`, `rng`, and `ask`, a
        Client of its own that tries until it is answered."""

    def round(self, client):
        """Some operations of one client, in its thread; called again and again. May raise Gone: the client
        then connects to another node."""
        raise NotImplementedError

    def finish(self, run):
        """After healing: reads all that matters, with run.ask, as operations like any other."""

    @staticmethod
    def check(ops, facts):
        """Problems, from the record alone."""
        raise NotImplementedError
