"""Sessions: each client goes on with what it last knew of a key, the context of its latest read or
of the answer to its latest write, and changes nodes as it likes. At strict quorums a session then
has

    read your writes        what it wrote and was acknowledged is in its later reads, or what may
                            have replaced it
    monotonic reads         what one of its reads showed, and somebody has been told is written, is
                            in its later reads, or what may have replaced it; and nothing that this
                            had replaced comes back
    monotonic writes        where a later write of it is seen, or has to be known of, no earlier one
                            stands that the later one had seen
    writes follow reads     the same for what others wrote and it had read

None is promised of writes that nobody has acknowledged: a read does not wait for its repair, so the
next one may miss what it showed of these. What a write has seen for certain, and what may have
replaced what, is told by works/versions.py. With R + W <= N, or fallbacks that take writes, a
client may not even see its own writes (docs/consistency.md), so there is nothing to be judged.
"""
import collections

from record import OK
from works import asking
from works.quorums import binding, differ, heard_enough, too_few
from works.versions import Key, shown
from works.work import Problem, Work, by_key, tell

KEYS = 40
WRITES_MAX = 150  # of a key
STAY = 12  # operations on a key, on average, before a client turns to another
MOVE_SHARE = 0.2
READ_SHARE = 0.4
PAUSE_S = 0.006


class Session(Work):
    word = "session"
    usage = ("session [N clients] [keys N]: sessions on N shared keys, for strict quorums "
             f"(default: {KEYS})")
    clients = 3

    def __init__(self, words):
        self.count = asking.option(words, "keys", KEYS)
        self.keys = []
        self.written = collections.Counter()

    def refuse(self, facts):
        if facts["r"] + facts["w"] <= facts["n"]:
            return "sessions are promised nothing unless r + w > n"
        if facts["sloppy"] and facts["nodes"] > facts["n"]:
            return "sessions are promised nothing where fallbacks take writes; say `strict`"
        return None

    def prepare(self, run):
        """The first value of each, which all others descend from."""
        self.keys = [f"session/{run.record.fresh_id()}" for _ in range(self.count)]
        for key in self.keys:
            asking.insist_put(run, key)

    def round(self, client):
        state = client.state
        if "key" not in state or client.rng.random() < 1 / STAY:
            state["key"] = client.rng.choice(self.keys)
            state["last"] = None
        if client.rng.random() < MOVE_SHARE:
            client.leave()
        key, last = state["key"], state["last"]
        if last is None or self.written[key] >= WRITES_MAX or client.rng.random() < READ_SHARE:
            made = asking.read(client, key)
        else:
            self.written[key] += 1
            made = asking.put(client, key, last[0].number, last[1].context)
        if made[0].outcome == OK and made[1].context is not None and not made[0]["damaged"]:
            state["last"] = made
        client.pause(PAUSE_S * 2 * client.rng.random())

    def finish(self, run):
        asking.final_reads(run, self.keys)

    @staticmethod
    def check(ops, facts):
        return by_key(ops, lambda key, of_key: Sessions(key, of_key, facts).check())


class Sessions(Key):
    """All sessions on one key, in the order of time."""

    def check(self):
        yield from too_few(self.key, self.ops, self.facts)
        yield from differ(self.key, self.ops, lambda read: tuple(sorted(shown(read))))
        self.acknowledged = [op for op in self.writes if binding(op, self.facts)]
        self.met = collections.defaultdict(dict)  # client -> write -> what told it of it
        ended = sorted((op for op in self.ops if op.outcome == OK and op.kind != asking.READ),
                       key=lambda op: op.end, reverse=True)
        reads = [op for op in self.ops if op.kind == asking.READ and op.outcome == OK]
        for read in sorted(reads, key=lambda op: op.start):
            while ended and ended[-1].before(read):
                write = ended.pop()
                self.met[write.client][write.number] = write
            yield from self._check_values(read)
            if read["final"] or heard_enough(read, self.facts):
                yield from self._check_order(read)
                yield from self._check_session(read, self.met[read.client])
            for number in shown(read):
                self.met[read.client].setdefault(number, read)

    def _check_order(self, read):
        """Nothing stands that was seen by a write that the read has to know of."""
        there = set(shown(read))
        for write in self.acknowledged:
            if write.before(read):
                for number in sorted(there & self.saw[write.number]):
                    earlier = self.by_number[number]
                    own = earlier.client == write.client
                    yield Problem("monotonic writes" if own else "writes follow reads", self.key,
                                  f"{tell(write)} had seen {tell(earlier)}, which is back; "
                                  f"{tell(read)}")

    def _check_session(self, read, met):
        there = set(shown(read))
        replaced = set()
        for number, by in list(met.items()):
            write = self.by_number.get(number)
            if write is None or number in replaced:
                continue
            if not (write.before(read) and binding(write, self.facts)):
                continue
            for older in self.saw[number] & met.keys():
                del met[older]
            replaced |= self.saw[number]
            if number not in there and not self._accounted(write, there, read):
                rule = "read your writes" if by.kind != asking.READ else "monotonic reads"
                yield Problem(rule, self.key,
                              f"{tell(write)}, known from {tell(by)}, is gone; {tell(read)}")
        for number in sorted(there & replaced):
            yield Problem("monotonic reads", self.key,
                          f"{number} is back, which the session knows to be replaced; {tell(read)}")


KINDS = (Session,)
