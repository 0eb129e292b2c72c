"""Values that go by themselves: after a while (ttl), or at a time; and that are overwritten before that
by others which stay, or go at another time. One client writes a key, one value after the other;
everybody reads it.

    A value is hidden once it has expired by the clock of the node that answers, less the SKEW that clocks may have
    (limits.clock_ahead_ms; a node alone has none). The record tells how much the nodes' clocks were ahead of the true
    one, at least and at most, at all times; so with `least` and `most` over the life of a value:

    with a ttl      is not hidden before    asked + ttl + SKEW - (most - least)
                    is hidden from          answered + ttl + SKEW + (most - least) on
    until a time    is not hidden before    until + SKEW - most
                    is hidden from          until + SKEW - least on
    for ever        is never hidden, whatever stood there before it

    Hidden before that, by itself or because the one that it has replaced expired       else  hidden early, lost
    Shown after that (and a second of grace). A node whose clock is further ahead than
      SKEW hides nothing: while there is one, only the end counts                         else  shown late
    A value is one that was written, not refused, and not overwritten                      else  made up, damaged, overwritten
    What is told of its expiry is that                                                     else  another expiry

Reads have to know of a write as works/quorums.py says. The ends of what is promised are times of asking
and of being answered, so slow machines make the check weaker and never wrong.
"""
import bisect
import collections
import threading
import time

from record import NOTHING, OK, TOLD
from works import asking
from works.quorums import binding, heard_enough
from works.work import Problem, Work, tell

SKEW_S = 2.0  # limits.clock_ahead_ms
GRACE_S = 1.0
EXACT_S = 0.05  # to what the true clock and the nodes' are compared, where one of these is wrong
STEADY_S = 0.005  # where none ever was
MOMENT_S = 0.001
WATCH_S = 0.02  # between two looks at the nodes' clocks
UNSEEN_S = 0.2  # a clock may be found changed so much later
CHANGE_S = 0.02  # of a clock, that is taken down
KEYS = 8  # of each client
WRITES_MAX = 12  # of one key
LIFE_S = (0.3, 5.0)
PAUSE_S = 0.006
CLOCKS = "clocks"
EXPIRY_MS = 2  # of a value in a RESULT: docs/protocol.md


class Expiry(Work):
    word = "expiry"
    usage = f"expiry [N clients] [keys N]: N keys a client, of values that go after a while (default: {KEYS})"
    clients = 3

    def __init__(self, words):
        self.count = asking.option(words, "keys", KEYS)
        self.prefix = self.word
        self.keys = []
        self._over = threading.Event()  # nobody looks at the clocks any more
        self._watch = None

    def prepare(self, run):
        self.prefix = f"{self.word}/{run.record.fresh_id()}"
        _tell_clocks(run, self.word, _ahead(run))
        self._watch = threading.Thread(target=self._watch_clocks, args=(run,), daemon=True)
        self._watch.start()

    def round(self, client):
        own = client.state.setdefault("keys", [])
        while len(own) < self.count:
            own.append(self._fresh(client))
        if client.rng.random() < 0.35:
            slot = client.rng.randrange(len(own))
            if client.state.get(own[slot], 0) >= WRITES_MAX:
                own[slot] = self._fresh(client)
            client.state[own[slot]] = client.state.get(own[slot], 0) + 1
            _put(client, own[slot])
        else:
            _read(client, client.rng.choice(own if client.rng.random() < 0.5 else self.keys[-60:]))
        client.pause(PAUSE_S * 2 * client.rng.random())

    def finish(self, run):
        """When all that is to go has gone."""
        time.sleep(LIFE_S[1] + SKEW_S + GRACE_S + 2 * EXACT_S)
        keys = list(self.keys)
        for key in keys:
            _final_read(run, key)
        for host in run.arena.members():
            run.ask.use(host.node)
            for key in keys:
                _final_read(run, key, asking.R_ONE)
        self._over.set()
        self._watch.join()

    @staticmethod
    def check(ops, facts):
        clocks = _Clocks(ops)
        by_key = collections.defaultdict(list)
        for op in ops:
            if op.kind != TOLD:
                by_key[op.key].append(op)
        for key, of_key in by_key.items():
            yield from _Key(key, of_key, clocks, facts).check()

    def _fresh(self, client):
        client.state["made"] = client.state.get("made", 0) + 1
        key = f"{self.prefix}/{client.number}/{client.state['made']}"
        self.keys.append(key)
        return key

    def _watch_clocks(self, run):
        last = _ahead(run)
        while not self._over.wait(WATCH_S):
            now = _ahead(run)
            if any(abs(one - other) > CHANGE_S for one, other in zip(now, last)):
                _tell_clocks(run, self.word, now)
                last = now


