"""More requests than the nodes can do: a crowd beside the clients, on keys of its own that nobody
judges. It is another process, and the clients whose answers are judged have to share the nodes with
it."""
import os
import subprocess

from faults.fault import Fault
from nodes import cluster
from words import Wrong, count

CONNECTIONS_MAX = 2000
PIPELINE = 16
KEYS = 2000
VALUE_BYTES = 200
LONGEST = "10m"  # far longer than a fault lasts
ENDS_S = 5


class Overload(Fault):
    """shoal bench, begun again should it give up."""

    word = "overload"
    samples = ("overload 100 connections",)
    usage = f"overload N connections: so many more clients, each with {PIPELINE} requests at a time"

    def __init__(self, words):
        if not words:
            raise Wrong("how much?")
        self.connections = count(words.pop(0))
        if self.connections > CONNECTIONS_MAX:
            raise Wrong(f"at most {CONNECTIONS_MAX}")
        if words[:1] not in (["connections"], ["connection"]):
            raise Wrong("of what?")
        words.pop(0)
        self._crowd = None
        self._times = 0

    def begin(self, arena, rng):
        self._begin(arena)
        return [], f"overload by {self.connections} connections"

    def tend(self, arena):
        if self._crowd.poll() is not None:
            self._begin(arena)
        return False

    def end(self, arena):
        self._crowd.terminate()
        try:
            self._crowd.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            self._crowd.kill()
            self._crowd.wait()
        return f"the crowd came {self._times} times" if self._times > 1 else None

    def _begin(self, arena):
        self._times += 1
        hosts = ",".join(f"{node.host}:{node.client_port}" for node in arena.asked())
        command = [os.environ["SHOAL_CLI"], "bench", "-H", hosts, "--connections",
                   str(self.connections), "--pipeline", str(PIPELINE), "--keys", str(KEYS),
                   "--value-size", str(VALUE_BYTES), "--duration", LONGEST]
        self._crowd = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, env=cluster.plain_environment())


KINDS = (Overload,)
