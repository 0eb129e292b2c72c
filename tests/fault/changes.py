"""Changes of membership by the shoal command, and how a change that is over looks from all sides. Commands
follow a change until it has settled; `begin` starts one that is to be disturbed on the way."""
import json
import os
import subprocess
import threading
import time

import clients
from history import value_encode
from nodes import cluster, protocol, wait_until

CHANGE_S = 90  # far beyond what it takes, on a machine that is busy with other things
CURE_S = 20  # in which a retry has to cure what went wrong
UNKNOWN = 7  # exit status


# ---- commands --------------------------------------------------------------------------------------


def run(node, *arguments):
    """The command, and its outcome whatever it is."""
    return node.shoal(*arguments, "--timeout", f"{CHANGE_S}s", timeout_s=CHANGE_S + 30)


def good(node, *arguments):
    outcome = run(node, *arguments)
    assert outcome.status == 0, f"{' '.join(arguments)} at {node.name}: {outcome}"
    return outcome


def refused(node, *arguments):
    """Refused before anything was changed; the words."""
    outcome = run(node, *arguments)
    assert outcome.status not in (0, UNKNOWN), f"{' '.join(arguments)} at {node.name}: {outcome}"
    return outcome.err.decode()


def join(node, known):
    return good(node, "join-cluster", "--known-cluster-node", known.peer_address)


class Command:
    """One that runs while something is done to the nodes. Nothing is said of its outcome until `end`."""

    def __init__(self, node, *arguments, timeout_s=CHANGE_S):
        command = [os.environ["SHOAL_CLI"], arguments[0], "-H", node.host, "-p", node.client_port,
                   *arguments[1:], "--timeout", f"{timeout_s}s"]
        self.text = f"{' '.join(arguments)} at {node.name}"
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=cluster.plain_environment())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def end(self):
        """Its exit status: whether it could follow to the end depends on what was done."""
        out, err = self.process.communicate(timeout=CHANGE_S + 30)
        return self.process.returncode, (out + err).decode(errors="replace")


# ---- what nodes say --------------------------------------------------------------------------------


def member(node, name):
    """What `node` says of the one of this name, or None."""
    status = node.status()
    if status is None:
        return None
    found = [one for one in status["nodes"] if one["name"] == name]
    return found[0] if found else None


def wait_state(node, name, *states):
    wait_until(lambda: (member(node, name) or {}).get("state") in states,
               f"{node.name} says that {name} is {' or '.join(states)}")


def wait_under_way(node):
    """Until several layouts are live, or a change is over already: which of both."""
    version = []

    def seen():
        status = node.status()
        if status is None:
            return False
        version.append(status["layout"]["version"])
        return status["layout"]["live"] > 1 or version[-1] > version[0]

    wait_until(seen, "a change is under way")
    return node.status()["layout"]["live"] > 1


def settled(nodes, left=()):
    """Whether all `nodes` say that there is one layout, of all of them, with nothing to be done, and those
    that have `left` hold nothing."""
    for node in (*nodes, *left):
        status = node.status()
        if status is None or status["layout"]["live"] != 1 or not status["layout"]["settled"]:
            return False
        said = {one["name"]: one for one in status["nodes"]}
        for other in nodes:
            one = said.get(other.name)
            if (one is None or one["state"] != "up" or one["pending_sync"] or one["releasing"] or
                    one["hints"] or not one["partitions"]):
                return False
        for other in left:
            one = said.get(other.name)
            if one is not None and (one["state"] != "left" or one["keys"] or one["releasing"] or
                                    one["partitions"]):
                return False
        owners = [one["name"] for one in status["nodes"] if one["partitions"]]
        if sorted(owners) != sorted(node.name for node in nodes):
            return False
    return True


def wait_over(case, nodes, left=()):
    begun = time.monotonic()
    try:
        wait_until(lambda: settled(nodes, left),
                   f"one layout of {[node.name for node in nodes]}, all settled", CHANGE_S)
    except AssertionError:
        for node in (*nodes, *left):
            print(f"-- {node.name} says:\n{node.shoal('status').out.decode()}")
        raise
    hashes = {json.dumps(node.status()["layout"]["hash"]) for node in (*nodes, *left)}
    assert len(hashes) == 1, f"different layouts: {hashes}"
    case.say(f"{' '.join(node.name for node in nodes)}: settled after "
             f"{time.monotonic() - begun:.1f} s more")


