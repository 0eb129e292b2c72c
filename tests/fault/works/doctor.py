"""Histories to prove checkers with: an exact model of a replicated store, small enough to be
believed, tells random histories that are right; a mutation falsifies one answer, or several as one
fault would. A checker has to pass all of the former, and to name what is wrong with the latter.

The model has N replicas of each key, each an object as Shoal's are: the dots it knows of and those
that live. A write is carried out at one replica, on top of its context, or without one on top of
what R replicas hold, sometimes only after a first try on top of what that one holds; it reaches the
others one by one, some late, some never before the end. It is acknowledged when W have it, or one
and a fallback, or its outcome is unknown, or it is refused. Reads merge what R replicas hold. Time
is virtual, and all clients run at once.
"""
import heapq
import itertools
import random

from record import NOTHING, OK, UNKNOWN, Op, Record
from works.asking import DELETE, PUT, READ

N, R, W = 3, 2, 2
FACTS = {"nodes": 3, "n": N, "r": R, "w": W, "sloppy": False}
SLOPPY_FACTS = {**FACTS, "nodes": 5, "sloppy": True}
STEP_S = 0.010  # of messages, at most
END_S = 1000.0  # by then everything has been delivered


class Object:
    """What a replica holds: dots (write, try) that it has seen, and those of them that live."""

    def __init__(self, seen=frozenset(), live=frozenset()):
        self.seen = seen
        self.live = live

    def merge(self, other):
        live = (self.live & other.live) | (self.live - other.seen) | (other.live - self.seen)
        return Object(self.seen | other.seen, live)

    def write(self, dot, context):
        return Object(self.seen | context | {dot}, (self.live - context) | {dot})


class Told(Record):
    """A record by virtual time."""

    def __init__(self):
        super().__init__()
        self.time = 0.0

    def now(self):
        return self.time


class World:
    """Runs generators that yield how long they wait."""

    def __init__(self, seed, word, sloppy=False):
        self.rng = random.Random(f"{seed} {word}")
        self.record = Told()
        self.word = word
        self.sloppy = sloppy
        self._waiting = []
        self._order = itertools.count()

    def go(self, process, delay_s=0.0):
        heapq.heappush(self._waiting, (self.record.time + delay_s, next(self._order), process))

    def run(self, until_s=None):
        """Until then, or as long as anything goes on."""
        while self._waiting and (until_s is None or self._waiting[0][0] <= until_s):
            self.record.time, _, process = heapq.heappop(self._waiting)
            delay_s = next(process, None)
            if delay_s is not None:
                self.go(process, delay_s)
        if until_s is not None:
            self.record.time = max(self.record.time, until_s)

    def step(self):
        return self.rng.uniform(0.0001, STEP_S)

    def begin(self, client, kind, key, **given):
        return self.record.begin(self.word, client, "node1", kind, key, **given)


