"""Keys that several clients delete and create again, with contexts and without, and between that
leave alone for a while, deleted: time for the tombstones to be collected, so that what comes back
later is not held off by them. Clients come back with contexts from before, too. A value whose
delete was acknowledged by somebody who had seen it never returns (works/versions.py,
"resurrected"), and neither is a new value taken for a deleted one ("lost").
"""
import time
import urllib.request

from record import OK
from works import asking, contexts, versions
from works.slots import Slots
from works.work import Work

KEYS = 60
WRITES_MAX = 60  # of one generation
REST_S = (0.5, 6.0)  # how long a deleted key is left alone; a collection takes some seconds
BLIND_SHARE = 0.3
OLD_SHARE = 0.3
THINK_S = 0.01
METRICS_S = 10.0  # in which a node has to say


class Recreate(Work):
    word = "recreate"
    usage = ("recreate [N clients] [keys N]: N keys are deleted, left alone and created again "
             f"(default: {KEYS})")
    clients = 3

    def __init__(self, words):
        self.slots = Slots(self.word, asking.option(words, "keys", KEYS), WRITES_MAX)
        self.resting = {}  # key -> until when, by the clock of this process

    def prepare(self, run):
        self.slots.prepare(run)

    def round(self, client):
        slot = client.rng.randrange(len(self.slots.generations))
        key = self.slots.key(slot)
        if self.resting.get(key, 0) > time.monotonic():
            if client.rng.random() < 0.1:
                asking.read(client, key)  # nothing may have come back
            client.pause(THINK_S * client.rng.random())
            return
        seen, answer = asking.read(client, key)
        if seen.outcome != OK or seen["damaged"]:
            return
        contexts.keep(client, seen, answer)
        client.pause(THINK_S * client.rng.random())
        on, context = self._base(client, key, seen, answer)
        self.slots.note_write(slot)
        if seen["values"] and client.rng.random() < 0.6:
            self._delete(client, key, on, context)
        else:
            padding = b"-" * client.rng.choice((0, 300))
            contexts.keep(client, *asking.put(client, key, on, context, padding=padding))

    def _base(self, client, key, seen, answer):
        roll = client.rng.random()
        if roll < BLIND_SHARE or answer.context is None:
            return None, None
        old = contexts.kept(client, key)
        if roll < BLIND_SHARE + OLD_SHARE:
            op, context = client.rng.choice(old)
            return op.number, context
        return seen.number, answer.context

    def _delete(self, client, key, on, context):
        op, answer = asking.delete(client, key, on, context)
        contexts.keep(client, op, answer)
        if op.outcome == OK:
            self.resting[key] = time.monotonic() + client.rng.uniform(*REST_S)

    def finish(self, run):
        run.record.note(_collected(run.arena))
        asking.final_reads(run, self.slots.all())

    @staticmethod
    def check(ops, facts):
        return versions.check(ops, facts)


def _collected(arena):
    """How many tombstones there were that came to be forgotten: where none did, none could have
    been forgotten too early."""
    counts = {"shoal_tombstones": 0, "shoal_tombstones_dropped_total": 0}
    for host in arena.members():
        url = f"http://{host.node.host}:{host.node.http_port}/metrics"
        with urllib.request.urlopen(url, timeout=METRICS_S) as answer:
            for line in answer.read().decode().splitlines():
                name = line.partition("{")[0].partition(" ")[0]
                if name in counts:
                    counts[name] += int(float(line.rpartition(" ")[2]))
    held, dropped = counts.values()
    return f"tombstones: {dropped} collected since each node's start, {held} held"


KINDS = (Recreate,)
