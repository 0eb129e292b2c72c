"""Real nodes for tests: starts shoal-server processes on ephemeral ports in a folder of their own, joins
them into a cluster, runs the shoal command against them, and ends each by its own pid. What is
waited for has a deadline; nothing sleeps for a fixed time in the hope that it is enough.

The programs are named by the environment: SHOAL_SERVER and SHOAL_CLI (paths).
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from ports import free_port  # noqa: E402

DEADLINE_S = float(os.environ.get("SHOAL_TEST_DEADLINE", "60"))
POLL_S = 0.02
PATIENCE_S = 50  # for one request, of nodes and of the command: a machine may stop for seconds
PATIENTLY = ["--timeout", f"{PATIENCE_S}s"]
SERVICES = ("client_port", "peer_port", "redis_port", "http_port")


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Polls until the condition returns something true, which is returned."""
    end = time.monotonic() + deadline_s
    while True:
        outcome = condition()
        if outcome:
            return outcome
        if time.monotonic() >= end:
            raise AssertionError(f"in {deadline_s:.0f} s it has not come to this: {what}")
        time.sleep(POLL_S)


def plain_environment():
    """The environment without what would configure Shoal; a rule to be broken (scripts/mutants) stays."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SHOAL_") or name == "SHOAL_MUTANT"
    }


class Outcome:
    """What a run of the shoal command came to."""

    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    def json(self):
        """The one line of JSON on stdout."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"not one line: {self.out!r} {self.err!r}"
        return json.loads(lines[0])

    def error(self):
        """The one line of JSON on stderr."""
        lines = self.err.splitlines()
        assert len(lines) == 1, f"not one line: {self.err!r}"
        return json.loads(lines[0])

    def __repr__(self):
        return f"status {self.status}, out {self.out[:2000]!r}, err {self.err[:2000]!r}"


def shoal(*arguments, stdin=b"", environment=None, timeout_s=DEADLINE_S):
    """Runs the shoal command; arguments are str or bytes."""
    variables = {**plain_environment(), **(environment or {})}
    process = subprocess.run(
        [os.environ["SHOAL_CLI"], *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables,
        timeout=timeout_s,
        check=False,
    )
    return Outcome(process)


class Node:
    """One shoal-server process and its folder."""

    def __init__(self, folder, name, settings):
        self.name = name
        self.folder = os.path.join(folder, name)
        self.data_dir = settings.get("data_dir") or os.path.join(self.folder, "data")
        self.config_path = os.path.join(self.folder, "config.json")
        self.log_path = os.path.join(self.folder, "log")
        self.settings = settings
        self.host = settings.get("listen", {}).get("host", "127.0.0.1")
        self.prefix = ()  # what stands before every start: a command that becomes the server
        self.process = None
        self.ports = {}
        os.makedirs(self.folder)
        os.makedirs(self.data_dir, exist_ok=True)
        self._write_config()

    def _write_config(self):
        config = {
            "node": {"name": self.name, "zone": "a", "weight": 1},
            "listen": {
                "host": self.host,
                **{service: self.ports.get(service, 0) for service in SERVICES},
            },
            "data_dir": self.data_dir,
            "storage": {"engine": "memory"},
            "cluster": {"name": "test", "partitions": 64},
            "heartbeat": {"interval_ms": 100},
            "limits": {"request_timeout_ms": PATIENCE_S * 1000},
            "workers": 2,
        }
        for section, values in self.settings.items():
            if isinstance(values, dict):
                config.setdefault(section, {}).update(values)
            else:
                config[section] = values
        with open(self.config_path, "w", encoding="utf-8") as file:
            json.dump(config, file, indent=2)

    def start(self, **options):
        """Starts it and waits until it has written down its ports. The options are launch's."""
        self.launch(**options)
        return self.wait_ready()

    def launch(self, prefix=(), environment=None):
        """Only starts it: behind this prefix after its own, with more environment variables. A restart
        keeps the ports, so that its peers and clients find it again."""
        self._take_ports()
        self._write_config()
        if os.path.exists(self._ports_path):
            os.unlink(self._ports_path)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, *prefix, os.environ["SHOAL_SERVER"], "--config", self.config_path],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**plain_environment(), **(environment or {})},
            )

    def _take_ports(self):
        """One for each service that has none and isn't told one: held, so that nobody else has it when
        the node comes back."""
        for service in SERVICES:
            if service not in self.ports and service not in self.settings.get("listen", {}):
                self.ports[service] = free_port(self.host)

    def wait_ready(self):
        self.ports = wait_until(self._read_ports, f"{self.name} has ports")
        return self

    @property
    def _ports_path(self):
        return os.path.join(self.data_dir, "ports.json")

    def _read_ports(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} has ended:\n{self.log_tail()}")
        try:
            with open(self._ports_path, encoding="utf-8") as file:
                return json.load(file)
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    @property
    def client_port(self):
        return str(self.ports["client_port"])

    @property
    def peer_port(self):
        return str(self.ports["peer_port"])

    @property
    def redis_port(self):
        return self.ports["redis_port"]

    @property
    def http_port(self):
        return self.ports["http_port"]

    @property
    def peer_address(self):
        """HOST:PEER_PORT, as join-cluster and seeds take it."""
        return f"[{self.host}]:{self.peer_port}" if ":" in self.host else f"{self.host}:{self.peer_port}"

    def move(self, host):
        """While it is stopped: from its next start on it listens at this address, on other ports."""
        self.host = host
        self.settings = {**self.settings,
                         "listen": {**self.settings.get("listen", {}), "host": host}}
        self.ports = {}

    def shoal(self, *arguments, **options):
        """Runs the shoal command against this node; again, if the node has asked another one in vain that was
        stopped just then."""
        at = ["-H", self.host, "-p", self.client_port]
        if arguments[0] != "watch" and "--timeout" not in arguments:  # which ends a watch
            at += PATIENTLY
        end = time.monotonic() + DEADLINE_S
        while True:
            outcome = shoal(arguments[0], *at, *arguments[1:], **options)
            in_vain = b"no answer in time" in outcome.err and b"nothing was changed" in outcome.err
            if not in_vain or time.monotonic() >= end:
                return outcome

    def status(self):
        """The cluster as this node sees it, or None while it doesn't say."""
        outcome = self.shoal("status", "--json")
        return outcome.json() if outcome.status == 0 else None

    def kill(self):
        """As a power cut would end it."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        """Asks it to end, and waits; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} does not stop:\n{self.log_tail()}") from None
        finally:
            self.process = None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def log_tail(self, lines=40):
        try:
            with open(self.log_path, "rb") as file:
                return b"\n".join(file.read().splitlines()[-lines:]).decode(errors="replace")
        except FileNotFoundError:
            return "(no log)"


