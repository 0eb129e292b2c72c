"""An operator restarts the nodes for an upgrade, one after the other, each only when the one before
it is up again."""
import os

from faults.fault import Fault
from membership import IN
from words import Wrong

SOON = "500ms"  # in which it answers: other faults don't wait longer


class Restart(Fault):
    """All members that there are when it begins, in a drawn order; over when the last is up. One
    that another fault keeps down is waited for."""

    word = "restart"
    ends = True
    samples = ("restart rolling",)
    usage = "restart rolling: SIGTERM and start of each member, one after the other, to the last"

    def __init__(self, words):
        if words[:1] != ["rolling"]:
            raise Wrong("how? rolling")
        words.pop(0)
        self._left = []
        self._host = None  # that is being restarted
        self._stopping = False
        self._done = 0

    def begin(self, arena, rng):
        members = arena.members()
        self._left = rng.sample(members, len(members))
        return [], f"rolling restart: {' '.join(host.name for host in self._left)}"

    def tend(self, arena):
        if self._host is None:
            return not self._next()
        if self._stopping:
            if self._host.node.process is None:
                self._stopping = False
                self._host.start(self)
        elif self._host.state != IN or _is_up(self._host):
            self._done += self._host.state == IN
            self._host = None
        return False

    def end(self, arena):
        if self._host is not None:
            self._host.start(self)
        return f"restarted one after the other: {self._done}"

    def _next(self):
        """Stops the next one; False: there is none."""
        while self._left:
            host = self._left.pop(0)
            if host.state == IN:
                self._host, self._stopping = host, True
                host.stop(self)
                return True
        return False


def _is_up(host):
    """Whether it runs and says so itself."""
    if not host.running or not os.path.exists(os.path.join(host.node.data_dir, "ports.json")):
        return False
    outcome = host.node.shoal("status", "--json", "--timeout", SOON)
    if outcome.status != 0:
        return False
    return any(one["name"] == host.name and one["state"] == "up" for one in outcome.json()["nodes"])


KINDS = (Restart,)
