"""Who belongs to the cluster of a run, and the operator who changes that: gives a command, watches
it beside whatever else happens, and tells how it ended. One that fails because of other faults is
given again at healing, until it is done: operators insist, and a command that is repeated does no
harm. A change that is done is known by its command, whether the cluster has come to rest by what
every node says.
"""
import time

import changes

# Of a host: not yet a member, a member, one that has left, one that was removed by force.
OUT, IN, LEFT, REMOVED = "out", "in", "left", "removed"

COMMAND_S = 30  # in which a command has to end, or is given again at healing
AGAIN_S = 1.0  # between two tries
NOTHING = (None, ())
JOINED_MAX = 3  # members more than at the beginning
HOSTS_MAX = 8  # hosts more than at the beginning, those that have left included


class Change:
    """One that was asked for. `ask(peer, states)` gives the node to ask and the command's words:
    `peer` is a member that runs; `states`, where it was asked before, what that one says of
    everybody ({name: state}), else None. None: it can't be asked for now; NOTHING: it is so
    already. `done()` writes down what is so when it has succeeded."""

    def __init__(self, fault, text, hosts, ask, done):
        self.fault = fault  # that it is part of
        self.text = text
        self.hosts = hosts  # whom it concerns
        self.ask = ask
        self.done = done
        self.begun = time.monotonic()
        self.command = None  # that runs
        self.again_at = 0.0
        self.tries = 0
        self.said = ""  # how the last try ended


class Operator:
    """Of one arena, whose `tend` calls this one's."""

    def __init__(self, arena):
        self.arena = arena
        self._insists = False
        self._open = []  # changes that are not done

    def give(self, fault, text, hosts, ask, done=lambda: None):
        """A change begins."""
        change = Change(fault, text, hosts, ask, done)
        self._open.append(change)
        self._try(change)

    def changing(self):
        """Hosts that are coming or going."""
        return [host for change in self._open for host in change.hosts]

    def peer(self, besides=()):
        """A member that runs, if possible undisturbed and not itself about to go; or None."""
        shunned = [*self.changing(), *besides]
        running = [host for host in self.arena.members() if host.running and host not in besides]
        running.sort(key=lambda host: (host in shunned, bool(host.troubles), host.number))
        return running[0].node if running else None

    def tend(self):
        """Looks after the commands; returns at once."""
        now = time.monotonic()
        for change in list(self._open):
            if change.command is not None:
                if change.command.process.poll() is not None:
                    self._conclude(change)
            elif self._insists and now >= change.again_at:
                self._try(change)

    def insist(self, insists):
        """Whether what failed is given again."""
        self._insists = insists

    def pending(self):
        """What is not done, as text."""
        return "; ".join(f"{change.text}: {change.said or 'not ended'}" for change in self._open)

    def rest(self):
        """All has settled: those that have left have nothing any more, and are shut down."""
        for host in self.arena.hosts:
            if host.state == LEFT and host.alive:
                host.stop(self)

    def end(self):
        """Of the run: commands that still run are ended."""
        for change in self._open:
            if change.command is not None:
                change.command.__exit__()
        self._open.clear()

    def _try(self, change):
        asked = self._asked(change)
        if asked is None:
            change.said = change.said or "nobody is there to be asked"
            change.again_at = time.monotonic() + AGAIN_S
        elif asked == NOTHING:
            self._done(change)
        else:
            node, words = asked
            change.tries += 1
            change.command = changes.Command(node, *words, timeout_s=COMMAND_S)

    def _asked(self, change):
        peer = self.peer(besides=change.hosts)
        status = peer.status() if peer is not None and change.tries else None
        if peer is None or change.tries and status is None:
            return None
        states = {one["name"]: one["state"] for one in status["nodes"]} if status else None
        return change.ask(peer, states)

    def _conclude(self, change):
        status, said = change.command.end()
        change.command = None
        if status == 0:
            self._done(change)
            return
        change.again_at = time.monotonic() + AGAIN_S
        lines = said.strip().splitlines()
        change.said = f"status {status}: {lines[-1] if lines else 'without a word'}"
        self.arena.say(f"{change.text}: {change.said}")

    def _done(self, change):
        self._open.remove(change)
        change.done()
        change.fault.trouble.end = self.arena.record.now()
        tries = f", tries: {change.tries}" if change.tries > 1 else ""
        self.arena.say(f"{change.text}: done after {time.monotonic() - change.begun:.1f} s{tries}")


def unsettled(arena):
    """What is still to come until the members that should be are up, in one layout, with nothing to
    be moved, and those that have left hold nothing: as text; empty where nothing is."""
    down = [host.name for host in arena.members() if not host.alive]
    if down:
        return f"{', '.join(down)} not up"
    pending = arena.operator.pending()
    if pending:
        return pending
    hosts = arena.members()
    if arena.scenario.cluster.nodes == 1:
        return "" if hosts[0].node.status() else f"{hosts[0].name} doesn't answer"
    left = [host.node for host in arena.hosts if host.state == LEFT and host.alive]
    if not changes.settled([host.node for host in hosts], left):
        return f"{', '.join(host.name for host in hosts)} are not one settled layout"
    return ""


def wait_settled(arena, deadline_s, poll_s):
    """Nothing is disturbed any more: waits until there is nothing to come, with an operator who
    insists. Says how long that took."""
    begun = time.monotonic()
    arena.operator.insist(True)
    try:
        while True:
            left = unsettled(arena)
            if not left and not arena.suspects():
                break
            arena.tend()
            assert time.monotonic() - begun < deadline_s, f"in {deadline_s:.0f} s: {left}"
            time.sleep(poll_s)
    finally:
        arena.operator.insist(False)
    arena.operator.rest()
    arena.say(f"settled after {time.monotonic() - begun:.1f} s")


def may_come(arena):
    """Whether one more host may come."""
    facts = arena.scenario.cluster
    return facts.nodes > 1 and len(arena.hosts) < facts.nodes + HOSTS_MAX


def may_join(arena):
    """Whether one more may become a member."""
    coming = sum(host.state == OUT for host in arena.operator.changing())
    most = arena.scenario.cluster.nodes + JOINED_MAX
    return may_come(arena) and len(arena.members()) + coming < most


def may_go(arena, hosts):
    """Those of the hosts that may cease to be members: N of all have to stay."""
    changing = arena.operator.changing()
    free = [host for host in hosts if host.state == IN and host not in changing]
    staying = sum(host.state == IN and host not in changing for host in arena.hosts)
    return free[:max(0, staying - arena.scenario.cluster.n)]
