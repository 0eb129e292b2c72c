"""The machines of a run: hosts with a network, a disk and a clock of their own and a node on each, in
the state in which faults have put them. Who wants a node down or paused is kept by who wants it, so
that faults overlap; an operator (`tend`) starts again whatever ended without anybody wanting it, and
what ended for no good reason is taken down as a problem.
"""
import contextlib
import os
import shutil
import signal
import time

import membership
import network
import nodes
from membership import IN, OUT, REMOVED
from nodes import cluster

PORTS = {"client_port": 3000, "peer_port": 4000, "redis_port": 6300, "http_port": 8000}
SETTINGS = {
    "heartbeat": {"interval_ms": 100},
    "limits": {"request_timeout_ms": 1000},
    "repair": {"interval_ms": 1000},
}
SECRET = "0123456789abcdef" * 2
RESTART_S = 0.5  # between an unwanted end and the operator's start
SUSPECT_S = 2.0  # what a disk has done to a node shows in so much time after it is well again
STOP_S = 30.0  # in which SIGTERM has to end a node
READY_S = 60.0


class Host:
    """One machine with its node."""

    def __init__(self, arena, number, node):
        self.arena = arena
        self.number = number  # from 0
        self.node = node
        self.name = node.name
        self.address = arena.net.host(number)
        self.state = OUT
        self.disk = None  # a disks.FaultyDisk, where the scenario uses "disk"
        self.clock = None  # a clocks.Clock, where it uses "clock"
        self.boot = None  # a boots.Boot, where it uses "boot"
        self.troubles = set()  # faults that are being done to it now
        self._suspected = 0.0  # until when an operator looks at its storage
        self._down = set()
        self._paused = set()
        self._ended = None  # when it was seen to have ended unwanted
        self._stopping = None  # until when an orderly end may take
        self._heeds = True  # was ready then: one that is only being started ends as any process does

    @property
    def alive(self):
        return self.node.process is not None and self.node.process.poll() is None

    @property
    def running(self):
        return self.alive and not self._paused

    @property
    def excused(self):
        """Whether its node may end by itself, with a word about why: its disk fails it."""
        return self.suspected or (self.disk is not None and self.disk.fails)

    @property
    def suspected(self):
        return time.monotonic() < self._suspected

    @property
    def wanted(self):
        """Whether its node should run now."""
        return not self._down and self.state != REMOVED

    def launch(self):
        """Starts the node and doesn't wait."""
        self._ended = None
        self.node.launch(environment=self.clock.environment() if self.clock else None)

    def kill(self, who):
        """kill -9, of one that has ended or is being ended, too."""
        self._down.add(who)
        self._kill()

    def stop(self, who):
        """SIGTERM; `tend` sees to it that it ends."""
        self._down.add(who)
        if self.alive:
            self._continue()
            self._heeds = os.path.exists(os.path.join(self.node.data_dir, "ports.json"))
            self.node.process.send_signal(signal.SIGTERM)
            self._stopping = time.monotonic() + STOP_S

    def start(self, who):
        """Starts it, once nobody else wants it down."""
        self._down.discard(who)
        if self.wanted and self._stopping is None and self.node.process is None:
            self.launch()

    def pause(self, who):
        self._paused.add(who)
        if self.alive:
            self.node.pause()

    def resume(self, who):
        self._paused.discard(who)
        if not self._paused and self.alive:
            self.node.resume()

    def suspect_storage(self):
        """Its disk was bad and is well again: if the node says that its storage has failed, `tend`
        restarts it."""
        self._suspected = time.monotonic() + SUSPECT_S

    def tend(self):
        """What an operator does who sees the process list, and sometimes `shoal status`."""
        if self.suspected and self.alive and not self._paused and not self.disk.fails and \
                nodes.says_failed(self.node):
            self.arena.say(f"{self.name} says that its storage has failed: restarted")
            self.kill(self)
            self.start(self)
        process = self.node.process
        if process is None:
            if self.wanted:
                self.launch()
            return
        status = process.poll()
        if status is None:
            if self._stopping is not None and time.monotonic() > self._stopping:
                self.arena.wrong(f"{self.name} does not stop within {STOP_S:.0f} s of a SIGTERM")
                self._kill()
            return
        if self._stopping is not None:
            self._reap_stopped(status)
        elif self._ended is None:
            self._ended = time.monotonic()
            self._judge_end(status)
        elif time.monotonic() - self._ended >= RESTART_S:
            self.node.process = None

    def shut(self):
        """At the end of the run, the orderly way."""
        self._down.add(self)
        self._paused.clear()
        if not self.alive:
            self.node.process = None
            return
        self._continue()
        try:
            status = self.node.stop()
        except AssertionError:
            self.arena.wrong(f"{self.name} does not stop at the end")
            return
        if status != 0:
            self.arena.wrong(f"{self.name} ended with status {status} when asked to stop: "
                             f"{self.node.log_tail(5)}")

    def _kill(self):
        self._stopping = None
        if self.node.process is not None:
            if self._ended is None and self.node.process.poll() not in (None, 0):
                self._judge_end(self.node.process.returncode)
            self.node.kill()

    def _continue(self):
        if self._paused:
            self.node.resume()

    def _reap_stopped(self, status):
        self._stopping = None
        self.node.process = None
        if status != 0 and (self._heeds or status != -signal.SIGTERM):
            self._judge_end(status)
        if self.wanted:
            self.launch()

    def _judge_end(self, status):
        """1 is an end with a word about why; anything else is a crash."""
        text = f"{self.name} has ended by itself with status {status}"
        self.arena.record.note(text)
        if status != 1 or not self.excused:
            self.arena.wrong(f"{text}: {self.node.log_tail(10)}")


