"""Networks that are bad, but not apart: connections that are reset, packets that get lost, come
late or in another order, lines that carry little. All of it is between a node and the others; only
a narrow line is narrow for clients, too.
"""
import network
from faults.fault import Fault
from wishes import ANY, Loss, Narrow, Slow, Untidy
from words import Target, Wrong, rate, share, span

HOLD_S = 0.02  # long enough for others to overtake, short beside any deadline


class _OnLinks(Fault):
    """How bad, whose links; undone as a whole."""

    amount = ""  # what its first word is

    def __init__(self, words):
        if not words:
            raise Wrong(f"how much? {self.amount}")
        self.text = words.pop(0)
        self.read(self.text)
        self.target = Target(words)

    def read(self, text):
        """Takes the amount; raises Wrong."""
        raise NotImplementedError

    def wishes(self, host):
        """What that is for one host, by its number."""
        raise NotImplementedError

    def begin(self, arena, rng):
        hosts = self.target.pick(arena, rng)
        if not hosts:
            return [], ""
        arena.net.want(self, [wish for host in hosts for wish in self.wishes(host.number)])
        return hosts, f"{self.word} {self.text} {', '.join(host.name for host in hosts)}"

    def end(self, arena):
        arena.net.unwant(self)


class Lose(_OnLinks):
    """Each packet by itself."""

    word = "lose"
    samples = ("lose 5% any", "lose 20% any")
    amount = "a share, as 10%"
    usage = "lose SHARE TARGET: of what it and the others send each other, this gets lost"

    def read(self, text):
        self.share = share(text)

    def wishes(self, host):
        return [Loss(host, ANY, self.share), Loss(ANY, host, self.share)]


class _OnSlowLinks(_OnLinks):
    """Takes a program that holds packets back."""

    @classmethod
    def lacking(cls):
        return network.slow_links_lack()


class Delay(_OnSlowLinks):
    """As on a long line: packets keep their order."""

    word = "delay"
    samples = ("delay 10ms..50ms any", "delay 200ms any")
    amount = "a duration or a range, as 30ms..80ms"
    usage = "delay SPAN TARGET: what it and the others send each other takes so much longer"

    def read(self, text):
        self.span = span(text)

    def wishes(self, host):
        return [Slow(host, *self.span)]


class Reorder(_OnSlowLinks):
    """Packets that are held back until others have overtaken them."""

    word = "reorder"
    samples = ("reorder 10% any",)
    amount = "a share, as 10%"
    usage = "reorder SHARE TARGET: so many of its packets are overtaken by those behind them"

    def read(self, text):
        self.share = share(text)

    def wishes(self, host):
        return [Untidy(host, self.share, HOLD_S)]


class Bandwidth(_OnLinks):
    """What is beyond waits, and is dropped when too much waits."""

    word = "bandwidth"
    samples = ("bandwidth 200kB/s any",)
    amount = "a rate, as 200kB/s"
    usage = "bandwidth RATE TARGET: its network carries only so much each way, for clients, too"

    def read(self, text):
        self.rate = rate(text)

    def wishes(self, host):
        return [Narrow(host, self.rate)]


class Reset(Fault):
    """As by a firewall that has forgotten them."""

    word = "reset"
    samples = ("reset any", "reset all")
    usage = "reset TARGET: all its connections with other nodes are reset, once"
    lasts = False

    def __init__(self, words):
        self.target = Target(words)

    def begin(self, arena, rng):
        hosts = self.target.pick(arena, rng)
        if not hosts:
            return [], ""
        count = sum(arena.net.reset(host.number) for host in hosts)
        return hosts, f"reset {count} connections of {', '.join(host.name for host in hosts)}"


KINDS = (Bandwidth, Delay, Lose, Reorder, Reset)