# ---- load ------------------------------------------------------------------------------------------


class Bulk:
    """Data that is there before a change and has to be there after it, byte by byte."""

    def __init__(self, case, node, count, size=1000):
        self.folder = case.folder
        lines = []
        for number in range(count):
            key = b"bulk/%d" % number
            value = value_encode(key, (0,), b"%0*d" % (size, case.rng.randrange(10**12)))
            lines.append(json.dumps({"key": key.decode(), "value": value.decode()},
                                    separators=(",", ":")))
        self.lines = sorted(lines)
        outcome = node.shoal("load", "-", stdin="\n".join(lines).encode() + b"\n")
        assert outcome.status == 0, outcome

    def check(self, node):
        outcome = node.shoal("dump", "--prefix", "bulk/", "--timeout", "60s", timeout_s=90)
        assert outcome.status == 0, f"dump at {node.name}: {outcome}"
        found = sorted(outcome.out.decode().splitlines())
        missing = len(set(self.lines) - set(found))
        assert found == self.lines, f"{node.name}: {missing} of {len(self.lines)} are missing or changed"


class Repeated(threading.Thread):
    """Does the same (_once) again and again beside what the `with` does, until that ends; what went
    wrong in it is raised then."""

    def __init__(self, name):
        super().__init__(name=name, daemon=True)
        self.failure = None
        self._stopping = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self._stopping.set()
        self.join()
        if kind is None and self.failure is not None:
            raise self.failure

    def run(self):
        try:
            while not self._stopping.is_set():
                self._once()
        except BaseException as error:
            self.failure = error

    def _once(self):
        raise NotImplementedError


class Stubborn(Repeated):
    """A client that asks again until it gets what it wants: nothing may go wrong that this doesn't cure.
    Writes new keys and reads them back, one after another, at nodes chosen at random; the checker judges
    its history like any other."""

    def __init__(self, group, case):
        super().__init__("stubborn")
        self.group = group
        self.history = case.history
        self.rng = case.rng.__class__(case.rng.random())
        self.codes = {}  # other than success -> how often
        self.done = 0

    def _once(self):
        key = b"own/stubborn/%d" % self.done
        self._insist(clients.put_task, key, (0,))
        self._insist(clients.read_task, key, (0,))
        self.done += 1

    def _insist(self, task, key, wanted):
        end = time.monotonic() + CURE_S
        said = []
        while True:
            node = self.rng.choice(self.group.asked)
            codes = []
            try:
                clients.ask(node, [task(self.history, key, about=f"stubborn@{node.name}", codes=codes)])
            except clients.Gone:
                codes = ["gone"]
            if codes and codes[0] in wanted:
                return
            said += codes
            for code in codes:
                self.codes[code] = self.codes.get(code, 0) + 1
            if self._stopping.is_set():
                return
            assert time.monotonic() < end, f"{key} in {CURE_S} s: {said[-20:]}"
            time.sleep(clients.RETRY_S)


class Bench(Repeated):
    """`shoal bench`, again and again, until the `with` ends; its errors counted."""

    def __init__(self, node, keys=2000):
        super().__init__("bench")
        self.node = node
        self.keys = keys
        self.requests = 0
        self.errors = {}

    def _once(self):
        outcome = self.node.shoal(
            "bench", "--duration", "2s", "--connections", "4", "--pipeline", "4", "--keys",
            str(self.keys), "--value-size", "200", "--json")
        assert outcome.status == 0, f"bench: {outcome}"
        figures = outcome.json()
        self.requests += figures["all"]["requests"]
        for text, count in figures["errors"].items():
            self.errors[text] = self.errors.get(text, 0) + count


__all__ = ["Bench", "Bulk", "Command", "Stubborn", "protocol"]
