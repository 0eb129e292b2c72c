"""Networks of their own for nodes: each node has a network namespace, joined to the others and to the clients
by a bridge. Between two nodes packets can be dropped, in both directions or in one; clients always get
through. Everything is taken down whatever happens.
"""
import contextlib
import ipaddress
import os
import random
import subprocess

TABLE = "fault"


class Net:
    """The namespaces by number, and what is cut."""

    def __init__(self, tag, base, count):
        self.tag = tag
        self.base = base
        self.names = [f"{tag}n{number}" for number in range(count)]

    def host(self, number):
        return str(self.base + 1 + number)

    def prefix(self, number):
        """A command in front of a node's."""
        return ("ip", "netns", "exec", self.names[number])

    def cut(self, pairs, reset=False):
        """From now on nothing gets from a to b for the pairs (a, b), and only for these. With `reset`
        connections are reset instead of hanging."""
        verdict = "reject with tcp reset" if reset else "drop"
        for number, name in enumerate(self.names):
            sources = [self.host(a) for a, b in pairs if b == number]
            rules = [f"add table inet {TABLE}", f"delete table inet {TABLE}"]
            if sources:
                rules += [
                    f"add table inet {TABLE}",
                    f"add chain inet {TABLE} input {{ type filter hook input priority 0; }}",
                    f"add rule inet {TABLE} input ip saddr {{ {', '.join(sources)} }} "
                    f"meta l4proto tcp {verdict}",
                ]
            _run("ip", "netns", "exec", name, "nft", "-f", "-", stdin="\n".join(rules))

    def heal(self):
        self.cut([])


def islands(*groups):
    """The pairs to cut so that only nodes of one group reach each other."""
    pairs = []
    for group in groups:
        others = [number for other in groups if other is not group for number in other]
        pairs += [(a, b) for a in group for b in others]
    return pairs


@contextlib.contextmanager
def network(count):
    """Yields a Net of so many namespaces."""
    rng = random.SystemRandom()
    tag = f"shf{os.getpid() % 100000}{rng.choice('abcdefghij')}"
    base = ipaddress.IPv4Address(f"10.{rng.randrange(64, 250)}.{rng.randrange(1, 250)}.0")
    net = Net(tag, base, count)
    bridge = f"{tag}b"
    with contextlib.ExitStack() as stack:
        _run("ip", "link", "add", bridge, "type", "bridge")
        stack.callback(_run, "ip", "link", "del", bridge)
        _run("ip", "addr", "add", f"{base + 254}/24", "dev", bridge)
        _run("ip", "link", "set", bridge, "up")
        for number, name in enumerate(net.names):
            _run("ip", "netns", "add", name)
            stack.callback(_run, "ip", "netns", "del", name)
            inside, outside = f"{tag}i{number}", f"{tag}o{number}"
            _run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
            stack.callback(_run, "ip", "link", "del", outside)
            _run("ip", "link", "set", outside, "master", bridge, "up")
            _run("ip", "-n", name, "addr", "add", f"{net.host(number)}/24", "dev", inside)
            _run("ip", "-n", name, "link", "set", inside, "up")
            _run("ip", "-n", name, "link", "set", "lo", "up")
        yield net


def _run(*command, stdin=""):
    done = subprocess.run(command, input=stdin.encode(), capture_output=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.decode(errors='replace')}"