class Store(World):
    """Keys with versions. `own`: what a value carries besides its own number (op -> list)."""

    def __init__(self, seed, word, keys=3, sloppy=False):
        super().__init__(seed, word, sloppy)
        self.keys = [f"{word}/{number}" for number in range(keys)]
        self.replicas = {key: [Object() for _ in range(N)] for key in self.keys}
        self.kinds = {}  # number -> kind of a write
        self.carried = {}  # number -> what its value says

    # ---- messages -------------------------------------------------------------------------------

    def deliver(self, key, replica, made, delay_s):
        """A copy of an object, later."""

        def arrive():
            self.replicas[key][replica] = self.replicas[key][replica].merge(made)
            yield from ()

        self.go(arrive(), delay_s)

    def gossip(self, until_s):
        """Replicas that become equal now and then."""
        while self.record.time < until_s:
            yield self.rng.uniform(0, 20 * STEP_S)
            key = self.rng.choice(self.keys)
            source, target = self.rng.sample(range(N), 2)
            self.deliver(key, target, self.replicas[key][source], self.step())

    # ---- requests: generators -------------------------------------------------------------------

    def _gather(self, key):
        """What R replicas hold, not all asked at the same moment."""
        merged = Object()
        for replica in self.rng.sample(range(N), R):
            merged = merged.merge(self.replicas[key][replica])
            yield self.step()
        return merged

    def read(self, client, key, final=False):
        """Returns (op, context)."""
        op = self.begin(client, READ, key, **({"final": True} if final else {}))
        yield self.step()
        found = yield from self._gather(key)
        numbers = sorted({number for number, _ in found.live if self.kinds[number] == PUT})
        op.conclude(OK, values=[self.carried[number] for number in numbers], damaged=[], owners=R)
        return op, (found.seen if found.seen else None)

    def write(self, client, kind, key, on=None, context=None, others=()):
        """Returns (op, context of the answer or None)."""
        op = self.begin(client, kind, key, on=on.number if context is not None else None)
        self.kinds[op.number] = kind
        self.carried[op.number] = [*others, op.number]
        roll = self.rng.random()
        yield self.step()
        if roll < 0.06:
            op.conclude(NOTHING)
            return op, None
        place = self.rng.randrange(N)
        seen = context
        if context is None:
            if self.rng.random() < 0.4:
                first = self._put(key, place, (op.number, 1), self.replicas[key][place].seen)
                self._spread(key, place, first, self.rng.randrange(N), STEP_S)
                yield self.step()
                if roll < 0.10:
                    return op, None  # and never answered
            found = yield from self._gather(key)
            seen = found.seen | self.replicas[key][place].seen
        unseen = self.replicas[key][place].seen - seen
        made = self._put(key, place, (op.number, 2), seen)
        confirmed = yield from self._confirm(op, key, place, made, roll)
        if not confirmed:
            return op, None
        ranged = unseen and self.rng.random() < 0.5  # no range without what is not seen
        return op, seen if ranged else seen | {(op.number, 1), (op.number, 2)}

    def _put(self, key, place, dot, seen):
        made = self.replicas[key][place].write(dot, seen)
        self.replicas[key][place] = made
        return made

    def _spread(self, key, place, made, count, within_s):
        """To so many others."""
        others = [other for other in range(N) if other != place]
        for replica in self.rng.sample(others, min(count, N - 1)):
            self.deliver(key, replica, made, self.rng.uniform(0, within_s))

    def _confirm(self, op, key, place, made, roll):
        """Whether it was acknowledged."""
        if roll < 0.18:
            within_s = self.rng.choice((STEP_S, 60 * STEP_S))
            self._spread(key, place, made, self.rng.randrange(N), within_s)
            yield self.step()
            if roll < 0.14:
                op.conclude(UNKNOWN)
            return False
        if self.sloppy and roll < 0.4:  # a fallback has it, and hands it over some time
            self._spread(key, place, made, N, 200 * STEP_S)
            yield self.step()
            op.conclude(OK, owners=1, fallbacks=1)
        else:
            self._spread(key, place, made, W - 1, STEP_S)
            yield STEP_S
            op.conclude(OK, owners=W, fallbacks=0)
            self._spread(key, place, made, self.rng.randrange(N), 100 * STEP_S)
        return True

    # ---- a run ----------------------------------------------------------------------------------

    def begin_all(self):
        """A first value of each key, that everybody holds."""
        for key in self.keys:
            op = self.begin(0, PUT, key, on=None)
            self.kinds[op.number], self.carried[op.number] = PUT, [op.number]
            dot = (op.number, 1)
            self.replicas[key] = [Object(frozenset({dot}), frozenset({dot}))] * N
            self.record.time += STEP_S
            op.conclude(OK, owners=W, fallbacks=0)

    def tell(self, make_client, clients=3, run_s=1.5, begun=False):
        """All operations of a run: clients at work, healing, and every key read twice."""
        if begun:
            self.begin_all()
        for client in range(1, clients + 1):
            self.go(make_client(self, client, run_s))
        self.go(self.gossip(run_s))
        self.run()
        self.record.time = END_S
        for key in self.keys:
            whole = Object()
            for replica in self.replicas[key]:
                whole = whole.merge(replica)
            self.replicas[key] = [whole] * N
            for _ in range(2):
                self.go(self.read(0, key, True))
        self.run()
        return self.record.of(self.word)