class Cluster:
    """Several nodes. Use as a context manager: it ends what it has started."""

    def __init__(self, count, joined=True, **settings):
        self._folder = tempfile.TemporaryDirectory(prefix="shoal-test-")
        self.nodes = []
        self._made = 0
        self._count = count
        self._joined = joined
        self._settings = settings

    def __enter__(self):
        try:
            for _ in range(self._count):
                self.add_node().start()
            if self._joined:
                for node in self.nodes[1:]:
                    self.join(node)
                self.wait_settled()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, *_):
        """Asks the nodes to stop, and takes a bad end of one (a crash, a leak found) for a failure."""
        failed = []
        for node in self.nodes:
            if node.process is None:
                continue
            if kind is not None:
                node.resume()
                node.kill()
            elif node.stop() != 0:
                failed.append(node)
        for node in self.nodes if kind is not None else failed:
            print(f"-- log of {node.name}\n{node.log_tail()}", file=sys.stderr)
        self._folder.cleanup()
        assert not failed, f"{[node.name for node in failed]} did not end well"

    def add_node(self, **settings):
        self._made += 1  # a name is not given twice, also when nodes have been taken out
        name = f"node{self._made}"
        node = Node(self._folder.name, name, {**self._settings, **settings})
        self.nodes.append(node)
        return node

    def join(self, node):
        outcome = node.shoal("join-cluster", "--known-cluster-node", self.nodes[0].peer_address)
        assert outcome.status == 0, outcome
        return outcome

    def wait_settled(self, nodes=None):
        """Until every one of the nodes sees all of them up, in one layout, with nothing to sync."""
        nodes = nodes or self.nodes

        def settled():
            for node in nodes:
                status = node.status()
                if status is None or status["layout"]["live"] != 1:
                    return False
                states = {member["name"]: member for member in status["nodes"]}
                for other in nodes:
                    member = states.get(other.name)
                    if member is None or member["state"] != "up" or member["pending_sync"] > 0:
                        return False
            return True

        wait_until(settled, "all nodes are up and settled")


class _Result(unittest.TextTestResult):
    def startTest(self, test):
        super().startTest(test)
        self.stream.writeln(f"[ RUN      ] {test.id()}")
        self.stream.flush()


def main():
    """Runs the tests of the calling module, and sums up as cmocka does, which is what is counted."""
    program = unittest.main(
        module="__main__",
        exit=False,
        testRunner=unittest.TextTestRunner(resultclass=_Result, verbosity=0),
    )
    result = program.result
    bad = len(result.failures) + len(result.errors)
    print(f"[  PASSED  ] {max(result.testsRun - bad, 0)} test(s).")
    if bad:
        print(f"[  FAILED  ] {bad} test(s), listed above")
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
