"""What can be done to a process: kill -9, an orderly end, a pause."""
from faults.fault import Fault
from words import Target


def names(hosts):
    return ", ".join(host.name for host in hosts)


class _OnHosts(Fault):
    """Something that is done to some hosts and later undone."""

    def __init__(self, words):
        self.target = Target(words)
        self.hosts = []

    def begin(self, arena, rng):
        self.hosts = self.target.pick(arena, rng)
        self.do()
        return self.hosts, f"{self.word} {names(self.hosts)}" if self.hosts else ""

    def do(self):
        raise NotImplementedError


class _Down(_OnHosts):
    """Their processes end; at its end they are started again."""

    ends = True

    def end(self, arena):
        for host in self.hosts:
            host.start(self)


class Kill(_Down):
    """As a crash, or the kernel out of memory."""

    word = "kill"
    samples = ("kill any",)
    usage = "kill TARGET: kill -9; started again at the end"

    def do(self):
        for host in self.hosts:
            host.kill(self)


class Stop(_Down):
    """The orderly way."""

    word = "stop"
    samples = ("stop any",)
    usage = "stop TARGET: SIGTERM; started again at the end"

    def do(self):
        for host in self.hosts:
            host.stop(self)


class Pause(_OnHosts):
    """As a machine that swaps, or a virtual one that is moved: it is silent, and doesn't know."""

    word = "pause"
    samples = ("pause any",)
    usage = "pause TARGET: SIGSTOP; SIGCONT at the end"

    def do(self):
        for host in self.hosts:
            host.pause(self)

    def end(self, arena):
        for host in self.hosts:
            host.resume(self)


KINDS = (Kill, Pause, Stop)
