"""Is there one order of all transactions that explains every answer, and the time at which it came? Each version of a
key says which transaction wrote it, so what a transaction has found tells after whom it comes, and what it has
overwritten tells before whom the readers of that come. These relations, and "was over before the other
began", are edges of a graph; an order that explains everything is there just if the graph has no cycle.

A transaction of unknown outcome counts once one that counts has found one of its versions. What it has overwritten is
not known; as the versions of a key stand in one line, and pieces of that line follow each other in time, this is
found out as far as it can be. (After Adya's dependency graphs, and Elle, which takes versions that can be
traced for the same reason. Searching for an order by trying would not end.)
"""
import bisect
import collections
import math

FIRST = None  # the version of a key that nobody has written


class Transaction:
    """`reads`: {key: name of whose version was found, or FIRST}; `writes`: keys; `ended` is infinity where the outcome
    is not known. What was not carried out is left out."""

    __slots__ = ("name", "begun", "ended", "reads", "writes")

    def __init__(self, name, begun, ended, reads=(), writes=()):
        self.name = name
        self.begun = begun
        self.ended = ended
        self.reads = dict(reads)
        self.writes = set(writes)

    def __repr__(self):
        return str(self.name)


# What has no explanation: why, at which key (or None), and the transactions that show it.
Violation = collections.namedtuple("Violation", "rule key transactions")


def explain(transactions):
    """Violations; none: there is an order."""
    by_name = {one.name: one for one in transactions}
    found = list(_made_up(transactions, by_name))
    if found:
        return found
    carried_out = _carried_out(transactions, by_name)
    edges = collections.defaultdict(set)  # of names
    for key in sorted({key for one in carried_out for key in (*one.reads, *one.writes)}, key=str):
        line = _Line(key, carried_out, by_name)
        found += line.violations
        line.add_edges(edges)
    return found or _cycle(carried_out, edges)


def _carried_out(transactions, by_name):
    """Those that were answered, and all that these have built upon. What one that was not carried out has looked at
    before may be gone with it."""
    waiting = [one for one in transactions if one.ended < math.inf]
    names = {one.name for one in waiting}
    while waiting:
        for name in waiting.pop().reads.values():
            if name is not FIRST and name not in names:
                names.add(name)
                waiting.append(by_name[name])
    return [one for one in transactions if one.name in names]


def _made_up(transactions, by_name):
    for one in transactions:
        for key, name in one.reads.items():
            writer = by_name.get(name)
            if name is not FIRST and (writer is None or writer is one or key not in writer.writes):
                yield Violation("found what nobody wrote", key, [one] + ([writer] if writer else []))


class _Line:
    """The versions of one key: pieces of the line in which they stand, each begins with a version of which it is not
    known what it has overwritten."""

    def __init__(self, key, transactions, by_name):
        self.key = key
        self.by_name = by_name
        self.readers = collections.defaultdict(list)
        self.violations = []
        self.next = {}  # by name of writer
        heads = [FIRST]
        for one in transactions:
            if key in one.reads:
                self.readers[one.reads[key]].append(one.name)
            if key in one.writes and key in one.reads:
                self._follow(one)
            elif key in one.writes:
                heads.append(one.name)
        self.pieces = [_Piece(self._names_from(head), by_name) for head in heads]

    def add_edges(self, edges):
        for name, readers in self.readers.items():
            if name is not FIRST:
                edges[name].update(readers)
        for name, follower in self.next.items():
            self._put_before(edges, name, follower)
        for piece in self.pieces:
            for other in self.pieces:
                if piece is not other and piece.is_before(other):
                    self._put_before(edges, piece.names[-1], other.names[0])

    def _follow(self, one):
        before = one.reads[self.key]
        if before in self.next:
            rivals = [self.by_name[self.next[before]], one]
            overwritten = [self.by_name[before]] if before is not FIRST else []
            self.violations.append(Violation("two overwrote the same version", self.key, overwritten + rivals))
        self.next[before] = one.name

    def _names_from(self, head):
        names = [head]
        while names[-1] in self.next and len(names) <= len(self.next) + 1:
            names.append(self.next[names[-1]])
        return names

    def _put_before(self, edges, name, follower):
        """A version before the other: so is who has found it."""
        if name is not FIRST:
            edges[name].add(follower)
        for reader in self.readers[name]:
            if reader != follower:
                edges[reader].add(follower)


class _Piece:
    """Versions that follow each other at once."""

    def __init__(self, names, by_name):
        self.names = names
        members = [by_name[name] for name in names if name is not FIRST]
        self.first_end = min((one.ended for one in members), default=-math.inf)
        self.last_begin = max((one.begun for one in members), default=-math.inf)

    def is_before(self, other):
        """Pieces don't overlap: one order of two of their versions decides."""
        if FIRST in (self.names[0], other.names[0]):
            return self.names[0] is FIRST
        return self.first_end < other.last_begin


def _cycle(transactions, edges):
    """A shortest of the cycles that can't be put in an order, with time among the edges, or nothing. Time is kept as a
    line of moments, at which transactions have ended: each begins behind one of them."""
    moments = sorted((one.ended, str(one.name), one.name) for one in transactions if one.ended < math.inf)
    ends = [moment[0] for moment in moments]
    after = {name: set(followers) for name, followers in edges.items()}
    for number, (_, _, name) in enumerate(moments):
        after.setdefault(name, set()).add((_MOMENT, number))
        after[_MOMENT, number] = {(_MOMENT, number + 1)} if number + 1 < len(moments) else set()
    for one in transactions:
        last = bisect.bisect_left(ends, one.begun) - 1
        if last >= 0:
            after[_MOMENT, last].add(one.name)
    left = _without_order(after)
    if not left:
        return []
    by_name = {one.name: one for one in transactions}
    members = [one.name for one in transactions if one.name in left]
    members.sort(key=lambda name: by_name[name].begun)
    cycles = (_shortest(name, after, left) for name in members[:STARTS_MAX])
    cycle = min((found for found in cycles if found), key=len, default=members)
    return [Violation("no order explains", None, [by_name[name] for name in cycle if name in by_name])]


_MOMENT = "moment"
STARTS_MAX = 200  # where shortest cycles are looked for


def _without_order(after):
    """What remains when everything is taken away that nothing stands before, or nothing behind, again and again."""
    left = _behind_cycles(after)
    return _behind_cycles(_turned({node: after.get(node, set()) & left for node in left}))


def _behind_cycles(after):
    nodes = set(after).union(*after.values())
    before = collections.Counter(node for followers in after.values() for node in followers)
    ready = [node for node in nodes if not before[node]]
    while ready:
        node = ready.pop()
        nodes.discard(node)
        for follower in after.get(node, ()):
            before[follower] -= 1
            if not before[follower]:
                ready.append(follower)
    return nodes


def _turned(after):
    turned = collections.defaultdict(set)
    for node, followers in after.items():
        for follower in followers:
            turned[follower].add(node)
    return turned


def _shortest(start, after, left):
    """From a node to itself, as a list; None if it is on no cycle."""
    came_from = {start: None}
    waiting = collections.deque([start])
    while waiting:
        node = waiting.popleft()
        for follower in after.get(node, ()):
            if follower == start:
                path = [node]
                while came_from[path[-1]] is not None:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if follower in left and follower not in came_from:
                came_from[follower] = node
                waiting.append(follower)
    return None
