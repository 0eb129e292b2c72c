"""Nothing is left behind: a program of faults runs in process, mount and network namespaces of its own,
so that the kernel ends its processes, unmounts its disks and removes its networks when it ends, in
whatever way: also by kill -9, where no clean-up of the program's own would run. What is outside of
that, the folder on disk, is removed by whoever waits for it, and by the next one to come if that was
killed as well.
"""
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import threading

PREFIX = "shoal-fault-"
LOCK = "lock"
INSIDE = "SHOAL_FAULT_FOLDER"
UNSHARE = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child",
           "--mount-proc")


def folder():
    """Of this enclosed program, or None outside."""
    return os.environ.get(INSIDE)


@contextlib.contextmanager
def place():
    """A folder on disk for one enclosed program, removed at the end."""
    _remove_forsaken()
    made = tempfile.mkdtemp(prefix=f".{PREFIX}")
    lock = os.open(os.path.join(made, LOCK), os.O_WRONLY | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    path = os.path.join(os.path.dirname(made), os.path.basename(made)[1:])
    os.rename(made, path)  # seen by others only now that it is locked
    try:
        yield path
    finally:
        _remove(path)
        os.close(lock)


class Ended(Exception):
    """end_all was called: nothing more is run."""


class _Running:
    """What runs now, of all threads."""

    lock = threading.Lock()
    processes = set()
    ended = False


def run(command, path, timeout_s=None, output=None):
    """Runs the command enclosed, with `path` as its folder; its exit status. When this thread ends, or
    end_all is called, the command and all that it has started is killed."""
    environment = {**os.environ, INSIDE: path, "TMPDIR": path}
    prepared = [sys.executable, os.path.abspath(__file__), *command]
    with _Running.lock:
        if _Running.ended:
            raise Ended
        process = subprocess.Popen([*UNSHARE, *prepared], env=environment, stdout=output,
                                   stderr=subprocess.STDOUT if output else None)
        _Running.processes.add(process)
    try:
        return process.wait(timeout_s)
    finally:
        process.kill()
        process.wait()
        with _Running.lock:
            _Running.processes.discard(process)


def has_ended():
    """Whether end_all was called: what has come to its end since has not come to it by itself."""
    return _Running.ended


def end_all():
    """Kills whatever runs in any thread, and lets nothing more begin."""
    with _Running.lock:
        _Running.ended = True
        for process in _Running.processes:
            process.kill()


def _remove(path):
    """The lock last: what is left by one who is killed meanwhile is found by the next to come."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(path)):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif entry.name != LOCK:
                os.unlink(entry.path)
    shutil.rmtree(path, ignore_errors=True)


def _remove_forsaken():
    """Folders whose owner is no more: nobody holds their lock."""
    for name in os.listdir(tempfile.gettempdir()):
        path = os.path.join(tempfile.gettempdir(), name)
        if not name.startswith(PREFIX) or not os.path.exists(os.path.join(path, LOCK)):
            continue
        with contextlib.suppress(OSError):
            lock = os.open(os.path.join(path, LOCK), os.O_WRONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path)
            finally:
                os.close(lock)


def _run(*command):
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")


def _enter():
    """Within: makes the place ready. `ip netns` keeps its names in a file system of our own, and
    localhost is up."""
    os.makedirs("/run/netns", exist_ok=True)
    _run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
    _run("ip", "link", "set", "lo", "up")


if __name__ == "__main__":
    _enter()
    os.execvp(sys.argv[1], sys.argv[1:])