class Tally(World):
    """Counters: what a replica holds is which additions it knows of."""

    def __init__(self, seed, word, keys=3, sloppy=False):
        super().__init__(seed, word, sloppy)
        self.keys = [f"{word}/{number}" for number in range(keys)]
        self.replicas = {key: [frozenset()] * N for key in self.keys}
        self.deltas = {}

    def deliver(self, key, replica, known, delay_s):

        def arrive():
            self.replicas[key][replica] |= known
            yield from ()

        self.go(arrive(), delay_s)

    def _gather(self, key):
        known = frozenset()
        for replica in self.rng.sample(range(N), R):
            known |= self.replicas[key][replica]
            yield self.step()
        return known

    def _sum(self, known):
        return sum(self.deltas[number] for number in known)

    def read(self, client, key, final=False):
        op = self.begin(client, READ, key, **({"final": True} if final else {}))
        yield self.step()
        known = yield from self._gather(key)
        op.conclude(OK, values=[str(self._sum(known))] if known else [], owners=R)

    def add(self, client, key, delta):
        op = self.begin(client, "add", key, delta=delta)
        self.deltas[op.number] = delta
        roll = self.rng.random()
        yield self.step()
        if roll < 0.06:
            op.conclude(NOTHING, owners=0, fallbacks=0, code=21)
            return
        known = yield from self._gather(key)
        place = self.rng.randrange(N)
        made = self.replicas[key][place] | known | {op.number}
        self.replicas[key][place] = made
        others = self.rng.sample([other for other in range(N) if other != place], N - 1)
        if roll < 0.16:
            for other in others[:self.rng.randrange(N)]:
                self.deliver(key, other, made, self.rng.uniform(0, 60 * STEP_S))
            yield self.step()
            if roll < 0.10:
                op.conclude(UNKNOWN, owners=1, fallbacks=0, code=60)
            return
        helped = self.sloppy and roll < 0.4
        for number, other in enumerate(others):
            soon = number < W - 1 and not helped
            self.deliver(key, other, made, self.rng.uniform(0, STEP_S if soon else 100 * STEP_S))
        yield STEP_S
        op.conclude(OK, owners=1 if helped else W, fallbacks=int(helped), code=0,
                    number=self._sum(made))

    def tell(self, clients=3, run_s=1.5):
        for client in range(1, clients + 1):
            self.go(self._client(client, run_s))
        self.run()
        self.record.time = END_S
        for key in self.keys:
            whole = frozenset().union(*self.replicas[key])
            self.replicas[key] = [whole] * N
            for _ in range(2):
                self.go(self.read(0, key, True))
        self.run()
        return self.record.of(self.word)

    def _client(self, client, run_s):
        while self.record.time < run_s:
            key = self.rng.choice(self.keys)
            yield 3 * self.step()
            if self.rng.random() < 0.4:
                yield from self.read(client, key)
            else:
                size = self.rng.randint(1, 10**self.rng.randint(1, 6))
                yield from self.add(client, key, self.rng.choice((size, size, -size)))


# ---- falsifying ---------------------------------------------------------------------------------


def with_changed(ops, op, outcome=None, **got):
    """The history with another answer to this operation."""
    changed = Op(op._record, op.number, op.work, op.client, op.node, op.kind, op.key, op.start,
                 op.given)
    changed.end, changed.outcome, changed.why = op.end, outcome or op.outcome, op.why
    changed.got = {**op.got, **got}
    return [changed if other is op else other for other in ops]


def writes(ops, key=None, kinds=(PUT, DELETE)):
    return [op for op in ops if op.kind in kinds and (key is None or op.key == key)]


def reads(ops, key=None, final=None):
    return [op for op in ops if op.kind == READ and op.outcome == OK and
            (key is None or op.key == key) and (final is None or bool(op["final"]) == final)]


def shuffled(rng, things):
    things = list(things)
    rng.shuffle(things)
    return things


class Proof:
    """Counts, over many histories, how often each mutation could be made and how often it was
    found."""

    def __init__(self, check, facts):
        self.check = check
        self.facts = facts
        self.made = {}
        self.found = {}
        self.missed = {}  # a seed of each

    def try_all(self, mutations, ops, seed):
        """`mutations`: name -> function(ops, rng) that returns the falsified history or None."""
        for name, (mutate, rules) in mutations.items():
            changed = mutate(ops, random.Random(f"{seed} {name}"))
            if changed is None:
                continue
            self.made[name] = self.made.get(name, 0) + 1
            keys = {op.key for op, before in zip(changed, ops) if op is not before}
            of_keys = [op for op in changed if op.key in keys]
            seen = {problem.rule for problem in self.check(of_keys, self.facts)}
            if seen & set(rules):
                self.found[name] = self.found.get(name, 0) + 1
            else:
                self.missed.setdefault(name, (seed, seen))

    def verdict(self, name):
        """(made, found)"""
        return self.made.get(name, 0), self.found.get(name, 0)