# ---- operations -----------------------------------------------------------------------------------------

def _ahead(run):
    """How much the nodes' clocks are ahead of the true one, at least and at most."""
    ahead = [host.clock.ahead for host in run.arena.hosts if host.clock is not None] or [0.0]
    return min(ahead), max(ahead)


def _tell_clocks(run, word, ahead):
    run.record.begin(word, 0, "", TOLD, CLOCKS).conclude(OK, least=round(ahead[0], 3), most=round(ahead[1], 3))


def _epoch(record):
    """The true time at which the record began. Whoever is interrupted between the two clocks looks again."""
    while True:
        before = record.now()
        true = time.time()
        after = record.now()
        if after - before < MOMENT_S:
            return true - (before + after) / 2


def _put(client, key):
    life = client.rng.uniform(*LIFE_S)
    kind = client.rng.choice(("ttl", "until", "ever"))
    epoch = _epoch(client.record)
    until = round(client.record.now() + epoch + life, 3)
    given = {"ttl": {"ttl": round(life, 3)}, "until": {"until": until - epoch}, "ever": {}}[kind]
    op = client.begin(asking.PUT, key, **given)
    value = asking.value_encode(key.encode(), (op.number,), b"-" * client.rng.choice((0, 100)))
    if kind == "until":
        answer = client.call(asking.protocol.PUT_UNTIL, key, value, ttl_ms=round(until * 1000))
    else:
        answer = client.call(asking.protocol.PUT, key, value, ttl_ms=round(given.get("ttl", 0) * 1000))
    op.conclude(answer.outcome, answer.why, owners=answer.owners, fallbacks=answer.fallbacks)


def _read(client, key):
    op = client.begin(asking.READ, key)
    _conclude_read(op, client.call(asking.protocol.GET, key), client.record)


def _final_read(run, key, options=None):
    op = run.ask.begin(asking.READ, key, final=True)
    answer = run.ask.insist(asking.protocol.GET, key, options=options)
    op.node = run.ask.node.name
    op.start = max(op.start, run.record.now() - GRACE_S / 2)  # of the attempt that was answered
    _conclude_read(op, answer, run.record)


def _conclude_read(op, answer, record):
    asking.conclude_read(op, answer)
    if op.outcome == OK:
        epoch = _epoch(record)
        expiries = [one[EXPIRY_MS] if len(one) > EXPIRY_MS else 0 for one in answer.extra]
        op.got["expiries"] = [round(expiry / 1000 - epoch, 3) if expiry else None for expiry in expiries]


# ---- the checker ------------------------------------------------------------------------------------------

class _Clocks:
    """How wrong the nodes' clocks were."""

    def __init__(self, ops):
        seen = sorted((op.start, op["least"], op["most"]) for op in ops if op.kind == TOLD and op.key == CLOCKS)
        self._times = [time_s for time_s, _, _ in seen]
        self._seen = seen
        self.exact = EXACT_S if any(least or most for _, least, most in seen) else STEADY_S

    def over(self, start, end):
        """(least, most) of this time, and a little more."""
        first = max(0, bisect.bisect_right(self._times, start - UNSEEN_S) - 1)
        last = bisect.bisect_right(self._times, end + UNSEEN_S)
        seen = self._seen[first:last]
        return min((least for _, least, _ in seen), default=0.0), max((most for _, _, most in seen), default=0.0)


