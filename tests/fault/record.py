"""What happened in a run, as one stream: what clients asked and were told (operations), what was done to the
nodes (faults), and what anybody had to say (notes). It is all that checkers and reports know of a run, so
a saved one is judged and drawn again without a cluster.

Times are seconds since the run began, by this machine's monotonic clock, which nobody changes. An operation
that nobody answered has no end and stays *unknown*: it may still happen, at any time after it began. What is
`given` and `got` are fields that JSON can hold; keys are text.
"""
import itertools
import json
import math
import threading
import time

OK = "ok"  # done, as asked; of a read: answered
NOTHING = "nothing"  # refused, and nothing was applied, as the node says
UNKNOWN = "unknown"

TOLD = "told"  # the kind of an operation that is none: what a node said unasked, as an event of the feed

ENOTFOUND = 1
CODES_NOTHING = range(1, 60)  # include/shoal/error.h: these promise that nothing was applied


def outcome_of(code):
    """Of a code of the native protocol. "No such key" is an answer like any other."""
    if code in (0, ENOTFOUND):
        return OK
    return NOTHING if code in CODES_NOTHING else UNKNOWN


class Op:
    """One operation of one client. Fields of `given` and `got` are read as op["name"]."""

    __slots__ = ("number", "work", "client", "node", "kind", "key", "start", "end", "outcome", "given",
                 "got", "why", "_record")

    def __init__(self, record, number, work, client, node, kind, key, start, given):
        self._record = record
        self.number = number
        self.work = work
        self.client = client
        self.node = node
        self.kind = kind
        self.key = key
        self.start = start
        self.end = math.inf
        self.outcome = UNKNOWN
        self.given = given
        self.got = {}
        self.why = ""

    def conclude(self, outcome, why="", **got):
        """It was answered, now. `why`: what the node said besides, for people. One that is concluded as
        unknown has an end for its latency's sake only: see `closed`."""
        self.end = self._record.now()
        self.outcome = outcome
        self.why = why
        self.got = got

    @property
    def closed(self):
        """When it was over for certain: infinity where nobody knows whether it was applied."""
        return math.inf if self.outcome == UNKNOWN else self.end

    def before(self, other):
        """Whether it was over when the other began: then whoever came later has to know of it."""
        return self.closed < other.start

    def __getitem__(self, name):
        return self.got[name] if name in self.got else self.given.get(name)

    def as_json(self):
        return {"op": self.number, "work": self.work, "client": self.client, "node": self.node,
                "kind": self.kind, "key": self.key, "start": round(self.start, 6),
                "end": None if self.end == math.inf else round(self.end, 6),
                "outcome": self.outcome, "given": self.given, "got": self.got, "why": self.why}

    def __repr__(self):
        end = "open" if self.end == math.inf else f"{self.end:.3f}"
        fields = " ".join(f"{name}={value}" for name, value in {**self.given, **self.got}.items())
        text = f"#{self.number} {self.kind} {self.key} {fields} {self.outcome} [{self.start:.3f}, {end}] " \
               f"client {self.client} at {self.node} {self.why}"
        return text.rstrip()


class Trouble:
    """One fault, from its beginning to its end; of an instant that is as long as doing it took."""

    __slots__ = ("start", "end", "word", "nodes", "text")

    def __init__(self, start, word, nodes, text):
        self.start = start
        self.end = math.inf
        self.word = word  # the kind of fault, one word
        self.nodes = list(nodes)  # names of those it was done to; none: everybody
        self.text = text

    def as_json(self):
        return {"trouble": self.word, "nodes": self.nodes, "text": self.text, "start": round(self.start, 6),
                "end": None if self.end == math.inf else round(self.end, 6)}


class Record:
    """Grows from many threads. `about`: facts of the run (scenario, seed, cluster, how to repeat it)."""

    def __init__(self, about=None):
        self.about = about or {}
        self.ops = []
        self.troubles = []
        self.notes = []  # (time, text)
        self._born = time.monotonic()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def now(self):
        return time.monotonic() - self._born

    def begin(self, work, client, node, kind, key, **given):
        """An operation that is about to be asked: written down before it is sent, or it could be done
        and not be known of."""
        with self._lock:
            op = Op(self, next(self._numbers), work, client, node, kind, key, self.now(), given)
            self.ops.append(op)
        return op

    def fresh_id(self):
        """A number that no other operation of the run has: what a value is told from all others by."""
        with self._lock:
            return next(self._numbers)

    def trouble(self, word, nodes, text, start=None):
        """A fault begins, or began at `start`; the caller sets its end."""
        trouble = Trouble(self.now() if start is None else start, word, nodes, text)
        with self._lock:
            self.troubles.append(trouble)
        return trouble

    def note(self, text):
        with self._lock:
            self.notes.append((self.now(), text))

    def impossible(self):
        """What can't have been, in words: then the record is wrong, and no verdict on it means anything."""
        seen = set()
        busy = {}  # by client: its operation that ended last
        for op in sorted((op for op in list(self.ops) if op.kind != TOLD), key=lambda op: op.start):
            before = busy.get(op.client)
            if op.number in seen:
                yield f"the number of another: {op}"
            if op.end == math.inf and op.outcome != UNKNOWN:
                yield f"it has an outcome and no end: {op}"
            if not 0 <= op.start <= op.end:
                yield f"it ends before it begins: {op}"
            elif before is not None and op.start < before.end:
                yield f"its client had not been answered yet: {op}; {before}"
            seen.add(op.number)
            if op.end < math.inf and (before is None or op.end > before.end):
                busy[op.client] = op

    def of(self, work):
        """The operations of one workload, in the order in which they began."""
        return [op for op in list(self.ops) if op.work == work]

    def save(self, path):
        """Lines of JSON: what the run was, then everything in the order of time."""
        lines = [(op.start, op.as_json()) for op in list(self.ops)]
        lines += [(trouble.start, trouble.as_json()) for trouble in list(self.troubles)]
        lines += [(at, {"note": text, "start": round(at, 6)}) for at, text in list(self.notes)]
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps({"about": self.about}) + "\n")
            for _, line in sorted(lines, key=lambda line: line[0]):
                file.write(json.dumps(line) + "\n")


class NoHistory(Exception):
    """FILE:LINE: what makes it none."""


def load(path):
    """A record that was saved; NoHistory."""
    record = Record()
    number = 0
    try:
        with open(path, encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                _take(record, json.loads(text))
    except OSError as error:
        raise NoHistory(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise NoHistory(f"{path}:{number}: that is no line of a history ({type(error).__name__}: {error})") from None
    return record


def _take(record, line):
    """One of what was saved."""
    if "about" in line:
        record.about = line["about"]
    elif "note" in line:
        record.notes.append((line["start"], line["note"]))
    elif "trouble" in line:
        trouble = Trouble(line["start"], line["trouble"], line["nodes"], line["text"])
        trouble.end = math.inf if line["end"] is None else line["end"]
        record.troubles.append(trouble)
    else:
        record.ops.append(_op_from(record, line))


def _op_from(record, line):
    op = Op(record, line["op"], line["work"], line["client"], line["node"], line["kind"], line["key"],
            line["start"], line["given"])
    op.end = math.inf if line["end"] is None else line["end"]
    op.outcome = line["outcome"]
    if op.outcome not in (OK, NOTHING, UNKNOWN):
        raise ValueError(f"{op.outcome!r} is no outcome")
    op.got = line["got"]
    op.why = line["why"]
    return op
