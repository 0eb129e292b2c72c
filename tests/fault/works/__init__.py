"""All kinds of workloads, by the first word that they have in a scenario file."""
import nodes  # noqa: F401  (makes tests/support importable)
from words import Wrong
from works import bank, counter, expiry, feed, recreate, register, session
from works import set as sets

MODULES = (bank, counter, expiry, feed, recreate, register, session, sets)
KINDS = {kind.word: kind for module in MODULES for kind in module.KINDS}


def make(text):
    """The workload that the words name; words.Wrong."""
    rest = list(text)
    word = rest.pop(0)
    kind = KINDS.get(word)
    if kind is None:
        raise Wrong(f"{word!r} is no workload ({', '.join(sorted(KINDS))})")
    try:
        work = kind(rest)
    except Wrong as wrong:
        raise Wrong(f"{wrong}; it is: {kind.usage}") from None
    if rest:
        raise Wrong(f"{' '.join(rest)!r} is too much; it is: {kind.usage}")
    return work