class _Key:
    """All that is known of one key."""

    def __init__(self, key, ops, clocks, facts):
        self.key = key
        self.clocks = clocks
        self.facts = facts
        self.skew = 0.0 if facts["nodes"] == 1 and facts["n"] == 1 else SKEW_S
        self.puts = [op for op in ops if op.kind == asking.PUT]
        self.reads = [op for op in ops if op.kind == asking.READ and op.outcome == OK]
        self.by_number = {put.number: put for put in self.puts}

    def check(self):
        for read in self.reads:
            if read["damaged"]:
                yield Problem("damaged", self.key, tell(read))
            found = [(number, expiry) for numbers, expiry in zip(read["values"], read["expiries"])
                     for number in numbers]
            for number, expiry in found:
                yield from self._check_value(read, number, expiry)
            if not read["values"] and not read["damaged"]:
                yield from self._check_nothing(read)

    def _demands(self, put, read):
        """Whether the read has to know of this write."""
        if put.outcome != OK or not put.before(read):
            return False
        return read["final"] or (binding(put, self.facts) and heard_enough(read, self.facts))

    def _overwritten(self, put, read):
        """By whom, for certain."""
        for other in self.puts:
            sure = read["final"] or binding(put, self.facts)
            if sure and put.before(other) and self._demands(other, read):
                return other
        return None

    def _check_value(self, read, number, expiry):
        put = self.by_number.get(number)
        if put is None or put.outcome == NOTHING or put.start > read.end:
            yield Problem("made up", self.key, f"{tell(read)}; {tell(put)}")
            return
        other = self._overwritten(put, read)
        if other is not None:
            yield Problem("overwritten", self.key, f"{tell(put)} by {tell(other)}; {tell(read)}")
        least, most = self._told_between(put)
        if (expiry is None) != (least is None) or (expiry is not None and not least <= expiry <= most):
            yield Problem("another expiry", self.key,
                          f"{expiry} is not from {least} to {most}; {tell(put)}; {tell(read)}")
        last = self._shown_until(put, read)
        if last is not None and read.start > last:
            yield Problem("shown late", self.key, f"{read.start - last:.3f} s; {tell(put)}; {tell(read)}")

    def _told_between(self, put):
        """What its expiry is, by the clock of whoever coordinated it."""
        if put["until"] is not None:
            return put["until"] - self.clocks.exact, put["until"] + self.clocks.exact
        if put["ttl"] is None:
            return None, None
        least, most = self.clocks.over(put.start, put.closed)
        return put.start + put["ttl"] + least - self.clocks.exact, put.closed + put["ttl"] + most + self.clocks.exact

    def _shown_until(self, put, read):
        """When the read has to begin at the latest to be told of it; None: any time."""
        least, most = self.clocks.over(put.start, read.end)
        if most - least > self.skew - EXACT_S > 0 and not read["final"]:
            return None
        _, last = self._told_between(put)
        if last is None:
            return None
        least, _ = self.clocks.over(read.start, read.end)
        return last + self.skew - least + GRACE_S

    def _check_nothing(self, read):
        sure = [put for put in self.puts if self._demands(put, read)]
        if not sure:
            return
        candidates = [put for put in self.puts if put.outcome != NOTHING and put.start < read.end and
                      not any(put.before(other) for other in sure)]
        hidden = [self._hidden_from(put, read) for put in candidates]
        if any(since is not None and since <= read.end + self.clocks.exact for since in hidden):
            return
        rule = "lost" if all(since is None for since in hidden) else "hidden early"
        yield Problem(rule, self.key, f"{tell(read)}; " + "; ".join(tell(put) for put in candidates[:5]))

    def _hidden_from(self, put, read):
        """When it may be hidden at the earliest; None: never."""
        least, most = self.clocks.over(put.start, read.end)
        if put["until"] is not None:
            return put["until"] + self.skew - most
        if put["ttl"] is not None:
            return put.start + put["ttl"] + self.skew - (most - least)
        return None


KINDS = (Expiry,)
