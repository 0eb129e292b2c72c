"""Registers with versions: clients read a key, think for a moment, and write with the context they
read, so that what they had seen is replaced and what others wrote meanwhile stays beside it. Now
and then one writes upon a context that it has kept, or without any. What is wrong is told by
works/versions.py.
"""
from works import asking, contexts, versions
from works.slots import Slots
from works.work import Work

KEYS = 20
WRITES_MAX = 80  # of one generation
THINK_S = 0.01
BLIND, ONLY_READ = 0.08, 0.25  # shares: below the one, below the other


class Register(Work):
    word = "register"
    usage = ("register [N clients] [keys N]: N keys are read, and written with contexts and "
             f"without (default: {KEYS})")
    clients = 3

    def __init__(self, words):
        self.slots = Slots(self.word, asking.option(words, "keys", KEYS), WRITES_MAX)

    def prepare(self, run):
        self.slots.prepare(run)

    def round(self, client):
        slot = self.slots.pick(client.rng)
        key = self.slots.key(slot)
        roll = client.rng.random()
        if roll < BLIND:
            self._write(client, slot, key, None, None)
            return
        if roll < ONLY_READ:
            asking.read(client, key)
            return
        base = contexts.base(client, key)
        if base is not None:
            client.pause(THINK_S * client.rng.random())
            self._write(client, slot, key, *base)

    def _write(self, client, slot, key, on, context):
        self.slots.note_write(slot)
        padding = b"-" * client.rng.choice((0, 20, 100, 1000))
        number = on.number if context is not None else None
        contexts.keep(client, *asking.put(client, key, number, context, padding=padding))

    def finish(self, run):
        asking.final_reads(run, self.slots.all())

    @staticmethod
    def check(ops, facts):
        return versions.check(ops, facts)


KINDS = (Register,)
