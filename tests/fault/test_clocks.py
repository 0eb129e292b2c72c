#!/usr/bin/python3
"""Does a node see the clock that it is given, and only the wall clock? Where there is no
libfaketime, and with sanitizers, skipped.
"""
import email.utils
import http.client
import os
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import clocks  # noqa: E402
import nodes  # noqa: E402
import run  # noqa: E402
from nodes import cluster  # noqa: E402

LOOK = "import sys, time\n" \
       "for _ in sys.stdin: print(time.time(), time.monotonic(), flush=True)\n"
FAIR_S = 0.5  # between a look here and one there


class Clocks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="shoal-clock-")
        self.addCleanup(folder.cleanup)
        self.clock = clocks.Clock(folder.name, "node")


class OfAProcess(Clocks):
    def setUp(self):
        super().setUp()
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-c", LOOK], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, **self.clock.environment()})
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.stdin.close)

    def ahead(self):
        """Of the wall clock, by how much it is; the monotonic one has to be right."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        wall, monotonic = map(float, self.process.stdout.readline().split())
        self.assertAlmostEqual(monotonic, time.monotonic(), delta=FAIR_S)
        return wall - time.time()

    def test_a_jump_is_seen_at_once_and_undone(self):
        self.assertAlmostEqual(self.ahead(), 0, delta=FAIR_S)
        self.clock.jump("one", 60)
        self.assertAlmostEqual(self.ahead(), 60, delta=FAIR_S)
        self.clock.jump("other", -3600)
        self.assertAlmostEqual(self.ahead(), -3540, delta=FAIR_S)
        self.clock.right("one")
        self.assertAlmostEqual(self.ahead(), -3600, delta=FAIR_S)
        self.clock.right("other")
        self.assertAlmostEqual(self.ahead(), 0, delta=FAIR_S)

    def test_a_drift_grows_and_ends(self):
        self.clock.drift("one", 5.0)
        begun = time.monotonic()
        before = self.ahead()
        while time.monotonic() - begun < 1:
            now = self.ahead()
            self.assertGreater(now, before - FAIR_S)
            before = now
        self.assertAlmostEqual(now, 5 * (time.monotonic() - begun), delta=2 * FAIR_S)
        self.clock.right("one")
        self.assertAlmostEqual(self.ahead(), 0, delta=FAIR_S)


class OfANode(Clocks):
    def test_the_server_lives_by_it(self):
        with nodes.group(1, "memory", started=False) as group:
            (node,) = group.nodes
            node.start(environment=self.clock.environment())
            self.assertAlmostEqual(self.date_of(node), time.time(), delta=3)
            self.clock.jump("one", 3600)
            self.assertAlmostEqual(self.date_of(node), time.time() + 3600, delta=3)
            self.clock.right("one")
            self.assertAlmostEqual(self.date_of(node), time.time(), delta=3)

    @staticmethod
    def date_of(node):
        """What it says in answers of HTTP, which is a second old at most."""
        time.sleep(1.1)
        connection = http.client.HTTPConnection("127.0.0.1", node.http_port, timeout=10)
        try:
            connection.request("GET", "/health")
            date = connection.getresponse().headers["Date"]
            return email.utils.parsedate_to_datetime(date).timestamp()
        finally:
            connection.close()


if __name__ == "__main__":
    try:
        run.find_programs()
    except run.CantRun as missing:
        print(missing)
        sys.exit(1)
    REASON = clocks.lacking()
    if REASON is not None:
        print(f"wrong clocks can't be had here: {REASON}: skipped")
        sys.exit(run.CANT)
    cluster.main()
