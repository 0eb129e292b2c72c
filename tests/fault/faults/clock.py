"""Clocks that are wrong: that jump, and that run too fast or too slow."""
import re

import clocks
import words as language
from faults.fault import Fault
from words import Target, Wrong


class Clock(Fault):
    """It is set right at the end, which is a jump of its own."""

    word = "clock"
    usage = "clock TARGET jump +60s | drift -5%: right again at the end"
    uses = ("clock",)
    samples = ("clock any jump +60s", "clock any jump -60s", "clock any drift +5%",
               "clock any drift -5%")

    def __init__(self, words):
        self.target = Target(words)
        if len(words) < 2:
            raise Wrong("what does it do?")
        self.text = f"{words[0]} {words[1]}"
        kind, amount = words.pop(0), words.pop(0)
        if kind == "jump":
            self._does = clocks.Clock.jump
            self._amount = language.shift(amount)
        elif kind == "drift":
            self._does = clocks.Clock.drift
            self._amount = _signed_share(amount)
        else:
            raise Wrong(f"{kind!r} is nothing that a clock does")
        self.hosts = []

    @classmethod
    def lacking(cls):
        return clocks.lacking()

    def begin(self, arena, rng):
        self.hosts = self.target.pick(arena, rng)
        for host in self.hosts:
            self._does(host.clock, self, self._amount)
        named = ", ".join(host.name for host in self.hosts)
        return self.hosts, f"clock of {named}: {self.text}" if self.hosts else ""

    def end(self, arena):
        for host in self.hosts:
            host.clock.right(self)


def _signed_share(text):
    found = re.fullmatch(r"([+-])(.+)", text)
    if not found:
        raise Wrong(f"{text!r} is no drift (as +5%, -1%)")
    return (1 if found[1] == "+" else -1) * language.share(found[2])


KINDS = (Clock,)
