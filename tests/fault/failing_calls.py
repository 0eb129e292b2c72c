"""Faults at the C library's calls, by libfiu: writes that write less than asked, calls that fail at random.
The node runs with libfiu preloaded, and faults are switched on and off while it runs.

Points are named as in libfiu's list: posix/io/rw/pwrite (fails), posix/io/rw/pwrite/reduce (does part of it),
posix/io/sync/fdatasync. Only calls that files alone see: to let `write` fail would break the eventfds that
wake threads. What a program asks of the kernel otherwise (preadv2, fallocate) is not seen.
"""
import contextlib
import errno
import os
import subprocess

from nodes import wait_until

WRITES = ("posix/io/rw/pwrite", "posix/io/rw/pwritev")
READS = ("posix/io/rw/pread",)
SYNCS = ("posix/io/sync/fdatasync", "posix/io/sync/fsync")
NAMES = ("posix/io/dir/rename", "posix/io/dir/unlink", "posix/io/rw/ftruncate")


def reduced(points):
    """The points at which only part is done."""
    return tuple(f"{point}/reduce" for point in points)


def prefix(folder, points=(), error=None, probability=1.0):
    """A command in front of a node's: it can be made to fail, and at these points does from the start."""
    commands = []
    for point in points:
        commands += ["-c", _enable(point, error, probability)]
    return ["fiu-run", "-x", "-f", os.path.join(folder, "fiu"), *commands]


def _enable(point, error, probability):
    number = getattr(errno, error) if error else 0
    return f"enable_random name={point},probability={probability},failinfo={number}"


def wait_controllable(folder, node):
    pipe = os.path.join(folder, f"fiu-{node.process.pid}.in")
    wait_until(lambda: os.path.exists(pipe), "libfiu listens")


@contextlib.contextmanager
def failing(folder, node, points, error=None, probability=1.0):
    """For as long as the `with` lasts the points of the node fail, with the error (by its name in
    errno.h) if one is given, each call with the probability."""
    for point in points:
        _control(folder, node, _enable(point, error, probability))
    try:
        yield
    finally:
        if node.process is not None and node.process.poll() is None:
            for point in points:
                _control(folder, node, f"disable name={point}")


def _control(folder, node, command):
    done = subprocess.run(
        ["fiu-ctrl", "-f", os.path.join(folder, "fiu"), "-c", command, str(node.process.pid)],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, f"fiu-ctrl {command}: {done.stderr.decode(errors='replace')}"
