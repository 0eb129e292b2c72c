"""What benches of moved data share: nodes are filled with numbered keys, and emptied."""
import os
import shutil
import subprocess

from cluster import plain_environment

KEY_BYTES = len("key:000000000000")


def fill(node, count, size, name="key:{:012}"):
    """Loads so many keys, named after their numbers, with values of `size` bytes through the node."""
    value = "v" * size
    load = subprocess.Popen(
        [os.environ["SHOAL_CLI"], "load", "-", "-p", node.client_port, "--json"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=plain_environment())
    for first in range(0, count, 1000):
        load.stdin.write("".join(f'{{"key":"{name.format(number)}","value":"{value}"}}\n'
                                 for number in range(first, min(first + 1000, count))).encode())
    load.stdin.close()
    if load.wait() != 0:
        raise SystemExit("shoal load failed")


def empty(node):
    """Of a node that is down: its data is lost, its identity is not."""
    for entry in os.scandir(node.data_dir):
        if entry.is_dir():
            shutil.rmtree(entry.path)
