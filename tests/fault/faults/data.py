"""What happens to files at rest: bits flip, ends are missing, a folder is emptied, or is put back
as it was some time ago. Each takes from a node what it has confirmed. So it is done to fewer nodes
than hold every acknowledged write, w, and to nobody whose disk has trouble of its own, where not
even an operator could do it.
"""
import os
import shutil
import time

import nodes
import rot
import words as language
from faults.fault import Fault
from words import Target

SEGMENT_HEADER_BYTES = 64
EXIT_S = 10.0
CLOSE_S = 5.0
WAYS = STOPPED, KILLED = ("stopped", "killed")


class _OnData(Fault):
    """Something that is done at once."""

    lasts = False
    harm = True

    def __init__(self, words):
        self.target = Target(words)

    def begin(self, arena, rng):
        told = []
        hosts = []
        for host in self._who(arena, rng):
            text = self.do(host, rng)
            if text:
                hosts.append(host)
                told.append(f"{host.name}: {text}")
        return hosts, "; ".join(told)

    def _who(self, arena, rng):
        """Fewer than w, and not more than were asked for, of those to whom it can be done."""
        hosts = [host for host in self.target.pick(arena, rng)
                 if _disk_is_well(host) and self.suits(host)]
        return hosts[:arena.scenario.cluster.w - 1]

    def suits(self, host):
        return True

    def do(self, host, rng):
        """What was done, for people."""
        raise NotImplementedError


def _disk_is_well(host):
    return host.disk is None or not host.disk.troubled


def _closed(host):
    """Segments that are never written to again: such as have a hint, and more than a header."""
    hinted = {os.path.splitext(path)[0] for path in nodes.files(host.node, ".hint")}
    return [path for path in nodes.files(host.node, ".seg")
            if os.path.splitext(path)[0] in hinted and os.path.getsize(path) > 4096]


def _made_closed(host):
    """Such segments, for which the node is restarted where it has none: every start closes what it
    finds. None where that does not help, as with another engine."""
    if not _closed(host) and host.alive:
        host.kill(_made_closed)
        host.start(_made_closed)
        end = time.monotonic() + CLOSE_S
        while not _closed(host) and host.alive and time.monotonic() < end:
            time.sleep(nodes.cluster.POLL_S)
    return _closed(host)


class Flip(_OnData):

    word = "flip"
    usage = "flip N TARGET: so many bits in a closed segment, while the node runs"
    samples = ("flip 3 any",)

    def __init__(self, words):
        if not words:
            raise language.Wrong("how many bits?")
        self.count = language.count(words.pop(0))
        super().__init__(words)

    def do(self, host, rng):
        paths = _made_closed(host)
        if not paths:
            return ""
        path = rng.choice(paths)
        try:
            places = rot.flip_bits(path, rng, self.count, SEGMENT_HEADER_BYTES)
        except FileNotFoundError:
            return ""  # compacted away meanwhile
        return f"{len(places)} bits flipped in {os.path.basename(path)}, the first at {places[0]}"


class Truncate(_OnData):
    word = "truncate"
    usage = "truncate TARGET: a closed segment loses its end, while the node runs"
    samples = ("truncate any",)

    def do(self, host, rng):
        paths = _made_closed(host)
        if not paths:
            return ""
        path = rng.choice(paths)
        try:
            size = os.path.getsize(path)
            length = rng.randrange(size)
            rot.cut(path, length)
        except FileNotFoundError:
            return ""  # compacted away meanwhile
        return f"{os.path.basename(path)} cut from {size} to {length} bytes"


class Wipe(_OnData):
    word = "wipe"
    ends = True
    usage = "wipe TARGET: kill -9, its folder emptied, started again"
    samples = ("wipe any",)

    def do(self, host, rng):
        host.kill(self)
        _empty(host.node.data_dir)
        host.start(self)
        return "wiped"


class Restore(_OnData):
    word = "restore"
    ends = True
    usage = "restore TARGET: kill -9, what `copy` has kept put back, started again"

    def suits(self, host):
        return os.path.isdir(_copy_of(host))

    def do(self, host, rng):
        host.kill(self)
        _empty(host.node.data_dir)
        shutil.copytree(_copy_of(host), host.node.data_dir, dirs_exist_ok=True)
        host.start(self)
        age_s = time.time() - os.stat(_copy_of(host)).st_mtime
        return f"a copy restored that is {age_s:.1f} s old"


class Copy(Fault):
    """Takes nothing from anybody: what is kept is for `restore`. The node is stopped or killed for it,
    as drawn, where the file doesn't say. Only a copy of one that was stopped looks as if it could go on."""

    word = "copy"
    ends = True
    usage = "copy TARGET [stopped | killed]: one or the other; at the end its folder is copied, and it is started"

    def __init__(self, words):
        self.target = Target(words)
        self.ways = [words.pop(0)] if words and words[0] in WAYS else list(WAYS)
        self.hosts = []

    def begin(self, arena, rng):
        self.hosts = [host for host in self.target.pick(arena, rng) if _disk_is_well(host)]
        told = []
        for host in self.hosts:
            way = rng.choice(self.ways)
            (host.stop if way == STOPPED else host.kill)(self)
            told.append(f"{host.name} ({way})")
        return self.hosts, f"copy of {', '.join(told)}" if told else ""

    def end(self, arena):
        for host in self.hosts:
            if _disk_is_well(host) and _has_ended(host):
                _keep_copy(host)
            else:
                arena.say(f"no copy of {host.name}: its disk, or its end, is in the way")
            host.start(self)


def _has_ended(host):
    end = time.monotonic() + EXIT_S
    while host.alive and time.monotonic() < end:
        time.sleep(nodes.cluster.POLL_S)
    return not host.alive


def _copy_of(host):
    return os.path.join(host.arena.folder, f"{host.name}.copy")


def _keep_copy(host):
    """In place of one that there may be; its time says how old it is."""
    shutil.rmtree(_copy_of(host), ignore_errors=True)
    shutil.copytree(host.node.data_dir, _copy_of(host))
    os.utime(_copy_of(host))


def _empty(folder):
    """Not the folder itself: a file system may be mounted there."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


KINDS = (Copy, Flip, Restore, Truncate, Wipe)
