"""Networks that come apart, in every shape: who doesn't hear whom any more, with packets that
vanish or, with `reset`, connections that are reset. Clients reach every node all the time, and so
ask on all sides.
"""
import random
import threading

from faults.fault import Fault
from network import islands
from wishes import ANY, Cut
from words import Target, Wrong, span

RING_LEAST = 4  # of fewer, each is the other's neighbour
SPAN_LEAST_S = 0.05  # what it takes to cut


def majority(numbers, rng):
    """(minority, pairs): a drawn minority, as large as it can be, and the others, apart."""
    minority = sorted(rng.sample(numbers, max(1, (len(numbers) - 1) // 2)))
    rest = [number for number in numbers if number not in minority]
    return minority, islands(minority, rest)


def isolate(alone):
    """Each of these by itself, whoever else is there or comes."""
    return [pair for number in alone for pair in ((number, ANY), (ANY, number))]


def bridge(numbers, rng):
    """(the one in the middle, two halves, pairs): each half hears itself and the one."""
    middle, *rest = rng.sample(numbers, len(numbers))
    half = len(rest) // 2
    halves = sorted(rest[:half]), sorted(rest[half:])
    return middle, halves, islands(*halves)


def ring(numbers, rng):
    """(the order drawn, pairs): each hears only the one before and the one behind it."""
    order = rng.sample(numbers, len(numbers))
    place = {number: at for at, number in enumerate(order)}
    near = (1, len(order) - 1)
    return order, [(a, b) for a in numbers for b in numbers
                   if a != b and abs(place[a] - place[b]) not in near]


def one_way(alone, deaf):
    """Nobody hears these, or, deaf, they hear nobody."""
    return [(ANY, number) if deaf else (number, ANY) for number in alone]


class Partition(Fault):
    """Who is cut off is drawn, or named."""

    word = "partition"
    samples = ("partition majority", "partition isolate any", "partition bridge", "partition ring",
               "partition one-way any", "partition flapping any every 200ms..500ms",
               "partition majority reset", "partition isolate any reset")
    usage = ("partition majority | bridge | ring | isolate TARGET | one-way TARGET | "
             "flapping TARGET every SPAN, [reset]: who hears whom; connections hang, or are reset")
    LEAST = {"majority": 2, "bridge": 3, "ring": RING_LEAST}  # nodes it takes

    def __init__(self, words):
        self.shape = words.pop(0) if words else ""
        if self.shape not in (*self.LEAST, "isolate", "one-way", "flapping"):
            raise Wrong(f"{self.shape!r} is no shape of a partition")
        self.target = None if self.shape in self.LEAST else Target(words)
        self.period = self._every(words) if self.shape == "flapping" else None
        self.reset = words[:1] == ["reset"]
        del words[:self.reset]
        self._flapping = None

    @staticmethod
    def _every(words):
        if len(words) < 2 or words.pop(0) != "every":
            raise Wrong("how often? every SPAN")
        period = span(words.pop(0))
        if period[0] < SPAN_LEAST_S:
            raise Wrong("a network flaps every 50ms at most")
        return period

    def begin(self, arena, rng):
        draw = self._everybody if self.target is None else self._chosen
        hosts, pairs, text = draw(arena, rng)
        if not text:
            return [], ""
        cuts = [Cut(a, b, self.reset) for a, b in pairs]
        if self.period is not None:
            self._flapping = _Flapping(arena.net, self, cuts, self.period, rng.random())
        else:
            arena.net.want(self, cuts)
        return hosts, f"partition {text}{', with resets' if self.reset else ''}"

    def _everybody(self, arena, rng):
        """A shape that all are part of, those that are about to join included."""
        there = sorted([*arena.members(), *arena.coming()], key=lambda host: host.number)
        by_number = {host.number: host for host in there}
        if len(by_number) < self.LEAST[self.shape]:
            return [], [], ""
        numbers = sorted(by_number)
        if self.shape == "majority":
            minority, pairs = majority(numbers, rng)
            rest = [by_number[number] for number in numbers if number not in minority]
            hosts = [by_number[number] for number in minority]
            return hosts, pairs, f"{_names(hosts)} | {_names(rest)}"
        if self.shape == "bridge":
            middle, halves, pairs = bridge(numbers, rng)
            left, right = (_names(by_number[number] for number in half) for half in halves)
            return [], pairs, f"{left} - {by_number[middle].name} - {right}"
        order, pairs = ring(numbers, rng)
        return [], pairs, f"in a ring: {' - '.join(by_number[number].name for number in order)}"

    def _chosen(self, arena, rng):
        """A shape around some."""
        hosts = self.target.pick(arena, rng)
        numbers = [host.number for host in hosts]
        if not hosts:
            return [], [], ""
        if self.shape == "one-way":
            deaf = rng.random() < 0.5
            text = f"{_names(hosts)} hears nobody" if deaf else f"nobody hears {_names(hosts)}"
            return hosts, one_way(numbers, deaf), text
        text = f"{_names(hosts)} alone"
        return hosts, isolate(numbers), text + (", now and then" if self.period is not None else "")

    def end(self, arena):
        if self._flapping is not None:
            return self._flapping.end()
        arena.net.unwant(self)
        return None


class _Flapping(threading.Thread):
    """Cuts and heals, and cuts again, each time after a span of its own, until `end`."""

    def __init__(self, net, who, cuts, period, seed):
        super().__init__(name="flapping", daemon=True)
        self._net, self._who, self._cuts, self._period = net, who, cuts, period
        self._rng = random.Random(seed)
        self._ending = threading.Event()
        self._times = 0
        self._failure = None
        self.start()

    def run(self):
        try:
            while not self._ending.is_set():
                self._net.want(self._who, self._cuts)
                self._times += 1
                self._ending.wait(self._rng.uniform(*self._period))
                self._net.unwant(self._who)
                self._ending.wait(self._rng.uniform(*self._period))
        except BaseException as error:
            self._failure = error

    def end(self):
        self._ending.set()
        self.join()
        self._net.unwant(self._who)
        if self._failure is not None:
            raise self._failure
        return f"cut {self._times} times"


def _names(hosts):
    return " ".join(host.name for host in hosts)


KINDS = (Partition,)
