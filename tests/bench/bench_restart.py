"""How long a node takes to start on a million keys of 100 bytes: after a clean stop, after kill -9, and when
all hint files are gone. Measured from starting the process to its being ready, beside what the node itself
says of reading its data.

Usage: bench_restart.py [KEYS] (1000000) [ROUNDS] (3). SHOAL_SERVER and SHOAL_CLI name the programs;
`meson test --benchmark` sets them.
"""
import glob
import os
import re
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from cluster import Cluster  # noqa: E402
from filling import fill  # noqa: E402

VALUE = "v" * 100
ALONE = {"quorum": {"n": 1, "r": 1, "w": 1}, "cluster": {"partitions": 256},
         "storage": {"engine": "log", "durability": "os"}}


def load(node, count, name="key:{:012}"):
    begun = time.monotonic()
    fill(node, count, len(VALUE), name)
    print(f"{count} keys loaded in {time.monotonic() - begun:.1f} s", flush=True)


def start(node):
    """Seconds until it is ready, and the line in which it says what it read."""
    offset = os.path.getsize(node.log_path)
    begun = time.monotonic()
    node.start()
    took = time.monotonic() - begun
    with open(node.log_path, encoding="utf-8", errors="replace") as file:
        file.seek(offset)
        said = [line for line in file if re.search(r"storage: open ", line)]
    return took, said[-1].strip() if said else "(the node says nothing of it)"


def drop_hints(node):
    for hint in glob.glob(os.path.join(node.data_dir, "**", "*.hint"), recursive=True):
        os.unlink(hint)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with Cluster(1, **ALONE) as group:
        (node,) = group.nodes
        load(node, count)
        ways = {"clean stop, hints": (node.stop, lambda _: None),
                "kill -9, hints": (node.kill, lambda _: None),
                "kill -9, no hints": (node.kill, drop_hints)}
        took = {name: [] for name in ways}
        for _ in range(rounds):
            for name, (end, damage) in ways.items():
                end()
                damage(node)
                seconds, said = start(node)
                took[name].append(seconds)
                print(f"{name:20} {seconds:6.2f} s   {said}", flush=True)
                check_some(node, count)
        for name, values in took.items():
            print(f"{name}: {statistics.median(values):.2f} s, median of {rounds}")


def check_some(node, count):
    for number in range(0, count, max(count // 7, 1)):
        outcome = node.shoal("get", f"key:{number:012}", "--raw")
        if outcome.out.decode() != VALUE:
            raise SystemExit(f"key {number} is not what it was: {outcome}")


if __name__ == "__main__":
    if "--help" in sys.argv:
        sys.exit(print(__doc__))
    main()
