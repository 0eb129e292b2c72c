"""Faults at system calls, by strace: a node is killed at the Nth call of a kind, or calls fail from some
moment on. The tracer is a grandchild of this process, so the node stays a child: its pid and exit status are
its own.

strace counts calls by thread, so "the Nth" is the first thread's that comes so far. Never with
--seccomp-bpf: the counts would be wrong.
"""
import collections
import contextlib
import os
import re
import subprocess
import tempfile

from nodes import wait_until

# Calls that change what is on disk.
PLACED = ("pwrite64", "pwritev", "pwritev2", "fallocate")  # which only files see
WRITES = ("write", "writev", "pwrite64", "pwritev", "pwritev2")
READS = ("pread64", "preadv", "preadv2")
SYNCS = ("fsync", "fdatasync", "sync_file_range")
CALLS = (*WRITES, *SYNCS, "rename", "renameat", "renameat2", "ftruncate", "fallocate", "unlink",
         "unlinkat", "link", "linkat", "openat")

_QUIET = ("strace", "-D", "-f", "-q", "--signal=none")


def kill_prefix(call, number):
    """A command in front of a node's: it dies of SIGKILL at the number-th such call of a thread."""
    return [*_QUIET, "-o", "/dev/null", "-e", f"trace={call}",
            "-e", f"inject={call}:signal=SIGKILL:when={number}"]


def record_prefix(path, more=()):
    """A command in front of a node's: all such calls are written down, for places() and order()."""
    return [*_QUIET, "-y", "-o", path, "-e", f"trace={','.join((*CALLS, *more))}"]


def places(path, folder):
    """By call the numbers, by thread, of those that concerned files in the folder: where it is worth
    killing. Opening is one of them only where it creates."""
    count = collections.Counter()
    found = collections.defaultdict(set)
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r"(\d+) +(\w+)\(", line)
            if match is None or match[2] not in CALLS:
                continue
            count[match[1], match[2]] += 1
            if folder in line and (match[2] != "openat" or "O_CREAT" in line):
                found[match[2]].add(count[match[1], match[2]])
    return {call: sorted(numbers) for call, numbers in found.items()}


def order(path):
    """The calls in the order in which they began and ended, as strace saw it: (call, the file or socket
    of its descriptor, "begun" or "done")."""
    open_calls = {}
    events = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r"(\d+) +(?:<\.\.\. )?(\w+)", line)
            if match is None:
                continue
            thread, call = match.groups()
            if "resumed>" in line:
                target = open_calls.pop((thread, call), "")
            else:
                named = re.search(r"<([^>]*)>", line)
                target = named[1] if named else ""
                events.append((call, target, "begun"))
            if "<unfinished ...>" in line:
                open_calls[thread, call] = target
            else:
                events.append((call, target, "done"))
    return events


@contextlib.contextmanager
def failing(node, calls, error, when="1+"):
    """For as long as the `with` lasts, such calls of the running node fail with the error, named as in
    errno.h; all, or of each thread those that strace's `when` says ("1+3": every third)."""
    names = ",".join(calls)
    with tempfile.TemporaryFile() as output:
        tracer = subprocess.Popen(
            ["strace", "-f", "-q", "--signal=none", "-o", "/dev/null", "-e", f"trace={names}",
             "-e", f"inject={names}:error={error}:when={when}", "-p", str(node.process.pid)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            wait_until(lambda: _all_traced(node.process.pid, tracer, output), "strace has attached")
            yield
        finally:
            tracer.terminate()
            tracer.wait()
    # Calls that were held up at the moment of detaching go on by themselves.


def _all_traced(pid, tracer, output):
    if tracer.poll() is not None:
        output.seek(0)
        raise AssertionError(f"strace has ended: {output.read().decode(errors='replace')}")
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        return all(_tracer_of(pid, thread) == tracer.pid for thread in threads)
    except FileNotFoundError:
        return False  # a thread that has just ended


def _tracer_of(pid, thread):
    with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
        return int(re.search(r"^TracerPid:\s*(\d+)", file.read(), re.MULTILINE)[1])
