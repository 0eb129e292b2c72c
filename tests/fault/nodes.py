"""Real nodes with durable engines, and what the fault tests do to them: start behind a tracer, end without
warning, stop for a while, and be asked how they are. Builds on tests/support/cluster.py.
"""
import contextlib
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

import cluster  # noqa: E402
import protocol  # noqa: E402
from cluster import wait_until  # noqa: E402
from ports import free_port  # noqa: E402

# Of a node's storage, in STATUS_REPLY.
OK, FULL, FAILED = 0, 1, 2
SOON_S = 0.5
WORDS = {OK: "ok", FULL: "full", FAILED: "failed"}


def storage(engine, durability="sync"):
    """The `storage` section of a configuration."""
    if engine == "memory":
        return {"engine": "memory"}
    return {"engine": engine, "durability": durability}


# What a fault does to a request has to show in a time that a test can wait for.
LIMITS = {"request_timeout_ms": 5000}
ALONE = {"quorum": {"n": 1, "r": 1, "w": 1}, "listen": {"peer_port": None}}


@contextlib.contextmanager
def group(count, engine, durability="sync", started=True, **settings):
    """A cluster of so many nodes, joined and settled; of one: a standalone node. Ends them all by
    their pids, whatever happens."""
    chosen = {"storage": storage(engine, durability), "cluster": {"name": "fault", "partitions": 16}}
    chosen.update(ALONE if count == 1 else {})
    limits = {"limits": {**LIMITS, **settings.get("limits", {})}}
    nodes = cluster.Cluster(0, joined=False, **{**chosen, **settings, **limits})
    with nodes:
        for _ in range(count):
            add(nodes)
        if started:
            start_all(nodes.nodes)
            form(nodes)
        yield nodes


def form(nodes):
    """Joins all to the first, and waits until they have settled."""
    for node in nodes.nodes[1:]:
        nodes.join(node)
    if len(nodes.nodes) > 1:
        nodes.wait_settled()


def add(nodes, **settings):
    """One node more, not yet started."""
    node = nodes.add_node(**settings)
    node.ports = {service: free_port() for service in cluster.SERVICES}  # also free in a namespace of its own
    return node


def kill_all(nodes):
    """kill -9 of all of them as nearly at once as it goes."""
    for node in nodes:
        node.process.kill()
    for node in nodes:
        node.process.wait()
        node.process = None


def start_all(nodes):
    """Starts those that don't run, at once, and waits for all."""
    down = [node for node in nodes if node.process is None]
    for node in down:
        node.launch()
    for node in down:
        node.wait_ready()


def wait_ready_or_end(node):
    """True when it is ready, False when it has ended by itself, as it may with a word about why: it must
    not have crashed."""
    end = time.monotonic() + cluster.DEADLINE_S
    while node.process.poll() is None:
        if os.path.exists(os.path.join(node.data_dir, "ports.json")):
            return True
        assert time.monotonic() < end, f"{node.name} neither starts nor ends\n{node.log_tail()}"
        time.sleep(cluster.POLL_S)
    status, node.process = node.process.returncode, None
    assert status == 1, f"{node.name} has ended with status {status}\n{node.log_tail()}"
    return False


def storage_health(node, timeout_s=protocol.RECEIVE_S):
    """What the node says of its own storage: OK, FULL or FAILED."""
    with protocol.Connection(node.ports["client_port"], host=node.host, timeout_s=timeout_s) as connection:
        answer = connection.ask(protocol.frame(protocol.STATUS, 2))
    (own,) = [member for member in answer[12] if member[0] == answer[2]]
    return own[15] if len(own) > 15 else OK


def says_failed(node):
    """Whether it answers at all, soon, and says so."""
    try:
        return storage_health(node, SOON_S) == FAILED
    except (OSError, TypeError, LookupError):  # nobody there, closed, refused
        return False


def wait_health(node, health, meanwhile=lambda: None, deadline_s=30):
    """Until the node says so of its storage, and `shoal status` and its log do, too."""

    def said():
        meanwhile()
        return storage_health(node) == health

    wait_until(said, f"{node.name} says that its storage is {WORDS[health]}", deadline_s)
    if health != OK:
        shown = node.shoal("status").out.decode()
        assert WORDS[health] in shown, f"shoal status does not say {WORDS[health]!r}:\n{shown}"
        log = log_text(node)
        assert WORDS[health] in log, f"the log does not say {WORDS[health]!r}:\n{node.log_tail()}"


def log_text(node):
    with open(node.log_path, encoding="utf-8", errors="replace") as file:
        return file.read()



def files(node, suffix):
    """Paths of the data files that end so, in the order of their names, wherever they are below the
    data folder."""
    found = []
    for folder, _, names in os.walk(node.data_dir):
        found += [os.path.join(folder, name) for name in names if name.endswith(suffix)]
    return sorted(found, key=os.path.basename)


def closed_segment(case, node):
    """One that has a hint, and more than a header in it."""
    hints = {os.path.splitext(path)[0] for path in files(node, ".hint")}
    closed = [path for path in files(node, ".seg")
              if os.path.splitext(path)[0] in hints and os.path.getsize(path) > 4096]
    assert closed, "there is no closed segment"
    return case.rng.choice(closed)


def wait_identical(case, node, what, values=False, deadline_s=60):
    """Until `shoal verify` says so: never an error in between, only "not identical" or "can't tell"."""
    began = time.monotonic()
    flags = ["--values"] if values else []
    said = []

    def identical():
        outcome = node.shoal("verify", "--json", *flags)
        said.append(outcome)
        return outcome.status == 0 and outcome.json()["identical"]

    wait_until(identical, f"all owners are identical ({what})", deadline_s)
    case.say(f"{what}: identical after {time.monotonic() - began:.1f} s, "
             f"digest {said[-1].json()['digest']}")


def make_cold(node):
    """Takes the node's data files out of the kernel's memory, as far as they are on disk: what reads
    them next has to wait for the disk."""
    for path in files(node, ""):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue  # compacted away meanwhile
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
