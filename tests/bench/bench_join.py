"""What a joining node costs those who are served meanwhile, and what filling a wiped one costs: three nodes hold
all the keys and serve a load at a fixed rate (paced_load.c). An empty fourth node joins, by which a quarter of
everything moves, and the old owners let go. Then one node loses its disk and is filled again. Printed are the
latencies before, during and after, and how fast data moved.

Usage: bench_join.py [--mb MB] (100) [--value BYTES] (1000) [--rate REQUESTS_A_SECOND] (500) [--puts PERCENT] (20)
                     [--engine NAME] (log) [--seconds SECONDS] (10: before and after) [--workers COUNT] (1)

--mb 1024 is a gigabyte. SHOAL_SERVER, SHOAL_CLI and SHOAL_PACED_LOAD name the programs; `meson test --benchmark`
sets them. All nodes and the load share one machine: where all its processors are busy, latencies show the
scheduler's queue, not the cluster. That is measured too: in "starved" everything
that is left of them is burnt, at the lowest priority, by somebody who has nothing to do with the cluster. On a machine
with other work, `chrt -r 1 bench_join.py` has the cluster go before it.
"""
import argparse
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from cluster import Cluster, plain_environment  # noqa: E402
from filling import KEY_BYTES, empty, fill  # noqa: E402


class Load:
    """The foreground."""

    def __init__(self, nodes, options, keys):
        hosts = ",".join(f"127.0.0.1:{node.client_port}" for node in nodes)
        self.process = subprocess.Popen(
            [os.environ["SHOAL_PACED_LOAD"], hosts, str(options.rate), str(keys), str(options.value),
             str(options.puts)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=plain_environment(), text=True)

    def cut(self):
        """What there was since the last time."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def records(node):
    return {one["name"]: one for one in node.status()["nodes"]}


def settled(node, members):
    """Everybody has what is his, and nobody anything else."""
    status = node.status()
    nodes = [one for one in status["nodes"] if one["state"] == "up"]
    return (len(nodes) >= members and status["layout"]["live"] == 1 and
            all(one["pending_sync"] == 0 and one["releasing"] == 0 for one in nodes))


def show(what, figures, base=None):
    ratio = "" if base is None else f"   p99 x{figures['p99_ms'] / max(base['p99_ms'], 0.001):.2f}"
    print(f"  {what:22} p50 {figures['p50_ms']:7.2f} ms  p90 {figures['p90_ms']:7.2f} ms  "
          f"p99 {figures['p99_ms']:7.2f} ms  max {figures['max_ms']:8.2f} ms  "
          f"{figures['done']:6} done, {figures['errors']} errors, {figures['late']} late{ratio}",
          flush=True)


BURN = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"


def starve(load, seconds):
    """The same processors, taken by others."""
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(os.cpu_count() or 1)]
    load.cut()
    time.sleep(seconds)
    figures = load.cut()
    for burner in burners:
        burner.kill()
        burner.wait()
    return figures


def change(load, what, begin, done, base, moved):
    """Runs a change under load: begins it, waits for its end, shows what it cost."""
    load.cut()
    begun = time.monotonic()
    begin()
    while not done():
        time.sleep(0.25)  # asking costs processor time, too
    took = time.monotonic() - begun
    during = load.cut()
    show(f"during {what}", during, base)
    megabytes = moved()
    print(f"  {what}: {took:.1f} s, {megabytes:.0f} MB moved, {megabytes / took:.1f} MB/s", flush=True)


def join(node, member):
    """Which follows it to its end."""
    outcome = node.shoal("join-cluster", "--known-cluster-node", member.peer_address,
                         timeout_s=1800)
    if outcome.status != 0:
        raise SystemExit(outcome.err.decode())


def wipe(node):
    node.kill()
    empty(node)
    node.start()


def main():
    parser = argparse.ArgumentParser(description="What a joining node costs those who are served.")
    parser.add_argument("--mb", type=int, default=100)
    parser.add_argument("--value", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--puts", type=int, default=20)
    parser.add_argument("--engine", default="log")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    keys = options.mb * 1000000 // (options.value + KEY_BYTES)
    with Cluster(3, storage={"engine": options.engine, "durability": "interval"},
                 cluster={"partitions": 256}, workers=options.workers) as group:
        first = group.nodes[0]
        fill(first, keys, options.value)
        os.sync()  # what the filling left to be written would slow what comes before the join
        load = Load(group.nodes, options, keys)
        time.sleep(2)
        load.cut()
        time.sleep(options.seconds)
        before = load.cut()
        print(f"{options.engine}, {keys} keys of {options.value} bytes on 3 nodes, "
              f"{options.rate} requests a second, {options.puts} % of them puts")
        show("before", before)
        show("starved", starve(load, options.seconds), before)

        joiner = group.add_node().start()

        def holds(name):
            return records(first)[name]["keys"] * (options.value + KEY_BYTES) / 1e6

        change(load, "join", lambda: join(joiner, first), lambda: settled(first, 4), before,
               lambda: holds(joiner.name))
        time.sleep(2)
        load.cut()
        time.sleep(options.seconds)
        show("after", load.cut(), before)

        victim = group.nodes[2]
        target = records(first)[victim.name]["keys"] * 0.98

        def filled():
            one = records(victim)[victim.name]  # in its own words: the others may yet tell those of before
            return one["state"] == "up" and one["keys"] >= target and settled(first, 4)

        change(load, "refill", lambda: wipe(victim), filled, before, lambda: holds(victim.name))
        time.sleep(2)
        load.cut()
        time.sleep(options.seconds)
        show("after", load.cut(), before)
        load.end()


if __name__ == "__main__":
    main()
