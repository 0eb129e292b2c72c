"""The keys of a workload, by slot and generation. A key that has been written often gives way to a
fresh one: what has happened to a key is judged anew with everything that is read later, so few keys
with long histories would cost more and tell less. The first slots are used most and change soon,
the last ones may live as long as the run; every one is read again after healing.
"""
import threading


class Slots:
    """Asked by clients in several threads."""

    def __init__(self, word, count, writes_max):
        self.word = word
        self.writes_max = writes_max
        self.prefix = word
        self.generations = [0] * count
        self.written = [0] * count
        self._lock = threading.Lock()

    def prepare(self, run):
        """Other keys than those of the same workload on another line."""
        self.prefix = f"{self.word}/{run.record.fresh_id()}"

    def pick(self, rng):
        """A slot, the first ones more often."""
        return int(len(self.generations) * rng.random()**2)

    def key(self, slot):
        return f"{self.prefix}/{slot}/{self.generations[slot]}"

    def note_write(self, slot):
        with self._lock:
            self.written[slot] += 1
            if self.written[slot] >= self.writes_max:
                self.written[slot] = 0
                self.generations[slot] += 1

    def all(self):
        return [f"{self.prefix}/{slot}/{generation}" for slot, last in enumerate(self.generations)
                for generation in range(last + 1)]
