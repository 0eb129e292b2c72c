#!/usr/bin/python3
"""Does the network do what is wished of it? Measured with packets between real namespaces: what
gets through, in which order, how late, how fast; and that nothing is left when it is over. As root,
else skipped."""
import concurrent.futures
import ctypes
import os
import re
import socket
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import enclosure  # noqa: E402
import network  # noqa: E402
from nodes import cluster, wait_until  # noqa: E402
from wishes import ANY, Cut, Loss, Narrow, Slow, Untidy  # noqa: E402

SKIPPED = 77
CLONE_NEWNET = 0x40000000
PACKETS = 2000
PATIENCE_S = 60
SILENCE_S = 0.3
LOST_S = 3  # what has not arrived so long after the last was sent has been lost


def inside(net, number, make):
    """What `make` returns, done in a host's namespace: a socket stays where it was made."""

    def enter():
        with open(f"/run/netns/{net.namespace(number)}", "rb") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        return make()

    with concurrent.futures.ThreadPoolExecutor(1) as thread:  # only the thread goes there
        return thread.submit(enter).result()


def datagrams(net, number):
    """A socket of the host, bound to its address."""

    def make():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        made.bind((net.host(number), 0))
        made.settimeout(SILENCE_S)
        return made

    return inside(net, number, make)


