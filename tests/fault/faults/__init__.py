"""All kinds of faults, by the first word that they have in a scenario file."""
from faults import (clock, data, disk, links, members, overload, partitions, power, process,
                    rolling, workers)
from words import Wrong

MODULES = (clock, data, disk, links, members, overload, partitions, power, process, rolling,
           workers)
KINDS = {kind.word: kind for module in MODULES for kind in module.KINDS}


def make(text):
    """The fault that the words name; words.Wrong."""
    rest = list(text)
    word = rest.pop(0)
    kind = KINDS.get(word)
    if kind is None:
        raise Wrong(f"{word!r} is no fault ({', '.join(sorted(KINDS))})")
    try:
        fault = kind(rest)
    except Wrong as wrong:
        raise Wrong(f"{wrong}; it is: {kind.usage}") from None
    if rest:
        raise Wrong(f"{' '.join(rest)!r} is too much; it is: {kind.usage}")
    return fault
