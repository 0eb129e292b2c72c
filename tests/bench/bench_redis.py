"""What a Redis command costs: redis-server beside one node of Shoal (memory engine, one worker) under
redis-benchmark, the same commands in turns, so that the ratio holds on a machine whose speed drifts. Then a
Redis primary with two replicas beside three nodes of Shoal with N=3, R=W=2, all servers counted; these two
promise different things: the primary answers before any replica has the write.

Usage: bench_redis.py [ROUNDS [DEPTHS]] (3, and 1,16,64). Prints each median: the CPU time of the servers an
operation, from /proc/PID/stat, and throughput, and what Shoal's are to Redis'. SHOAL_SERVER and SHOAL_CLI name
the programs; `meson test --benchmark` sets them.
"""
import csv
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from cluster import Cluster, wait_until  # noqa: E402
from ports import free_port  # noqa: E402

CONNECTIONS = 50
KEYS = 100000
VALUE_BYTES = 100
SECONDS = 2
TICKS = os.sysconf("SC_CLK_TCK")
COMMANDS = ("set", "get", "incr", "mset")


def cpu_seconds(pids):
    """What all threads of the processes have used, those that ended too."""
    used = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / TICKS


class Measured:
    """Servers with a Redis port to be loaded at; `pids` are all of them."""

    def __init__(self):
        self._requests = {}

    def measure(self, command, depth):
        """Operations a second, and the servers' CPU time for one. redis-benchmark takes a number of
        requests instead of a duration: as many as the last round would have needed."""
        count = self._requests.get((command, depth), 2000 * depth)
        before = cpu_seconds(self.pids)
        out = subprocess.run(
            ["redis-benchmark", "-p", str(self.port), "-t", command, "-c", str(CONNECTIONS),
             "-P", str(depth), "-r", str(KEYS), "-d", str(VALUE_BYTES), "-n", str(count), "--csv"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True, text=True).stdout
        rows = list(csv.reader(out.splitlines()))
        per_second = float(next(row for row in rows if row[0].lower().startswith(command))[1])
        self._requests[command, depth] = int(per_second * SECONDS)
        return per_second, (cpu_seconds(self.pids) - before) / count * 1e6


class Redis(Measured):
    """A redis-server on a port that was free a moment ago, and as many replicas of it."""

    def __init__(self, replicas=0):
        super().__init__()
        self.name = "redis" if replicas == 0 else f"redis, {replicas} replicas"
        self._replicas = replicas
        self._processes = []

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="shoal-bench-redis-")
        self.port = self._start()
        for _ in range(self._replicas):
            self._start("--replicaof", "127.0.0.1", str(self.port), "--repl-diskless-sync-delay", "0")
        wait_until(self._synced, "replicas are in step")
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.terminate()
            process.wait()
        self._folder.cleanup()

    @property
    def pids(self):
        return [process.pid for process in self._processes]

    def _start(self, *arguments):
        port = free_port()
        process = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", self._folder.name,
             "--save", "", "--appendonly", "no", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self._processes.append(process)
        wait_until(lambda: self._answers(process, port), "redis-server answers")
        return port

    @staticmethod
    def _answers(process, port):
        assert process.poll() is None, "redis-server has ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False

    def _synced(self):
        out = subprocess.run(["redis-cli", "-p", str(self.port), "info", "replication"],
                             stdout=subprocess.PIPE, check=True, text=True).stdout
        return out.count("state=online") == self._replicas


class Shoal(Measured):
    """Nodes with one worker each, in memory; the first is loaded."""

    def __init__(self, nodes, **quorum):
        super().__init__()
        self.name = "shoal" if nodes == 1 else f"shoal, {nodes} nodes"
        self._cluster = Cluster(nodes, cluster={"partitions": 256}, quorum=quorum, workers=1,
                                storage={"engine": "memory"})

    def __enter__(self):
        self._cluster.__enter__()
        return self

    def __exit__(self, *exception):
        self._cluster.__exit__(*exception)

    @property
    def port(self):
        return self._cluster.nodes[0].ports["redis_port"]

    @property
    def pids(self):
        return [node.process.pid for node in self._cluster.nodes]


def compare(rounds, depths, redis, shoal):
    """Measures both in turns and prints the medians."""
    for depth in depths:
        for command in COMMANDS:
            figures = {server: [] for server in (redis, shoal)}
            for server in (redis, shoal):
                server.measure(command, depth)  # fills it, and tells how many requests are enough
            for _ in range(rounds):
                for server in (redis, shoal):
                    figures[server].append(server.measure(command, depth))
            rate, cpu = ({server: statistics.median(row[column] for row in figures[server])
                          for server in (redis, shoal)} for column in (0, 1))
            print(f"{command:5} {depth:2} deep  {redis.name} {cpu[redis]:6.2f} us {rate[redis]:8.0f}/s  "
                  f"{shoal.name} {cpu[shoal]:6.2f} us {rate[shoal]:8.0f}/s  "
                  f"CPU {cpu[shoal] / cpu[redis]:5.2f}  throughput {rate[shoal] / rate[redis]:5.2f}",
                  flush=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    depths = [int(depth) for depth in (sys.argv[2] if len(sys.argv) > 2 else "1,16,64").split(",")]
    if not shutil.which("redis-server") or not shutil.which("redis-benchmark"):
        sys.exit(print("no redis-server and redis-benchmark to compare with"))
    print(f"{CONNECTIONS} connections, {KEYS} keys, values of {VALUE_BYTES} bytes, medians of {rounds}; "
          "mset sets 10 keys", flush=True)
    with Redis() as redis, Shoal(1, n=1, r=1, w=1) as shoal:
        compare(rounds, depths, redis, shoal)
    with Redis(replicas=2) as redis, Shoal(3, n=3, r=2, w=2) as shoal:
        compare(rounds, depths, redis, shoal)


if __name__ == "__main__":
    if "--help" in sys.argv:
        sys.exit(print(__doc__))
    main()
