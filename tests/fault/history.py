"""What clients asked and what they were told: the raw material of the checker. Every write carries an
id of its own in its value, so that whoever finds a value knows which write it came from, and a checksum,
so that a value that was damaged or mixed up doesn't pass for any.

    value    "<crc32 of the key and the rest, 8 hex digits> <id>[,<id>...] <padding>"

Keys are of two kinds. An *own* key (`own/...`) is written by one client, one write at a time and without a
context: each write replaces what is there. A *shared* key (`set/...`) is a set that grows: a client reads
it, adds an id to the union of all siblings and writes that with the context it read. Times are seconds of
the monotonic clock of this process, which all clients share.
"""
import itertools
import json
import math
import threading
import time
import zlib

ACKNOWLEDGED = "acknowledged"
REFUSED = "refused"  # and nothing was applied, as the node says
UNKNOWN = "unknown"

PUT, DELETE, ADD = "put", "delete", "add"

# The codes that promise that nothing was applied: include/shoal/error.h.
CODES_REFUSED = range(1, 60)


class Damaged(ValueError):
    """Bytes that no client has written under this key."""


def value_encode(key, ids, padding=b""):
    rest = b",".join(b"%d" % number for number in ids) + b" " + padding
    return b"%08x " % zlib.crc32(key + b"\0" + rest) + rest


def value_decode(key, value):
    """The ids in a value."""
    crc, _, rest = value.partition(b" ")
    try:
        if crc != b"%08x" % zlib.crc32(key + b"\0" + rest):
            raise ValueError
        return tuple(int(number) for number in rest.partition(b" ")[0].split(b","))
    except ValueError:
        raise Damaged(f"{len(value)} bytes, beginning {value[:40]!r}") from None


class Write:
    """A put, a delete or an add. Until it is concluded its outcome is unknown and it may still happen."""

    __slots__ = ("id", "key", "kind", "start", "end", "outcome", "about")

    def __init__(self, number, key, kind, start, about=""):
        self.id = number
        self.key = key
        self.kind = kind
        self.start = start
        self.end = math.inf
        self.outcome = UNKNOWN
        self.about = about  # for people: who asked whom, and what was said

    def __repr__(self):
        end = "open" if self.end == math.inf else f"{self.end:.4f}"
        return f"{self.kind} {self.id} {self.outcome} [{self.start:.4f}, {end}] {self.about}".rstrip()


class Read:
    """What a read quorum answered: the ids in each sibling; damaged values are told by `damaged`."""

    __slots__ = ("key", "start", "end", "siblings", "damaged", "about")

    def __init__(self, key, start, end, siblings, damaged=(), about=""):
        self.key = key
        self.start = start
        self.end = end
        self.siblings = siblings
        self.damaged = damaged
        self.about = about

    def __repr__(self):
        return f"read {list(self.siblings)} [{self.start:.4f}, {self.end:.4f}] {self.about}".rstrip()


class History:
    """All writes and reads of a run. Clients may add to it at the same time."""

    def __init__(self, now=time.monotonic):
        self.now = now
        self.writes = {}  # by id
        self.reads = []
        self.notes = []  # (time, what was done to the nodes)
        self.acknowledged = 0
        self.failed = 0  # answered otherwise
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self, key, kind, about=""):
        with self._lock:
            write = Write(next(self._ids), key, kind, self.now(), about)
            self.writes[write.id] = write
        return write

    def conclude(self, write, code, text=""):
        """With a code of the native protocol. Writes that are never concluded stay unknown."""
        if code == 0:
            write.outcome = ACKNOWLEDGED
            write.end = self.now()
            with self._lock:
                self.acknowledged += 1
        elif code in CODES_REFUSED:
            write.outcome = REFUSED
            write.end = self.now()
        if code != 0:
            with self._lock:
                self.failed += 1
            write.about = f"{write.about} code {code}: {text}"

    def read(self, key, start, values, about=""):
        """Takes down an answer: the values of all siblings, none if the key is not there."""
        siblings = []
        damaged = []
        for value in values:
            try:
                siblings.append(value_decode(key, value))
            except Damaged as error:
                damaged.append(str(error))
        seen = Read(key, start, self.now(), tuple(siblings), tuple(damaged), about)
        self.reads.append(seen)
        return seen

    def note(self, text):
        self.notes.append((self.now(), text))

    def keys(self):
        return {write.key for write in list(self.writes.values())}

    def counts(self):
        counts = dict.fromkeys((ACKNOWLEDGED, REFUSED, UNKNOWN), 0)
        for write in list(self.writes.values()):
            counts[write.outcome] += 1
        return counts

    def save(self, path):
        """As lines of JSON in the order of time, for people who look into a failure."""
        lines = [(write.start, {"write": repr(write), "key": write.key.decode(errors="replace")})
                 for write in self.writes.values()]
        lines += [(read.start, {"read": repr(read), "key": read.key.decode(errors="replace")})
                  for read in self.reads]
        lines += [(at, {"note": f"[{at:.4f}] {text}"}) for at, text in self.notes]
        with open(path, "w", encoding="utf-8") as file:
            for _, line in sorted(lines, key=lambda line: line[0]):
                file.write(json.dumps(line) + "\n")
