"""A small file system of its own on a file, mounted by a loop device: one that can be full without harming
anybody. It is unmounted whatever happens."""
import contextlib
import os
import subprocess

from nodes import wait_until

BALLAST = "ballast"
BLOCK_BYTES = 4096


@contextlib.contextmanager
def small_disk(folder, mebibytes):
    """Yields the mount point, a folder with nothing in it."""
    image = os.path.join(folder, "disk.img")
    mount = os.path.join(folder, "disk")
    os.mkdir(mount)
    with open(image, "wb") as file:
        file.truncate(mebibytes << 20)
    _run("mkfs.ext4", "-q", "-F", "-m", "0", image)
    _run("mount", "-o", "loop", image, mount)
    try:
        os.rmdir(os.path.join(mount, "lost+found"))
        yield mount
    finally:
        wait_until(lambda: _unmounted(mount), f"{mount} is unmounted", 20)
        os.unlink(image)


def _unmounted(mount):
    return subprocess.run(["umount", mount], capture_output=True, check=False).returncode == 0


def _run(*command):
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr.decode(errors='replace')}"


def free_bytes(mount):
    space = os.statvfs(mount)
    return space.f_bavail * space.f_frsize


def put_ballast(mount, leave_bytes):
    """Takes all space but so much, also from under a program that takes some at the same time."""
    descriptor = os.open(os.path.join(mount, BALLAST), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        more = free_bytes(mount) - leave_bytes
        while more > BLOCK_BYTES:
            try:
                os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, more)
                more = free_bytes(mount) - leave_bytes
            except OSError:
                more //= 2
    finally:
        os.close(descriptor)


def drop_ballast(mount):
    os.unlink(os.path.join(mount, BALLAST))
