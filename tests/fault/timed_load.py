"""What users saw of a cluster: runs timed_load.c, many clients of libshoal at a fixed rate, and looks at stretches
of what it wrote down. Times are those of time.monotonic().
"""
import collections
import contextlib
import math
import os
import subprocess

import run
from nodes import cluster

Request = collections.namedtuple("Request", "client kind due done attempts first_code code")


class Record:
    """All requests of a load, in the order in which they were due."""

    def __init__(self, path):
        self.requests = []
        with open(path, encoding="utf-8") as file:
            for line in file:
                client, kind, due, done, attempts, first, code = line.split()
                done = int(done) / 1e6 if int(done) > 0 else math.inf
                self.requests.append(Request(int(client), kind, int(due) / 1e6, done, int(attempts),
                                             int(first), int(code)))

    def healthy(self, begin, fault):
        """The requests that were due and done before a fault."""
        return Stretch([request for request in self.requests
                        if begin <= request.due and request.done <= fault], begin, fault)

    def struck(self, fault, end):
        """The requests that were due during a fault, or in flight when it came."""
        return Stretch([request for request in self.requests
                        if request.due < end and request.done > fault], fault, end)

    def after(self, begin, end):
        """The requests that were due when it was over."""
        return Stretch([request for request in self.requests if begin <= request.due < end],
                       begin, end)


class Stretch:
    """The requests that were due in a stretch of time, and what they came to."""

    def __init__(self, requests, begin, end):
        self.requests = requests
        self.begin = begin
        self.end = end

    def quantile_ms(self, part, kinds="pg"):
        """The latency that so many of them did not exceed, failed ones included: who is told after
        five seconds that it failed has waited for these. `kinds`: of puts, gets, or both."""
        taken = sorted(request.done - request.due for request in self.requests
                       if request.kind in kinds)
        return 1000 * taken[math.ceil(part * len(taken)) - 1] if taken else 0.0

    @property
    def errors(self):
        """Those that failed after their retry, too."""
        return sum(request.code != 0 for request in self.requests)

    @property
    def retried(self):
        return sum(request.attempts > 1 for request in self.requests)

    @property
    def error_percent(self):
        return 100 * self.errors / len(self.requests)

    def gap_ms(self):
        """The longest time for which nothing that a client asked was answered, of the client that it
        hit worst."""
        answered = collections.defaultdict(list)
        for request in self.requests:
            answers = answered[request.client]
            if request.code == 0:
                answers.append(request.done)
        return max(self._longest(sorted(times)) for times in answered.values())

    def _longest(self, times):
        times = [self.begin, *(time for time in times if time < self.end), self.end]
        return 1000 * max(after - before for before, after in zip(times, times[1:]))

    def codes(self):
        """How often requests first failed with which code, and in the end."""
        first = collections.Counter(request.first_code for request in self.requests
                                    if request.attempts > 1)
        last = collections.Counter(request.code for request in self.requests if request.code != 0)
        return dict(first), dict(last)


class Load:
    """A load that runs; `finish` ends it and gives the record."""

    def __init__(self, process, path):
        self._process = process
        self._path = path

    def finish(self):
        self._process.stdin.close()
        assert self._process.wait(timeout=120) == 0, "the load has failed"
        return Record(self._path)


@contextlib.contextmanager
def running(nodes, folder, seed, rate, keys=10000, clients=8, value_bytes=100, put_percent=50):
    """The load, once all its clients have had an answer. It is ended whatever happens."""
    path = os.path.join(folder, "requests")
    hosts = ",".join(f"{node.host}:{node.client_port}" for node in nodes)
    process = subprocess.Popen(
        [run.program("tests/fault/timed-load"), path, hosts, str(clients), str(rate), str(keys),
         str(value_bytes), str(put_percent), str(seed)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=cluster.plain_environment())
    try:
        assert process.stdout.readline() == b"begun\n", "the load does not begin"
        yield Load(process, path)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        if not process.stdin.closed:
            process.stdin.close()
