"""What a run comes to in figures: latencies, when the cluster was available and for how long it was not. Seen from
the clients' side only, as their operations tell it.

A *window* is a tenth of a second. It is *wanted* if a request came to its end in it, or if somebody waited through
all of it; of the wanted ones those are available in which at least one request was done. An operation that was never
answered was waited for until its client did something else.
"""
import bisect
import collections
import math
import re

from record import NOTHING, OK, TOLD, UNKNOWN

WINDOW_S = 0.1
GIVEN_UP_S = 5.0  # how long the last request of a client was waited for, if nothing tells

Window = collections.namedtuple("Window", "ok nothing unknown wanted")
Latency = collections.namedtuple("Latency", "count p50 p99 max")
Gap = collections.namedtuple("Gap", "start end")


class Figures:
    """Of one record. `requests`: operations that clients asked for, by their starts; `begin` is when
    clients or faults began, `end` when all was over."""

    def __init__(self, record):
        self.requests = sorted((op for op in list(record.ops) if op.kind != TOLD), key=lambda op: op.start)
        self.troubles = sorted(record.troubles, key=lambda trouble: trouble.start)
        self.begin, self.end = _span_of(record)
        self.waited = _waited(self.requests, self.end)  # by number of operation
        self._longest_wait = max((self.waited[op.number] - op.start for op in self.requests), default=0.0)
        self.disturbed = _merged((trouble.start, min(trouble.end, self.end)) for trouble in self.troubles)
        self.windows = self._windows()
        self.gaps = self._gaps()

    def in_trouble(self, op):
        """Whether some fault was there while it was waited for."""
        at = bisect.bisect_right(self.disturbed, (self.waited[op.number], math.inf))
        return at > 0 and self.disturbed[at - 1][1] >= op.start

    def during(self, start, end):
        """Operations that were waited for at some time of this span."""
        first = bisect.bisect_left(self.requests, start - self._longest_wait, key=lambda op: op.start)
        last = bisect.bisect_right(self.requests, end, key=lambda op: op.start)
        return [op for op in self.requests[first:last] if self.waited[op.number] >= start]

    def availability(self, start=0.0, end=math.inf):
        """The share of the wanted windows touched by this span in which something was done; None where nothing was
        wanted."""
        return _share(self.windows[number] for number in self._touched(start, end))

    def availability_apart(self):
        """The same of the windows that no fault touches, and of those that one does."""
        touched = {number for span in self.disturbed for number in self._touched(*span)}
        numbers = range(len(self.windows))
        return (_share(self.windows[number] for number in numbers if number not in touched),
                _share(self.windows[number] for number in numbers if number in touched))

    def longest_gap(self, start=0, end=math.inf):
        """The longest time in which requests waited and none was done, of those that touch this span; or None."""
        touching = [gap for gap in self.gaps if gap.end >= start and gap.start <= end]
        return max(touching, key=lambda gap: gap.end - gap.start, default=None)

    def _touched(self, start, end):
        first = _window_of(start)
        last = _window_after(min(end, self.end))
        return range(first, min(max(first + 1, last), len(self.windows)))

    def _windows(self):
        count = _window_of(self.end) + 1
        ended = {outcome: [0] * count for outcome in (OK, NOTHING, UNKNOWN)}
        waits = [0] * count  # changes of how many wait through the whole window
        for op in self.requests:
            until = self.waited[op.number]
            last = _window_of(until)
            ended[op.outcome][last] += 1
            first = _window_after(op.start)
            if first < last:
                waits[first] += 1
                waits[last] -= 1
        windows, waiting = [], 0
        for number in range(count):
            waiting += waits[number]
            counts = [ended[outcome][number] for outcome in (OK, NOTHING, UNKNOWN)]
            windows.append(Window(*counts, wanted=waiting > 0 or sum(counts) > 0))
        return windows

    def _gaps(self):
        """From one success to the next, but not before anybody wanted anything again."""
        by_end = sorted(self.requests, key=lambda op: self.waited[op.number])
        gaps, wanted_since = [], math.inf  # the earliest start of those that end later
        success = None
        for op in reversed(by_end):
            until = self.waited[op.number]
            if op.outcome == OK:
                if success is not None:
                    gaps.append(Gap(max(until, wanted_since), success))
                elif wanted_since < math.inf:
                    gaps.append(Gap(max(until, wanted_since), self.waited[by_end[-1].number]))
                success = until
            wanted_since = min(wanted_since, op.start)
        if by_end:
            gaps.append(Gap(wanted_since, self.waited[by_end[-1].number] if success is None else success))
        return [gap for gap in gaps if gap.end > gap.start]


def latency(ops):
    """Of those that were done, in seconds; None if none was."""
    times = sorted(op.end - op.start for op in ops if op.outcome == OK and op.end < math.inf)
    if not times:
        return None
    return Latency(len(times), _rank(times, 0.5), _rank(times, 0.99), times[-1])


def outcomes(ops):
    """How many came to what, as {OK: ..., NOTHING: ..., UNKNOWN: ...}."""
    found = collections.Counter(op.outcome for op in ops)
    return {outcome: found[outcome] for outcome in (OK, NOTHING, UNKNOWN)}


def numbers_in(problem):
    """Of the operations that a problem's text names: they are written with a number sign there."""
    return [int(number) for number in re.findall(r"(?<![\w&#])#(\d+)\b", problem.text)]


def seconds_text(seconds):
    """A duration as people like it: three digits at most."""
    if seconds < 0.0001:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 0.01:
        return f"{seconds * 1e3:.2f} ms"
    if seconds < 0.1:
        return f"{seconds * 1e3:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def share_text(share):
    """A share in percent, never rounded up: what isn't whole doesn't look as if it were."""
    if share is None:
        return "-"
    return f"{math.floor(share * 1e5) / 1e3:.3f}".rstrip("0").rstrip(".") + " %"


def _share(windows):
    good = wanted = 0
    for window in windows:
        wanted += window.wanted
        good += window.ok > 0
    return good / wanted if wanted else None


def _window_of(time):
    """The number of the window that this time is in. (0.3 s is in the fourth, though 0.3 / 0.1 is below 3.)"""
    return int(round(time / WINDOW_S, 6))


def _window_after(time):
    """The number of the first that begins then or later."""
    return math.ceil(round(time / WINDOW_S, 6))


def _rank(sorted_times, share):
    return sorted_times[max(0, math.ceil(share * len(sorted_times)) - 1)]


def _span_of(record):
    both = (*record.ops, *record.troubles)
    times = [0.0] + [at for at, _ in record.notes]
    for one in both:
        times += [one.start] + ([one.end] if one.end < math.inf else [])
    return min((one.start for one in both), default=0.0), max(times)


def _waited(requests, end):
    waited, next_start = {}, {}
    for op in reversed(requests):
        until = op.end
        if until == math.inf:
            until = next_start.get(op.client, min(op.start + GIVEN_UP_S, end))
        waited[op.number] = until
        next_start[op.client] = op.start
    return waited


def _merged(spans):
    merged = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
