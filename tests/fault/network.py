"""Networks of their own for nodes: each node has a network namespace, joined to the others and to
the clients by a bridge. What is wanted of the links between them (wishes.py) is kept by who wants
it, and each namespace's packet filter, slow link and rate are made anew from all of it; clients
always get through. Everything has a name that begins with the network's tag, so that it can be
taken down whatever happened.
"""
import contextlib
import ipaddress
import os
import random
import re
import subprocess
import threading

import run
from wishes import Cut, filter_rules, narrowest, slow_setting

HOSTS_MAX = 250
CLIENTS = 254  # the last number of the clients' address
SLOW_LINK = "tests/fault/slow-link"
ENDS_S = 10
BURST_BYTES = 32 * 1024
BACKLOG_MS = 300  # of a narrow line; what is beyond is dropped


class Net:
    """The namespaces by number, and what is wanted. Used by several threads."""

    def __init__(self, tag=None):
        rng = random.SystemRandom()
        self.tag = tag or f"shf{os.getpid() % 100000}{rng.choice('abcdefghij')}"
        self.base = ipaddress.IPv4Address(f"10.{rng.randrange(64, 250)}.{rng.randrange(1, 250)}.0")
        self.subnet = f"{self.base}/24"
        self.clients = str(self.base + CLIENTS)
        self._hosts = {}  # number -> _Namespace
        self._wishes = {}  # who -> what it wants
        self._lock = threading.RLock()
        self._bridge = f"{self.tag}b"
        try:
            _run("ip", "link", "add", self._bridge, "type", "bridge")
            _run("ip", "addr", "add", f"{self.clients}/24", "dev", self._bridge)
            _run("ip", "link", "set", self._bridge, "up")
        except BaseException:
            remove(self.tag)
            raise

    def add(self, number):
        """A host more; what is wanted of all holds for it at once."""
        assert 0 <= number < HOSTS_MAX and number not in self._hosts
        with self._lock:
            self._hosts[number] = _Namespace(self, number, self._bridge)
            self._apply()

    def host(self, number):
        return str(self.base + 1 + number)

    def namespace(self, number):
        return f"{self.tag}n{number}"

    def prefix(self, number):
        """A command in front of a node's."""
        return ("ip", "netns", "exec", self.namespace(number))

    def want(self, who, wishes):
        """From now on `who` wants these (wishes.py), and nothing else any more."""
        with self._lock:
            self._wishes[who] = list(wishes)
            self._apply()

    def unwant(self, who):
        with self._lock:
            if self._wishes.pop(who, None):
                self._apply()

    def wishes(self):
        """All that is wanted, by whomever."""
        with self._lock:
            return [wish for wishes in self._wishes.values() for wish in wishes]

    def reset(self, number):
        """Resets the connections that the host has with other hosts: how many there were."""
        before = self._connections(number)
        self._connections(number, "-K")
        left = before & self._connections(number)
        if left:
            raise run.CantRun("this kernel resets no connections by request (INET_DIAG_DESTROY)")
        return len(before)

    def _connections(self, number, *flags):
        """Those that the host has with other hosts, each as its two ends."""
        said = _run(*self.prefix(number), "ss", "-H", "-n", "-t", "-O", *flags, "state",
                    "established", f"( dst {self.subnet} and ! dst {self.clients} )")
        return {tuple(line.split()[2:4]) for line in said.splitlines()}

    def cut(self, pairs, reset=False):
        """From now on nothing gets from a to b for the pairs (a, b), and only for these. With
        `reset` connections are reset instead of hanging."""
        self.want("cut", [Cut(a, b, reset) for a, b in pairs])

    def heal(self):
        self.unwant("cut")

    def remove(self):
        """Ends its slow links and takes it down. Nodes in it have to be gone."""
        with self._lock:
            with contextlib.ExitStack() as stack:
                stack.callback(remove, self.tag)
                for host in self._hosts.values():
                    stack.callback(host.end_slow)
                self._hosts.clear()

    def _apply(self):
        wishes = self.wishes()
        filters = [host.set_filter(filter_rules(wishes, number, self))
                   for number, host in self._hosts.items()]
        for finish in filters:
            finish()
        for number, host in self._hosts.items():
            host.set_slow(slow_setting(wishes, number))
            host.set_rate(narrowest(wishes, number))


