"""Disks that fail on request, one for a host: a file system of its own (faulty_disk.c) on a folder.
What several faults want of one disk is kept by who wants it, and the disk does what all of them
together come to. It is unmounted whatever happens, also when this process dies: the disk's ends
when nobody speaks to it any more.
"""
import os
import subprocess
import threading

import run
from run import CantRun

PROGRAM = "tests/fault/faulty-disk"
END_S = 20
ALL_FILES = ""


def lacking():
    """What this machine lacks for such disks, or None."""
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse"
    if os.geteuid() != 0:
        return "mounting needs root"
    try:
        run.program(PROGRAM)
    except CantRun as reason:
        return f"{reason} (libfuse3-dev was not there when it was built; scripts/setup installs it)"
    return None


class Wish:
    """What somebody wants of a disk; what is not named stays as it is."""

    def __init__(self, full=False, reads=0.0, writes=0.0, suffix=ALL_FILES, syncs_fail=False,
                 rate=None, latency_ms=0):
        self.full = full
        self.reads = reads  # the share of reads that fail
        self.writes = writes
        self.suffix = suffix  # of the files of which they fail
        self.syncs_fail = syncs_fail
        self.rate = rate  # bytes a second
        self.latency_ms = latency_ms  # of a sync

    @property
    def fails(self):
        """Whether calls come to errors that a node can't get over by itself."""
        return bool(self.reads or self.writes or self.syncs_fail)


def lines(wishes):
    """All of them together, as what the disk is told, one line for each kind."""
    failing = [wish for wish in wishes if wish.reads or wish.writes]
    slow = [wish for wish in wishes if wish.rate is not None]
    reads = max((wish.reads for wish in failing), default=0)
    writes = max((wish.writes for wish in failing), default=0)
    suffixes = {wish.suffix for wish in failing}
    suffix = suffixes.pop() if len(suffixes) == 1 else ALL_FILES
    rate = int(min((wish.rate for wish in slow), default=0))
    latency_ms = max((wish.latency_ms for wish in slow), default=0)
    return {
        "full": "full on" if any(wish.full for wish in wishes) else "full off",
        "eio": f"eio {reads:g} {writes:g} {suffix}".rstrip(),
        "sync": "sync fail" if any(wish.syncs_fail for wish in wishes) else "sync ok",
        "slow": f"slow {rate} {latency_ms}",
    }


class FaultyDisk:
    """Use as a context manager; `path` is a folder with nothing in it."""

    def __init__(self, folder, name, seed=1):
        self.name = name
        self._folder = os.path.join(folder, f"{name}.disk")
        self._seed = seed
        self._process = None
        self._lock = threading.Lock()
        self._wishes = {}
        self._told = lines(())
        self.path = os.path.join(self._folder, "mount")

    def __enter__(self):
        reason = lacking()
        if reason is not None:
            raise CantRun(reason)
        os.makedirs(os.path.join(self._folder, "files"))
        os.mkdir(os.path.join(self._folder, "gone"))
        os.mkdir(self.path)
        self._process = subprocess.Popen(
            [run.program(PROGRAM), self._folder, self.path, str(self._seed)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        try:
            self._answer("mount")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """Whoever has files open yet gets errors from now on."""
        process, self._process = self._process, None
        process.stdin.close()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            subprocess.run(["umount", "-l", self.path], capture_output=True, check=False)
        process.stdout.close()
        assert not os.path.ismount(self.path), f"{self.path} is mounted yet"

    def want(self, who, wish):
        """From now on, until `unwant`."""
        with self._lock:
            self._wishes[who] = wish
            self._tell_all()

    def unwant(self, who):
        with self._lock:
            self._wishes.pop(who, None)
            self._tell_all()

    @property
    def fails(self):
        with self._lock:
            return any(wish.fails for wish in self._wishes.values())

    @property
    def troubled(self):
        """Whether anybody wants anything of it."""
        with self._lock:
            return bool(self._wishes)

    def fail_next_sync(self):
        with self._lock:
            self._tell("sync once")

    def power_cut(self, torn=False):
        """Everything is as it was synced; with `torn` some of what was not is there as well. No
        process may have a file open."""
        with self._lock:
            self._tell("cut torn" if torn else "cut")

    def counts(self):
        """What it has seen: reads, writes, syncs, those that failed, those without space."""
        with self._lock:
            words = self._tell("count").split()
        return {name: int(number) for name, number in zip(words[0::2], words[1::2])}

    def _tell_all(self):
        """Only what has changed: a disk that stays full keeps what has become free in it."""
        for kind, line in lines(list(self._wishes.values())).items():
            if self._told[kind] != line:
                self._tell(line)
                self._told[kind] = line

    def _tell(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._answer(line)

    def _answer(self, line):
        answer = self._process.stdout.readline()
        word, _, rest = answer.rstrip("\n").partition(" ")
        assert word == "ok", f"the disk of {self.name} says {answer!r} to {line!r}"
        return rest
