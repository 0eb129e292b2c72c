"""Who is a member changes while other things go wrong: nodes join, leave, are removed, replaced and
given another weight. Each is an instant, the operator's command; how it goes on, and that it is
given again if it fails, is the operator's business (membership.py).
"""
import membership
from faults.fault import Fault
from membership import IN, LEFT, REMOVED
from words import Target, Wrong, count

WEIGHT_MAX = 1000
GONE = ("leaving", "left", "removed")  # states of one that is, or is about to be, no member


class Join(Fault):
    """A host that wasn't there before."""

    word = "join"
    samples = ("join",)
    usage = "join: a new host with an empty node comes and joins"
    lasts = False

    def begin(self, arena, rng):
        if not membership.may_join(arena):
            return [], ""
        fresh = arena.add_host()

        def ask(peer, _):
            if not fresh.running:
                return None
            return fresh.node, ("join-cluster", "--known-cluster-node", peer.peer_address)

        arena.operator.give(self, f"join {fresh.name}", [fresh], ask, _becomes(fresh, IN))
        return [fresh], f"join {fresh.name}"


class Leave(Fault):
    """The orderly way out: it hands over what it holds."""

    word = "leave"
    samples = ("leave any",)
    usage = "leave TARGET: it hands over what it holds, and is no member any more (at least N stay)"
    lasts = False

    def __init__(self, words):
        self.target = Target(words)

    def begin(self, arena, rng):
        hosts = membership.may_go(arena, self.target.pick(arena, rng))
        for host in hosts:
            arena.operator.give(self, f"leave {host.name}", [host], _named("leave-cluster", host),
                                _becomes(host, LEFT))
        return hosts, f"leave {_names(hosts)}" if hosts else ""


class Remove(Fault):
    """A machine that burns, and is never seen again."""

    word = "remove"
    samples = ("remove any",)
    usage = "remove TARGET: kill -9, and remove-node --force; it never comes back"
    lasts = False
    harm = True

    def __init__(self, words):
        self.target = Target(words)

    def begin(self, arena, rng):
        hosts = membership.may_go(arena, self.target.pick(arena, rng)) if _copies(arena) else []
        for host in hosts:
            host.kill(self)
            host.state = REMOVED
            arena.operator.give(self, f"remove {host.name}", [host],
                                _named("remove-node", host, "--force"))
        return hosts, f"remove {_names(hosts)} for good" if hosts else ""


class Replace(Fault):
    """Another host takes its place in one change."""

    word = "replace"
    samples = ("replace any", "replace any dead")
    usage = ("replace TARGET [dead]: a new host takes its place, which it hands over; dead: it is "
             "killed before, and never comes back")
    lasts = False
    harm = True  # it may be down already

    def __init__(self, words):
        self.target = Target(words)
        self.dead = words[:1] == ["dead"]
        del words[:self.dead]

    def begin(self, arena, rng):
        hosts = _steady(arena, self.target.pick(arena, rng))
        said = []
        for host in hosts:
            dead = self.dead or not host.alive
            if not membership.may_come(arena) or dead and not _copies(arena):
                continue
            said.append(_replace(self, arena, host, dead))
        return hosts[:len(said)], ", ".join(said)


class Reweight(Fault):
    """It is given more to hold, or less."""

    word = "reweight"
    samples = ("reweight any 2", "reweight any 1")
    usage = f"reweight TARGET N: its weight is N from now on (1 to {WEIGHT_MAX})"
    lasts = False

    def __init__(self, words):
        self.target = Target(words)
        if not words:
            raise Wrong("what weight?")
        self.weight = count(words.pop(0))
        if self.weight > WEIGHT_MAX:
            raise Wrong(f"the largest weight is {WEIGHT_MAX}")

    def begin(self, arena, rng):
        hosts = _steady(arena, self.target.pick(arena, rng))
        if arena.scenario.cluster.nodes == 1:
            return [], ""
        for host in hosts:
            arena.operator.give(self, f"reweight {host.name} to {self.weight}", [host],
                                _named("set-node", host, "--weight", str(self.weight)))
        return hosts, f"reweight {_names(hosts)} to {self.weight}" if hosts else ""


def _replace(fault, arena, old, dead):
    """The text of it."""
    fresh = arena.add_host()
    if dead:
        old.kill(fault)
        old.state = REMOVED

    def ask(peer, states):
        if not fresh.running:
            return None
        if states is not None and states.get(old.name, "left") in GONE:  # an earlier try got so far
            return fresh.node, ("join-cluster", "--known-cluster-node", peer.peer_address)
        return peer, ("replace-node", "--node", old.name, "--with", fresh.node.peer_address,
                      *(("--force",) if dead else ()))

    def done():
        fresh.state = IN
        if not dead:
            old.state = LEFT

    arena.operator.give(fault, f"replace {old.name} by {fresh.name}", [old, fresh], ask, done)
    return f"replace {old.name}, {'dead' if dead else 'alive'}, by {fresh.name}"


def _steady(arena, hosts):
    """Those of the hosts that are members and neither come nor go."""
    changing = arena.operator.changing()
    return [host for host in hosts if host.state == IN and host not in changing]


def _named(command, host, *more):
    """A command at any other member; nothing where nobody knows the one any more."""

    def ask(peer, states):
        if states is not None and host.name not in states:
            return membership.NOTHING
        return peer, (command, "--node", host.name, *more)

    return ask


def _becomes(host, state):
    def done():
        host.state = state

    return done


def _copies(arena):
    """Whether every acknowledged write is on two nodes, so that one may go for good."""
    return arena.scenario.cluster.w > 1


def _names(hosts):
    return ", ".join(host.name for host in hosts)


KINDS = (Join, Leave, Remove, Replace, Reweight)
