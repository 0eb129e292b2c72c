"""What replication costs: the CPU time a put takes on one node, and on three with N=3 and W=2, all
nodes counted; side by side, in turns, so that the ratio holds on a machine whose speed drifts.

Usage: bench_cluster.py [ROUNDS] (3). Prints each round and the median ratio. SHOAL_SERVER and
SHOAL_CLI name the programs; `meson test --benchmark` sets them.
"""
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from cluster import Cluster  # noqa: E402

WORKLOADS = {
    "put with a context": ["--mix", "1:0", "--with-context"],
    "put without a context": ["--mix", "1:0"],
    "get": ["--mix", "0:1"],
}
ARGUMENTS = ["--connections", "50", "--pipeline", "16", "--keys", "10000", "--value-size", "100",
             "--duration", "2s", "--json"]
MEMORY = {"engine": "memory"}


def measure(cluster, workload):
    """One run of the benchmark: its figures as `shoal bench` gives them."""
    pids = ",".join(str(node.process.pid) for node in cluster.nodes)
    outcome = cluster.nodes[0].shoal("bench", *ARGUMENTS, *workload, "--server-pid", pids)
    if outcome.status != 0:
        raise SystemExit(f"shoal bench failed: {outcome}")
    return outcome.json()


def show(name, nodes, figures):
    every = figures["all"]
    print(f"{name:24}{nodes} node{'s' if nodes > 1 else ' '}"
          f"  {every['per_second']:10.0f}/s"
          f"  p50 {every['p50_us'] / 1000:7.2f}  p99 {every['p99_us'] / 1000:7.2f}"
          f"  p99.9 {every['p999_us'] / 1000:7.2f} ms"
          f"  servers' CPU {figures['server_cpu_us_per_request']:6.2f} us a request", flush=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    ratios = {name: [] for name in WORKLOADS}
    one = {"cluster": {"partitions": 256}, "quorum": {"n": 1, "r": 1, "w": 1}, "storage": MEMORY}
    three = {"cluster": {"partitions": 256}, "quorum": {"n": 3, "r": 2, "w": 2}, "storage": MEMORY}
    with Cluster(1, **one) as alone, Cluster(3, **three) as together:
        for _ in range(rounds):
            for name, workload in WORKLOADS.items():
                single = measure(alone, workload)
                show(name, 1, single)
                replicated = measure(together, workload)
                show(name, 3, replicated)
                ratios[name].append(replicated["server_cpu_us_per_request"] /
                                    single["server_cpu_us_per_request"])
    for name, values in ratios.items():
        print(f"{name}: CPU of three nodes over one, median of {rounds} rounds: "
              f"{statistics.median(values):.2f}")


if __name__ == "__main__":
    if "--help" in sys.argv:
        sys.exit(print(__doc__))
    main()