class _Namespace:
    """Of one host: what it is set to, and how it is set to something else."""

    def __init__(self, net, number, bridge):
        self._net = net
        self._name = net.namespace(number)
        self._inside, self._outside = f"{net.tag}i{number}", f"{net.tag}o{number}"
        self._prefix = net.prefix(number)
        self._seed = number
        self._rules = filter_rules([], number, net)
        self._slow = None
        self._slow_link = None  # the process
        self._rate = None
        _run("ip", "netns", "add", self._name)
        _run("ip", "link", "add", self._outside, "type", "veth", "peer", "name", self._inside,
             "netns", self._name)
        _run("ip", "link", "set", self._outside, "master", bridge, "up")
        _run("ip", "-n", self._name, "addr", "add", f"{net.host(number)}/24", "dev", self._inside)
        _run("ip", "-n", self._name, "link", "set", self._inside, "up")
        _run("ip", "-n", self._name, "link", "set", "lo", "up")

    def set_filter(self, rules):
        """Begins it, in all hosts as nearly at once as it goes; the function that waits for it."""
        if rules == self._rules:
            return lambda: None
        self._rules = rules
        return _begin(*self._prefix, "nft", "-f", "-", stdin=rules)

    def set_slow(self, setting):
        if setting == self._slow:
            return
        before, self._slow = self._slow, setting
        if before is None:
            self._slow_link = _SlowLink(self._prefix, self._seed, setting)
            self._queue(True)
        elif setting is None:
            self.end_slow()
        else:
            self._slow_link.set(setting)

    def end_slow(self):
        """The link first: what is held when the queue's rule goes is dropped."""
        link, self._slow_link = self._slow_link, None
        if link is not None:
            try:
                link.end()
            finally:
                self._queue(False)

    def _queue(self, wanted):
        """Has packets from and to other hosts go through the slow link: if that one is gone they
        pass. By iptables, as many a kernel has NFQUEUE for it, but no queues for nft."""
        rules = ["*filter"]
        for chain, way, side, number in (("INPUT", "-i", "-s", 0), ("OUTPUT", "-o", "-d", 1)):
            if wanted:
                rules += [f"-A {chain} {side} {self._net.clients} -j ACCEPT",
                          f"-A {chain} {way} {self._inside} {side} {self._net.subnet} -j NFQUEUE "
                          f"--queue-num {number} --queue-bypass"]
        _run(*self._prefix, "iptables-restore", stdin="\n".join([*rules, "COMMIT", ""]))

    def set_rate(self, bytes_s):
        if bytes_s == self._rate:
            return
        self._rate = bytes_s
        for where, device in ((("-n", self._name), self._inside), ((), self._outside)):
            if bytes_s is None:
                _run("tc", *where, "qdisc", "del", "dev", device, "root")
            else:
                _run("tc", *where, "qdisc", "replace", "dev", device, "root", "tbf", "rate",
                     f"{round(bytes_s)}bps", "burst", str(BURST_BYTES), "latency",
                     f"{BACKLOG_MS}ms")


class _SlowLink:
    """The process that holds packets back. It ends when its stdin does, and so with us."""

    def __init__(self, prefix, seed, setting):
        self._process = subprocess.Popen([*prefix, run.program(SLOW_LINK), str(seed)],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE)
        if self._process.stdout.readline() != b"ready\n":
            _, said = self._process.communicate(timeout=ENDS_S)
            raise run.CantRun(said.decode(errors="replace").strip() or "slow-link does not start")
        self.set(setting)

    def set(self, setting):
        self._process.stdin.write(setting.encode())
        self._process.stdin.flush()

    def end(self):
        try:
            _, said = self._process.communicate(timeout=ENDS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
        assert self._process.returncode == 0, f"slow-link: {said.decode(errors='replace')}"


def slow_links_lack():
    """What is missing here for Slow and Untidy, or None."""
    try:
        run.need("iptables-restore")
        run.program(SLOW_LINK)
    except run.CantRun as reason:
        return f"{reason} (it needs the package libnetfilter-queue-dev when Shoal is built)"
    return None


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
    net = None
    try:
        net = Net()
        for number in range(count):
            net.add(number)
        yield net
    finally:
        if net is not None:
            net.remove()


def remove(tag):
    """Whatever there is of the network of this tag, by its names alone."""
    assert re.fullmatch(r"\w{2,9}", tag)
    names = [line.split()[0] for line in _run("ip", "netns", "list").splitlines() if line.strip()]
    links = re.findall(r"^\d+: (\w+)", _run("ip", "-o", "link", "show"), re.MULTILINE)
    for name in links:
        if re.fullmatch(tag + r"(o\d+|b)", name):
            _run("ip", "link", "del", name)
    for name in names:
        if re.fullmatch(tag + r"n\d+", name):
            _run("ip", "netns", "del", name)


def _begin(*command, stdin=""):
    """Starts it; the function that waits, and gives what it said."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdin.write(stdin.encode())  # a few lines: they fit into the pipe
    process.stdin.close()
    process.stdin = None

    def finish():
        out, err = process.communicate()
        assert process.returncode == 0, f"{' '.join(command)}: {err.decode(errors='replace')}"
        return out.decode(errors="replace")

    return finish


def _run(*command, stdin=""):
    return _begin(*command, stdin=stdin)()
