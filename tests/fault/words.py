"""The words of scenario files: times, amounts, shares and whom something is done to. Everything that can't be
read is refused with what would have been right (Wrong), never guessed at."""
import re

SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0}
BYTES = {"B": 1, "kB": 1000, "MB": 1000 * 1000}


class Wrong(Exception):
    """What is wrong with a line, and what would be right."""


def seconds(text):
    """A duration such as 300ms, 2s, 1.5s or 1min."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|min)", text)
    if not found:
        raise Wrong(f"{text!r} is no duration (as 300ms, 2s, 1min)")
    return float(found[1]) * SECONDS[found[2]]


def span(text):
    """A duration or a range of them, A..B, as (least, most)."""
    first, dots, last = text.partition("..")
    least = seconds(first)
    most = seconds(last) if dots else least
    if most < least:
        raise Wrong(f"{text!r} ends before it begins")
    return least, most


def share(text):
    """A percentage such as 10% or 0.5%, as a fraction."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)%", text)
    if not found or float(found[1]) > 100:
        raise Wrong(f"{text!r} is no share (as 10%)")
    return float(found[1]) / 100


def rate(text):
    """Bytes a second, such as 1MB/s."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(B|kB|MB)/s", text)
    if not found or float(found[1]) == 0:
        raise Wrong(f"{text!r} is no rate (as 200kB/s, 1MB/s)")
    return float(found[1]) * BYTES[found[2]]


def shift(text):
    """A signed duration such as +60s or -1min."""
    if text[:1] not in "+-" or not text[1:]:
        raise Wrong(f"{text!r} is no shift of time (as +60s, -5s)")
    return (1 if text[0] == "+" else -1) * seconds(text[1:])


def count(text):
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise Wrong(f"{text!r} is no number of 1 to 999999")
    return int(text)


class Target:
    """Whom something is done to: `any` (one, drawn), `2 any`, `all`, `node2`, `node1+node3`. Drawn are members
    that nothing else is being done to; fewer where there are not so many."""

    USAGE = "any | N any | all | nodeK[+nodeK]"

    def __init__(self, words):
        """Takes its words off the front of the list."""
        if not words:
            raise Wrong(f"whom? {self.USAGE}")
        self.names = None
        self.count = None
        first = words.pop(0)
        if first == "any":
            self.count = 1
        elif first == "all":
            self.names = "all"
        elif first.isdigit() and words and words[0] == "any":
            words.pop(0)
            self.count = count(first)
        elif re.fullmatch(r"node\d+(\+node\d+)*", first):
            self.names = first.split("+")
        else:
            raise Wrong(f"{first!r} is nobody ({self.USAGE})")

    def pick(self, arena, rng):
        """Hosts, now."""
        if self.names == "all":
            return arena.members()
        if self.names is not None:
            return [arena.host(name) for name in self.names]
        free = [host for host in arena.members() if not host.troubles]
        return sorted(rng.sample(free, min(self.count, len(free))), key=lambda host: host.number)
