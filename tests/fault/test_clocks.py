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
FAIR_S = 0.5  # between a look here and one there; of a look that took longer nothing is taken


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
        return cluster.wait_until(self.look, "a look at the clocks is quick")[0]

    def look(self):
        """(by how much the wall clock is ahead, when), or None if that isn't sure."""
        begun = time.monotonic()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        wall, monotonic = map(float, self.process.stdout.readline().split())
        ours, ended = time.time(), time.monotonic()
        self.assertTrue(begun - FAIR_S <= monotonic <= ended + FAIR_S, (begun, monotonic, ended))
        return (wall - ours, monotonic) if ended - begun < FAIR_S / 5 else None

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
        begun = time.monotonic()
        self.clock.drift("one", 5.0)
        drifts = time.monotonic()
        before = 0

        def drifted():
            nonlocal before
            now, when = cluster.wait_until(self.look, "a look at the clocks is quick")
            self.assertGreater(now, before - FAIR_S)
            self.assertLess(now, 5 * (when - begun) + 2 * FAIR_S)
            before = now
            return when > drifts + 1 and now > 5 * (when - drifts) - 2 * FAIR_S

        cluster.wait_until(drifted, "it has drifted as far as it should")
        self.clock.right("one")
        self.assertAlmostEqual(self.ahead(), 0, delta=FAIR_S)


class OfANode(Clocks):
    def test_the_server_lives_by_it(self):
        with nodes.group(1, "memory", started=False) as group:
            (node,) = group.nodes
            node.start(environment=self.clock.environment())
            self.lives_ahead(node, 0)
            self.clock.jump("one", 3600)
            self.lives_ahead(node, 3600)
            self.clock.right("one")
            self.lives_ahead(node, 0)

    @staticmethod
    def lives_ahead(node, seconds):
        """By the date in its answers of HTTP, in whole seconds, which may be a second old."""
        def does():
            begun = time.time()
            connection = http.client.HTTPConnection("127.0.0.1", node.http_port, timeout=cluster.DEADLINE_S)
            try:
                connection.request("GET", "/health")
                date = connection.getresponse().headers["Date"]
            finally:
                connection.close()
            ahead = email.utils.parsedate_to_datetime(date).timestamp() - seconds
            return begun - 3 <= ahead <= time.time() + 1

        cluster.wait_until(does, f"the node's clock is {seconds} s ahead")


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
