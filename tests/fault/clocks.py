"""A wall clock of its own for a host, by libfaketime: it is ahead or behind, or runs faster or
slower, from one moment to the next, while the node runs. The monotonic clock stays what it is, as
on a machine whose time is set. What several faults want of one clock adds up.
"""
import glob
import os
import threading
import time

from run import CantRun

STEP_S = 0.02
LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"


def lacking():
    """What this machine lacks for such clocks, or None."""
    if not glob.glob(LIBRARY):
        return "libfaketime is not installed (scripts/setup installs it)"
    server = os.environ.get("SHOAL_SERVER")
    if server is not None and _is_sanitized(server):
        return "libfaketime does not go with a build with sanitizers"
    return None


def _is_sanitized(program):
    with open(program, "rb") as file:
        content = file.read()
    return any(name in content for name in (b"__asan_init", b"__tsan_init", b"__msan_init"))


class Clock:
    """The clock of one host. The node has to be started with its environment. libfaketime reads the
    file at every look at the clock; what drifts is a row of small steps, as libfaketime's own rates
    count from the start of a process."""

    def __init__(self, folder, name):
        self.name = name
        self._path = os.path.join(folder, f"{name}.clock")
        self._lock = threading.Lock()
        self._shifts = {}  # seconds, by who wants them
        self._drifts = {}  # (since, seconds a second)
        self._drifting = None
        self._write()

    def environment(self):
        """Of the node's process."""
        reason = lacking()
        if reason is not None:
            raise CantRun(reason)
        return {"LD_PRELOAD": glob.glob(LIBRARY)[0], "FAKETIME_TIMESTAMP_FILE": self._path,
                "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def jump(self, who, seconds):
        """From now on it shows so much more."""
        with self._lock:
            self._shifts[who] = seconds
            self._write()

    def drift(self, who, rate):
        """From now on it gains so much in a second."""
        with self._lock:
            self._drifts[who] = (time.monotonic(), rate)
            if self._drifting is None:
                self._drifting = threading.Thread(target=self._drift, daemon=True)
                self._drifting.start()

    def right(self, who):
        """What this one did to it is undone: it jumps back, as when somebody sets it."""
        with self._lock:
            self._shifts.pop(who, None)
            self._drifts.pop(who, None)
            self._write()

    @property
    def ahead(self):
        """Seconds, now."""
        drifted = sum((time.monotonic() - since) * rate for since, rate in self._drifts.values())
        return sum(self._shifts.values()) + drifted

    def _drift(self):
        while True:
            time.sleep(STEP_S)
            with self._lock:
                if not self._drifts:
                    self._drifting = None
                    return
                self._write()

    def _write(self):
        """Whole at once: it is read at any moment."""
        with open(self._path + ".new", "w", encoding="ascii") as file:
            file.write(f"{self.ahead:+.6f}\n")
        os.replace(self._path + ".new", self._path)
