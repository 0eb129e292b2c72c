#!/usr/bin/python3
"""What a thousand readers of the live feed cost other traffic: the throughput of shoal bench and the
node's CPU time with nobody reading, with one reader, and with a thousand, while a hundred matching
changes a second are made.

Usage: bench_feed.py [--readers 1000] [--rate 100] [--seconds 5] [--rounds 3] [--workers 2] [--nodes 1]

SHOAL_SERVER and SHOAL_CLI name the programs. The readers are plain sockets that this program reads
with as little work as it can; still it runs on the same machine, and what it takes is told."""
import argparse
import json
import os
import select
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import protocol  # noqa: E402
from support.cluster import Cluster, plain_environment  # noqa: E402
from support.websocket import WebSocket  # noqa: E402

TICK_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK_S


class Readers(threading.Thread):
    """Reads whatever comes on many sockets, and counts the events by their "op"."""

    def __init__(self, ports, count):
        super().__init__(daemon=True)
        self.sockets = [WebSocket(ports[i % len(ports)], "/wal?prefix=feed/") for i in range(count)]
        self.bytes = 0
        self.reads = 0
        self.over = False

    def run(self):
        poll = select.epoll()
        by_fd = {ws.socket.fileno(): ws.socket for ws in self.sockets}
        for ws in self.sockets:
            ws.socket.setblocking(False)
            poll.register(ws.socket, select.EPOLLIN)
        while not self.over:
            for fd, _ in poll.poll(0.1):
                self.bytes += len(by_fd[fd].recv(65536))
                self.reads += 1

    def stop(self):
        self.over = True
        self.join()
        for ws in self.sockets:
            ws.socket.close()


class Writer(threading.Thread):
    """Matching changes at a steady rate."""

    def __init__(self, port, rate):
        super().__init__(daemon=True)
        self.connection = protocol.Connection(port)
        self.rate = rate
        self.done = 0
        self.over = False

    def run(self):
        begun = time.monotonic()
        while not self.over:
            wait = begun + self.done / self.rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self.connection.ask(protocol.put(9, b"feed/%d" % (self.done % 1000), b"v" * 100))
            self.done += 1

    def stop(self):
        self.over = True
        self.join()
        self.connection.socket.close()


def traffic(nodes, seconds, prepared):
    """Requests a second of shoal bench, and the nodes' CPU microseconds meanwhile for each."""
    hosts = ",".join(f"127.0.0.1:{node.client_port}" for node in nodes)
    before = [cpu_s(node.process.pid) for node in nodes]
    outcome = subprocess.run(
        [os.environ["SHOAL_CLI"], "bench", "-H", hosts, "--json", "--duration", f"{seconds}s",
         "--keys", "10000", "--connections", "8", "--pipeline", "8", *(["--prepared"] if prepared else [])],
        env=plain_environment(), stdout=subprocess.PIPE, check=True)
    used = sum(cpu_s(node.process.pid) for node in nodes) - sum(before)
    return json.loads(outcome.stdout), used


def measure(cluster, readers, arguments):
    nodes = cluster.nodes
    writer = Writer(nodes[0].client_port, arguments.rate)
    group = Readers([node.ports["http_port"] for node in nodes], readers)
    group.start()
    writer.start()
    time.sleep(0.5)
    bytes_before, reads_before, done_before = group.bytes, group.reads, writer.done
    own_before, begun = time.process_time(), time.monotonic()
    report, used = traffic(nodes, arguments.seconds, True)
    elapsed = time.monotonic() - begun
    found = {
        "readers": readers,
        "per_second": report["all"]["per_second"],
        "cpu_s": used,
        "events": writer.done - done_before,
        "reads_per_second": (group.reads - reads_before) / elapsed,
        "mb_per_second": (group.bytes - bytes_before) / elapsed / 1e6,
        "own_cpu": (time.process_time() - own_before) / elapsed,
    }
    writer.stop()
    group.stop()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--nodes", type=int, default=1)
    arguments = parser.parse_args()
    quorum = {"n": min(3, arguments.nodes)}
    found = {0: [], 1: [], arguments.readers: []}
    with Cluster(arguments.nodes, workers=arguments.workers, quorum=quorum) as cluster:
        traffic(cluster.nodes, 1, False)
        for _ in range(arguments.rounds):
            for readers, rows in found.items():
                rows.append(measure(cluster, readers, arguments))
    base = statistics.median(row["per_second"] for row in found[0])
    print("readers  other traffic/s   of none  server CPU us/request  reads/s   MB/s  reading CPU")
    for readers, rows in found.items():
        middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        requests = middle["per_second"] * arguments.seconds
        print(f"{readers:7}  {middle['per_second']:15.0f}  {middle['per_second'] / base:7.1%}"
              f"  {middle['cpu_s'] / requests * 1e6:21.2f}  {middle['reads_per_second']:7.0f}"
              f"  {middle['mb_per_second']:5.1f}  {middle['own_cpu']:11.1%}")


if __name__ == "__main__":
    main()
