"""A disk that takes no more than so many bytes a second: a file system of its own on a loop device, whose rate
the kernel's block layer limits (cgroups version 1, blkio.throttle, in the root group, so that the
file system's own journal is slowed as everything else is). Only this device is touched, and its
limit is taken away whatever happens.
"""
import contextlib
import os

from run import CantRun

THROTTLES = ["/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device",
             "/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device"]


def need_throttle():
    """Skips what can't be had here."""
    for path in THROTTLES:
        if not os.access(path, os.W_OK):
            raise CantRun(f"{path} can't be written (it needs root, and cgroups of version 1)")


@contextlib.contextmanager
def throttled(mount, bytes_per_s):
    """While this holds, the file system's device reads and writes no faster."""
    number = os.stat(mount).st_dev
    device = f"{os.major(number)}:{os.minor(number)}"
    try:
        _limit(device, bytes_per_s)
        yield
    finally:
        _limit(device, 0)


def _limit(device, bytes_per_s):
    for path in THROTTLES:
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{device} {bytes_per_s}\n")