class Arena:
    """Use as a context manager: the cluster of the scenario, formed and settled; afterwards nothing is
    left of it. `problems`: what the nodes themselves did wrong, as text."""

    def __init__(self, scenario, record, folder):
        self.scenario = scenario
        self.record = record
        self.folder = folder
        self.hosts = []
        self.net = None
        self.problems = []
        self.operator = membership.Operator(self)
        self._group = None
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_):
        with self._stack:
            for host in self.hosts:
                host.shut()

    # ---- who is there -----------------------------------------------------------------------------

    def members(self):
        """Hosts that belong to the cluster, up or not."""
        return [host for host in self.hosts if host.state == IN]

    def coming(self):
        """Hosts that are there and have never been members."""
        return [host for host in self.hosts if host.state == OUT]

    def asked(self):
        """Nodes that clients may ask: they find out for themselves who is up."""
        return [host.node for host in self.hosts if host.state == IN]

    def host(self, name):
        for host in self.hosts:
            if host.name == name:
                return host
        raise LookupError(f"there is no {name} in this run")

    def up(self):
        """One that runs, undisturbed if there is one: whom an operator asks."""
        running = [host for host in self.members() if host.running]
        return next((host for host in running if not host.troubles), running[0] if running else None)

    # ---- what happens -----------------------------------------------------------------------------

    def wrong(self, text):
        """A node did what no node may do."""
        self.record.note(f"WRONG: {text}")
        self.problems.append(text)

    def say(self, text):
        self.record.note(text)

    def suspects(self):
        """Whether an operator has an eye on somebody yet."""
        return any(host.suspected for host in self.members())

    def tend(self):
        for host in self.hosts:
            host.tend()
        self.operator.tend()

    def add_host(self):
        """An empty one, its node running and in no cluster of others (state OUT): `join` is for faults."""
        number = len(self.hosts)
        self.net.add(number)
        facts = self.scenario.cluster
        listen = {"host": self.net.host(number), **PORTS}
        if facts.nodes == 1:
            listen["peer_port"] = None
        settings = {
            **SETTINGS,
            "listen": listen,
            "workers": facts.workers,
            "storage": nodes.storage(facts.engine, facts.durability),
            "quorum": {"n": facts.n, "r": facts.r, "w": facts.w, "sloppy": facts.sloppy},
            "cluster": {"name": "fault", "partitions": facts.partitions, "secret_file": self._secret},
        }
        if facts.engine == "memory":
            settings["storage"] = {"engine": "memory"}
        disk = None
        if "disk" in self.scenario.uses:
            import disks
            disk = self._stack.enter_context(disks.FaultyDisk(self.folder, f"disk{number + 1}"))
            settings["data_dir"] = disk.path
        node = self._group.add_node(**settings)
        node.prefix = self.net.prefix(number)
        node.ports = {name: port for name, port in PORTS.items() if listen[name] is not None}
        host = Host(self, number, node)
        host.disk = disk
        if "clock" in self.scenario.uses:
            import clocks
            host.clock = clocks.Clock(self.folder, node.name)
        if "boot" in self.scenario.uses:
            import boots
            host.boot = boots.Boot(self.folder, node.name)
            node.prefix = (*node.prefix, *host.boot.prefix())
        self.hosts.append(host)
        host.launch()
        node.wait_ready()
        return host

    def keep_logs(self, folder):
        """Copies of what the nodes have logged."""
        for host in self.hosts:
            if os.path.exists(host.node.log_path):
                shutil.copyfile(host.node.log_path, os.path.join(folder, f"{host.name}.log"))

    def _build(self):
        self._secret = os.path.join(self.folder, "secret")
        with open(self._secret, "w", encoding="utf-8") as file:
            file.write(SECRET)
        self.net = self._stack.enter_context(network.network(0))
        self._group = cluster.Cluster(0, joined=False)
        self._stack.callback(self._end_group)
        self._stack.callback(self.operator.end)
        for _ in range(self.scenario.cluster.nodes):
            self.add_host()
        for host in self.hosts:
            host.state = IN
        nodes.form(self._group)

    def _end_group(self):
        """Whatever is still running is ended, and its folders go."""
        for host in self.hosts:
            if host.node.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    host.node.kill()
        self._group.__exit__(None)