class Links(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        of_three = network.network(3)
        cls.net = of_three.__enter__()
        cls.addClassCleanup(of_three.__exit__, None, None, None)

    def tearDown(self):
        for who in ("a", "b"):
            self.net.unwant(who)

    def sent(self, a, b, count=PACKETS, pace_s=0.0, lost_s=PATIENCE_S):
        """Numbered packets from a to b: [(number, seconds on the way)] as they arrive, until all have, or
        none has for so long since all were sent."""
        arrived = []
        with datagrams(self.net, a) as sender, datagrams(self.net, b) as receiver:

            def send():
                for number in range(count):
                    sender.sendto(b"%d %f" % (number, time.monotonic()), receiver.getsockname())
                    time.sleep(pace_s)

            thread = threading.Thread(target=send)
            thread.start()
            quiet_since = None
            while len(arrived) < count:
                try:
                    number, at = receiver.recv(100).split()
                except TimeoutError:
                    if not thread.is_alive():
                        quiet_since = quiet_since or time.monotonic()
                        if time.monotonic() > quiet_since + lost_s:
                            break
                    continue
                quiet_since = None
                arrived.append((int(number), time.monotonic() - float(at)))
            thread.join()
        return arrived

    def sometimes(self, measure, holds):
        """Until a measurement holds: on a busy machine packets and programs are late now and then, while
        a line that is too slow is so each time. What it was, for what must hold of any."""
        end = time.monotonic() + PATIENCE_S
        while True:
            measured = measure()
            if holds(measured):
                return measured
            self.assertLess(time.monotonic(), end, "it does not hold once")

    def connected(self, a, b):
        """A connection between two hosts, both ends."""

        def listen():
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            made.bind((self.net.host(b), 0))
            made.listen()
            return made

        with inside(self.net, b, listen) as listener:
            ours = inside(self.net, a, lambda: socket.create_connection(listener.getsockname(), PATIENCE_S))
            theirs, _ = listener.accept()
        for end in (ours, theirs):
            end.settimeout(PATIENCE_S)
            self.addCleanup(end.close)
        return ours, theirs

    def test_nothing_wished_changes_nothing(self):
        arrived = self.sent(0, 1)
        self.assertEqual([number for number, _ in arrived], list(range(PACKETS)))

    def test_a_cut_holds_in_its_direction_alone(self):
        self.net.want("a", [Cut(0, 1)])
        self.assertEqual(self.sent(0, 1, 20, lost_s=SILENCE_S), [])
        self.assertEqual(len(self.sent(1, 0, 20)), 20)
        self.assertEqual(len(self.sent(0, 2, 20)), 20)

    def test_what_two_want_holds_until_neither_wants_it(self):
        self.net.want("a", [Cut(0, 1)])
        self.net.want("b", [Cut(0, 1), Cut(2, 1)])
        self.net.unwant("a")
        self.assertEqual(self.sent(0, 1, 20, lost_s=SILENCE_S), [])
        self.net.unwant("b")
        self.assertEqual(len(self.sent(0, 1, 20)), 20)
        self.assertEqual(len(self.sent(2, 1, 20)), 20)

    def test_a_host_that_comes_later_is_cut_off_from_one_that_is_alone(self):
        self.net.want("a", [Cut(0, ANY), Cut(ANY, 0)])
        self.net.add(7)
        self.assertEqual(self.sent(0, 7, 20, lost_s=SILENCE_S), [])
        self.assertEqual(self.sent(7, 0, 20, lost_s=SILENCE_S), [])
        self.assertEqual(len(self.sent(7, 1, 20)), 20)

    def test_clients_always_get_through(self):
        self.net.want("a", [Cut(ANY, 0), Cut(0, ANY), Loss(ANY, 0, 1.0), Slow(0, 1, 1)])
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with client, datagrams(self.net, 0) as host:
            for end in (client, host):
                end.settimeout(PATIENCE_S)
            client.sendto(b"asked", host.getsockname())
            said, who = host.recvfrom(100)
            host.sendto(said + b" and answered", who)
            self.assertEqual(client.recv(100), b"asked and answered")

    def test_a_silent_cut_hangs_and_a_rejecting_one_resets_on_both_sides(self):
        ours, theirs = self.connected(0, 1)
        self.net.want("a", [Cut(0, 1), Cut(1, 0)])
        ours.settimeout(0.4)
        ours.send(b"x")
        with self.assertRaises(TimeoutError):
            ours.recv(1)
        self.net.want("a", [Cut(0, 1, True), Cut(1, 0, True)])
        for end in (ours, theirs):
            end.settimeout(PATIENCE_S)
            with self.assertRaises(ConnectionResetError):
                end.send(b"x")
                end.recv(1)
        with self.assertRaises(ConnectionRefusedError):
            self.connected(0, 1)

    def test_a_share_gets_lost(self):
        self.net.want("a", [Loss(0, 1, 0.1)])
        lost = 1 - len(self.sent(0, 1, lost_s=LOST_S)) / PACKETS
        self.assertAlmostEqual(lost, 0.1, delta=0.03)  # 4 standard deviations
        self.assertEqual(len(self.sent(1, 0)), PACKETS)
        self.net.want("b", [Loss(ANY, 1, 0.5)])
        lost = 1 - len(self.sent(0, 1, lost_s=LOST_S)) / PACKETS
        self.assertAlmostEqual(lost, 0.55, delta=0.05)

    def test_established_connections_are_reset_and_new_ones_work(self):
        ours, theirs = self.connected(0, 1)
        others, _ = self.connected(1, 2)
        self.assertEqual(self.net.reset(0), 1)
        for end in (ours, theirs):
            with self.assertRaises((ConnectionResetError, ConnectionAbortedError)):
                end.recv(1)
        others.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            others.recv(1)
        self.connected(0, 1)

    @staticmethod
    def rate(ours, theirs, amount):
        """Bytes a second."""
        sender = threading.Thread(target=ours.sendall, args=(b"x" * amount,))
        begun = time.monotonic()
        sender.start()
        got = 0
        while got < amount:
            got += len(theirs.recv(65536))
        took = time.monotonic() - begun
        sender.join()
        return amount / took

    def test_a_narrow_line_carries_so_much_and_no_more(self):
        self.net.want("a", [Narrow(1, 400_000)])
        for a, b in ((0, 1), (1, 0)):
            ours, theirs = self.connected(a, b)
            rate = self.sometimes(lambda: self.rate(ours, theirs, 400_000), lambda rate: rate > 200_000)
            self.assertLess(rate, 480_000)  # 32 kB may come at once
        self.net.unwant("a")
        self.assertEqual(len(self.sent(0, 1)), PACKETS)

    def slow(self):
        lack = network.slow_links_lack()
        if lack:
            self.skipTest(lack)

    def test_delay_is_as_wished_both_ways_and_keeps_the_order(self):
        self.slow()
        self.net.want("a", [Slow(1, 0.03, 0.08)])
        for a, b in ((0, 1), (1, 0)):
            self.sometimes(lambda: self.delayed(a, b), lambda median: 0.06 < median < 0.12)
        self.assertEqual(len(self.sent(0, 2, 20)), 20)
        self.net.unwant("a")
        self.sometimes(lambda: sorted(took for _, took in self.sent(0, 1, 100))[50], lambda took: took < 0.03)

    def delayed(self, a, b):
        """How late half of them are; all in order, and none early. Packets that follow each other closely are
        as late as the latest before them."""
        arrived = self.sent(a, b, 500, 0.002)
        self.assertEqual([number for number, _ in arrived], list(range(500)))
        times = sorted(took for _, took in arrived)
        self.assertGreaterEqual(times[0], 0.03)
        return times[250]

    def test_a_share_is_overtaken_and_nothing_lost(self):
        self.slow()
        self.net.want("a", [Untidy(1, 0.1, 0.02)])

        def overtaken():
            arrived = self.sent(0, 1, 1000, 0.001)
            self.assertEqual({number for number, _ in arrived}, set(range(1000)))
            times = sorted(took for _, took in arrived)
            self.assertGreater(times[950], 0.02)
            numbers = [number for number, _ in arrived]
            return times[500], sum(a > b for a, b in zip(numbers, numbers[1:]))

        self.sometimes(overtaken, lambda found: found[0] < 0.02 and found[1] > 30)

    def test_packets_pass_when_the_slow_link_is_gone(self):
        self.slow()
        self.net.want("a", [Slow(1, 60, 60)])
        self.assertEqual(self.sent(0, 1, 5, lost_s=SILENCE_S), [])
        link = self.net._hosts[1]._slow_link  # nobody else can say which process it is
        link._process.kill()
        link._process.wait()
        self.assertEqual(len(self.sent(0, 1, 20)), 20)
        with self.assertRaisesRegex(AssertionError, "slow-link"):
            self.net.unwant("a")

    def test_what_is_held_back_when_it_ends_arrives(self):
        self.slow()
        self.net.want("a", [Slow(1, 60, 60)])
        with datagrams(self.net, 0) as sender, datagrams(self.net, 1) as receiver:
            for _ in range(10):
                sender.sendto(b"x", receiver.getsockname())
            with self.assertRaises(TimeoutError):
                receiver.recv(1)
            self.net.unwant("a")
            receiver.settimeout(PATIENCE_S)
            for _ in range(10):
                self.assertEqual(receiver.recv(1), b"x")


class Leavings(unittest.TestCase):
    def test_a_network_is_taken_down_by_its_tag_alone(self):
        net = network.Net()
        for number in (0, 12):
            net.add(number)
        net.want("a", [Cut(0, 12), Narrow(0, 1000)])
        self.assertNotEqual(self.found(net.tag), [])
        network.remove(net.tag)
        wait_until(lambda: self.found(net.tag) == [], "nothing of it is left", PATIENCE_S)
        network.remove(net.tag)

    @staticmethod
    def found(tag):
        said = "".join(subprocess.run(command, capture_output=True, text=True, check=True).stdout
                       for command in (["ip", "netns", "list"], ["ip", "-o", "link", "show"]))
        return re.findall(tag + r"\w*", said)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("the links can only be measured by root: skipped")
        sys.exit(SKIPPED)
    if enclosure.folder() is None:  # so that nothing is left, however it ends
        with enclosure.place() as path:
            sys.exit(enclosure.run([sys.executable, os.path.abspath(__file__)], path))
    cluster.main()
