"""What compaction costs those in front: gets and overwrites at moderate load, in windows of two seconds, before
the first segment is worth compacting and while segments are compacted; p50 and p99 of both, and the ratio of
their medians. A window counts as "with" when segment files went away in it.

Usage: bench_compaction.py [KEYS] (300000) [WINDOWS] (8, of each kind). SHOAL_SERVER and SHOAL_CLI name the
programs; `meson test --benchmark` sets them.
"""
import glob
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.path.insert(0, HERE)
from bench_restart import load  # noqa: E402
from cluster import Cluster  # noqa: E402

LOAD = ["--prepared", "--connections", "8", "--pipeline", "1", "--mix", "1:1", "--value-size", "100",
        "--duration", "2s", "--json"]
SECONDS_MAX = 180


def segments(node):
    return set(glob.glob(os.path.join(node.data_dir, "**", "*.seg"), recursive=True))


def window(node, count):
    """The figures of two seconds, and how many segments went away in them."""
    before = segments(node)
    outcome = node.shoal("bench", *LOAD, "--keys", str(count), "--server-pid", str(node.process.pid))
    if outcome.status != 0:
        raise SystemExit(f"shoal bench failed: {outcome}")
    return outcome.json(), len(before - segments(node))


def measure(durability, count, wanted):
    storage = {"engine": "log", "durability": durability}
    kinds = {"without": [], "with": []}
    with Cluster(1, quorum={"n": 1, "r": 1, "w": 1}, cluster={"partitions": 256},
                 storage=storage) as group:
        (node,) = group.nodes
        load(node, count, "bench:{:010}")
        window(node, count)  # the first is not representative: caches are cold
        end = time.monotonic() + SECONDS_MAX
        while len(kinds["with"]) < wanted and time.monotonic() < end:
            figures, gone = window(node, count)
            every = figures["all"]
            kind = "with" if gone else "without"
            kinds[kind].append(every)
            print(f"{durability:9} {kind:8} {gone:3} segments gone  {every['per_second']:9.0f}/s"
                  f"  p50 {every['p50_us'] / 1000:6.2f}  p99 {every['p99_us'] / 1000:6.2f} ms",
                  flush=True)
    if not kinds["with"] or not kinds["without"]:
        print(f"{durability}: no windows to compare in {SECONDS_MAX} s")
        return
    p99 = {kind: statistics.median(every["p99_us"] for every in windows)
           for kind, windows in kinds.items()}
    print(f"{durability}: p99 with compaction over without: {p99['with'] / p99['without']:.2f}"
          f" ({len(kinds['with'])} and {len(kinds['without'])} windows)", flush=True)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300000
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    for durability in ("sync", "os"):
        measure(durability, count, wanted)


if __name__ == "__main__":
    if "--help" in sys.argv:
        sys.exit(print(__doc__))
    main()
