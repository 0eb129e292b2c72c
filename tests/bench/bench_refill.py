"""How fast a node that lost everything is filled again by the others: three nodes hold all the keys, one is
killed and starts empty, and it counts again when the last of its partitions has been synced.

Usage: bench_refill.py [KEYS] (200000) [VALUE_BYTES] (1000) [ENGINE] (memory). SHOAL_SERVER and SHOAL_CLI name the
programs; `meson test --benchmark` sets them.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from cluster import Cluster, wait_until  # noqa: E402
from filling import KEY_BYTES, empty, fill  # noqa: E402


def standing(node):
    """What the node says of itself: keys held, partitions still to be filled."""
    own = [one for one in node.status()["nodes"] if one["name"] == node.name][0]
    return own["keys"], own["pending_sync"]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200000
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    engine = sys.argv[3] if len(sys.argv) > 3 else "memory"
    with Cluster(3, storage={"engine": engine, "durability": "interval"},
                 cluster={"partitions": 256}) as group:
        fill(group.nodes[0], count, size)
        victim = group.nodes[2]
        victim.kill()
        if engine != "memory":
            empty(victim)
        begun = time.monotonic()
        victim.start()
        ready = time.monotonic() - begun
        wait_until(lambda: standing(victim)[0] >= count and standing(victim)[1] == 0,
                   "the node is not filled", deadline_s=300)
        took = time.monotonic() - begun
        megabytes = standing(victim)[0] * (size + KEY_BYTES) / 1e6
        print(f"{engine}: {count} keys of {size} bytes, {megabytes:.0f} MB, filled in {took:.2f} s "
              f"({ready:.2f} s of it starting): {megabytes / (took - ready):.0f} MB/s")


if __name__ == "__main__":
    main()
