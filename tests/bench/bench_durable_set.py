"""Durable SETs: Redis with an append-only file synced before every answer, under redis-benchmark,
beside one node of Shoal with the log engine and durability `sync`, under `shoal bench`; the same
connections, depth, values and number of keys, over TCP, in lockstep, in turns, so that the ratio holds on a
machine whose speed drifts. Then the log engine with durability `os` beside the memory engine.

Usage: bench_durable_set.py [ROUNDS [WORKERS]] (3, and one worker a core). Redis serves with one thread; with as
many workers as cores Shoal leaves none to its clients and its own disk threads: on a small machine that runs the
clients too, one worker less is the better choice. Prints each round and medians: throughput, and the CPU time
of the server an operation. The data lies in TMPDIR, which should be on a real disk.
SHOAL_SERVER and SHOAL_CLI name the programs; `meson test --benchmark` sets them.
"""
import csv
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from cluster import Cluster, wait_until  # noqa: E402
from ports import free_port  # noqa: E402

CONNECTIONS = 50
KEYS = 100000
VALUE_BYTES = 100
DEPTHS = (1, 16)
SECONDS = 3
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """What all threads of the process have used, those that ended too."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Redis:
    """One redis-server on a port that was free a moment ago, with a folder of its own."""

    name = "redis, appendfsync always"

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="shoal-bench-redis-")
        self._port = str(free_port())
        self._process = subprocess.Popen(
            ["redis-server", "--port", self._port, "--bind", "127.0.0.1",
             "--dir", self._folder.name, "--save", "", "--appendonly", "yes",
             "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(self._answers, "redis-server answers")
        self._requests = {depth: 1000 * depth for depth in DEPTHS}
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def _answers(self):
        assert self._process.poll() is None, "redis-server has ended"
        try:
            socket.create_connection(("127.0.0.1", int(self._port)), timeout=1).close()
            return True
        except OSError:
            return False

    def measure(self, depth):
        """Operations a second, and the server's CPU time for one. Redis' benchmark takes a number of
        requests instead of a duration: as many as the last round would have needed."""
        before = cpu_seconds(self._process.pid)
        count = self._requests[depth]
        out = subprocess.run(
            ["redis-benchmark", "-p", self._port, "-t", "set", "-c", str(CONNECTIONS),
             "-P", str(depth), "-r", str(KEYS), "-d", str(VALUE_BYTES), "-n", str(count), "--csv"],
            stdout=subprocess.PIPE, check=True, text=True).stdout
        rows = list(csv.reader(out.splitlines()))
        per_second = float(next(row for row in rows if row[0] == "SET")[1])
        self._requests[depth] = int(per_second * SECONDS)
        return per_second, (cpu_seconds(self._process.pid) - before) / count


class Shoal:
    """One node that is a cluster of its own."""

    def __init__(self, name, workers, **storage):
        self.name = name
        self._cluster = Cluster(1, cluster={"partitions": 256}, quorum={"n": 1, "r": 1, "w": 1},
                                workers=workers, storage=storage)

    def __enter__(self):
        self._cluster.__enter__()
        return self

    def __exit__(self, *exception):
        self._cluster.__exit__(*exception)

    def measure(self, depth, mix="1:0"):
        node = self._cluster.nodes[0]
        outcome = node.shoal("bench", "--lockstep", "--connections", str(CONNECTIONS), "--pipeline", str(depth),
                             "--keys", str(KEYS), "--value-size", str(VALUE_BYTES), "--mix", mix,
                             "--duration", f"{SECONDS}s", "--json",
                             "--server-pid", str(node.process.pid))
        if outcome.status != 0 or outcome.json()["errors"]:
            raise SystemExit(f"shoal bench failed: {outcome}")
        figures = outcome.json()
        return figures["all"]["per_second"], figures["server_cpu_us_per_request"] / 1e6


def sync_us(folder):
    """What the disk takes for an append of 4 KiB and its sync."""
    took = []
    with open(os.path.join(folder, "sync"), "wb", buffering=0) as file:
        for _ in range(50):
            begin = time.monotonic()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            took.append(time.monotonic() - begin)
    return statistics.median(took) * 1e6


def compare(rounds, first, second, workloads):
    """Measures both in turns, each workload being a name and the arguments of `measure`, and prints
    the medians and what the second is to the first."""
    for server in (first, second):
        for _, arguments in workloads:
            server.measure(*arguments)  # fills it, and tells Redis' number of requests
    for name, arguments in workloads:
        figures = {server: [] for server in (first, second)}
        for _ in range(rounds):
            for server in (first, second):
                per_second, cpu = server.measure(*arguments)
                figures[server].append((per_second, cpu))
                print(f"{name:18} {server.name:26} {per_second:10.0f}/s  CPU {cpu * 1e6:7.2f} us",
                      flush=True)
        medians = {server: [statistics.median(column) for column in zip(*figures[server])]
                   for server in (first, second)}
        print(f"{name}: {second.name} over {first.name}, medians of {rounds}: throughput "
              f"{medians[second][0] / medians[first][0]:.2f}, CPU an operation "
              f"{medians[second][1] / medians[first][1]:.2f}", flush=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder:
        print(f"an append of 4 KiB and its sync: {sync_us(folder):.0f} us, "
              f"{os.cpu_count()} processors, {workers or os.cpu_count()} workers, in {tempfile.gettempdir()}")
    durable = [(f"set, {depth} deep", (depth,)) for depth in DEPTHS]
    if shutil.which("redis-server") and shutil.which("redis-benchmark"):
        with Redis() as redis, Shoal("shoal, log, sync", workers, engine="log",
                                       durability="sync") as shoal:
            compare(rounds, redis, shoal, durable)
    else:
        print("no redis-server and redis-benchmark to compare with")
    with Shoal("shoal, memory", workers, engine="memory") as memory, \
            Shoal("shoal, log, os", workers, engine="log", durability="os") as log:
        compare(rounds, memory, log, [("set, 16 deep", (16, "1:0")), ("get, 16 deep", (16, "0:1")),
                                      ("set and get", (16, "1:1"))])


if __name__ == "__main__":
    if "--help" in sys.argv:
        sys.exit(print(__doc__))
    main()
