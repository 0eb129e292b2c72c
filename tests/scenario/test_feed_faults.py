"""The live feed under faults, by recorded histories: writers put numbered values through every node and
every surface while nodes are killed, restarted and changed; readers go on by their cursors at other nodes.
Then a checker compares: from one event to the next a reader's cursor may move in one lane only, by that
event or by what a gap says; what stands at a place is the same for all; each lane tells a writer's
values in their order; and every value that was acknowledged was told, unless a gap of the right
node says that it may be gone."""
import os
import shutil
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import protocol  # noqa: E402
import resp  # noqa: E402
from cluster import DEADLINE_S, Cluster, main, wait_until  # noqa: E402
from feeds import REASONS, NativeFeed, WalFeed, places  # noqa: E402
from websocket import Refused  # noqa: E402

AHEAD = 20  # values that a reader has not been told yet

# ---- writers ----

class Writer(threading.Thread):
    """Puts values "NAME:1", "NAME:2", ... through one node, one after the other. `acked`: what was
    acknowledged; what was not may have taken effect or not, and is not put again. It is never much ahead of
    a reader, if one is given."""

    def __init__(self, name, node, prefix, pause_s=0.004, padding=b"", ahead_of=None):
        super().__init__(daemon=True)
        self.ahead_of = ahead_of
        self.name = name
        self.node = node
        self.prefix = prefix
        self.pause_s = pause_s
        self.padding = padding
        self.acked = []
        self.number = 0
        self.over = threading.Event()
        self.connection = None

    def run(self):
        while not self.over.is_set():
            if self.ahead_of is not None and sum(v not in self.ahead_of.values for v in self.acked[-AHEAD:]) == AHEAD:
                self.over.wait(0.01)
                continue
            self.number += 1
            value = f"{self.name}:{self.number}"
            try:
                if self.connection is None:
                    self.connection = self.connect()
                if self.put(f"{self.prefix}{self.name}/{self.number % 16}".encode(),
                            value.encode() + self.padding):
                    self.acked.append(value)
            except (OSError, EOFError, AssertionError, KeyError, TypeError):
                self.connection = None
                self.over.wait(0.1)
            self.over.wait(self.pause_s)

    def stop(self):
        self.over.set()
        self.join()


class NativeWriter(Writer):
    def connect(self):
        connection = protocol.Connection(self.node.client_port)
        connection.socket.settimeout(protocol.RECEIVE_S)
        return connection

    def put(self, key, value):
        answer = self.connection.ask(protocol.put(self.number + 10, key, value))
        return answer[0] == protocol.RESULT and answer[2] == 0


class HttpWriter(Writer):
    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.node.ports["http_port"]),
                                              timeout=protocol.RECEIVE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def put(self, key, value):
        self.connection.sendall(b"PUT /kv/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                                % (key, len(value), value))
        answer = b""
        while b"\r\n\r\n" not in answer:
            some = self.connection.recv(65536)
            if not some:
                raise EOFError
            answer += some
        head, _, body = answer.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]):
                    some = self.connection.recv(65536)
                    if not some:
                        raise EOFError
                    body += some
        return head.split()[1][:1] == b"2"


class RedisWriter(Writer):
    def connect(self):
        return resp.Connection(("127.0.0.1", self.node.redis_port))

    def put(self, key, value):
        return self.connection.ask("SET", key, value) == resp.OK


# ---- readers ----

class Reader(threading.Thread):
    """Reads at one node after the other, of its own accord every `stay_s`, or when its node goes."""

    def __init__(self, name, feed, nodes, prefix, stay_s):
        super().__init__(daemon=True)
        self.name = name
        self.feed = feed
        self.nodes = nodes
        self.prefix = prefix
        self.stay_s = stay_s
        self.cursor = None
        self.history = []  # (event, cursor before it)
        self.values = set()
        self.gaps = []
        self.placed = threading.Event()
        self.hold = threading.Event()  # set: it reads nothing
        self.held = threading.Event()
        self.over = threading.Event()
        self.failure = None
        self.opened = 0

    def run(self):
        try:
            turn = 0
            while not self.over.is_set():
                node = self.nodes[turn % len(self.nodes)]
                turn += 1
                if self.hold.is_set():
                    self.held.set()
                    self.over.wait(0.02)
                elif node.process is not None and node.ports:
                    self.read_at(node)
                else:
                    self.over.wait(0.02)
        except BaseException as failure:  # told by check
            self.failure = failure

    def read_at(self, node):
        try:
            feed = self.feed(node, self.prefix, self.cursor)
        except Refused as refused:
            if refused.status < 500:
                raise
            self.over.wait(0.05)
            return
        except (OSError, EOFError, AssertionError, KeyError, TypeError):
            self.over.wait(0.05)
            return
        self.opened += 1
        end = time.monotonic() + self.stay_s
        try:
            while not self.over.is_set() and not self.hold.is_set() and time.monotonic() < end:
                for event in feed.read():
                    self.take(event)
        except (OSError, EOFError):
            pass
        finally:
            feed.close()

    def take(self, event):
        if not event.get("cursor"):
            return
        if event["op"] != "heartbeat":
            self.history.append((event, self.cursor))
        if event["op"] == "put" and event["value"] is not None:
            self.values.add(event["value"].rstrip("."))
        if event["op"] == "gap":
            self.gaps.append(event)
        self.cursor = event["cursor"]
        self.placed.set()

    def stop(self):
        self.over.set()
        self.join()

    def backs(self):
        return [event["node"] for event, _ in self.history if event["op"] == "back"]

    def gaps_of(self, *reasons):
        return {(gap["node"], gap["reason"]) for gap in self.gaps if gap["reason"] in reasons}


# ---- the checker ----

class Checker:
    """What readers were told, held together."""

    def __init__(self, test):
        self.test = test
        self.at = {}  # (node, lane, tag, position) -> value
        self.told = {}  # reader -> places told, or covered by a gap

    def history(self, reader):
        covered = self.told.setdefault(reader.name, set())
        for event, before in reader.history:
            now = places(event["cursor"])
            if before is None:
                continue
            self._step(reader, event, places(before), now, covered)

    def _step(self, reader, event, before, now, covered):
        what = f"{reader.name}: {event['op']} {event.get('reason')} of {event['node']}"
        moved, unknown = [], False
        for lane, (tag, position) in now.items():
            was_tag, was = before.get(lane, (0, 0))
            if (tag, position) == (was_tag, was) or tag == 0:
                continue
            moved.append(lane)
            if event["op"] == "gap":
                reason = event["reason"]
                self.test.assertIn(reason, ("trimmed", "lost", "crashed"), what)
                if reason == "trimmed" and was_tag == tag:
                    self.test.assertEqual(position - was, event["missed"], what)
                    covered.update((*lane, tag, p) for p in range(was, position))
                continue
            if was_tag == 0:  # a new lane, or its place was not known
                unknown = True
                continue
            self.test.assertEqual((tag, position), (was_tag, was + 1), what)
        if event["op"] == "put" and not unknown:
            self.test.assertEqual(len(moved), 1, what)
        if event["op"] == "put" and len(moved) == 1 and event["value"] is not None:
            place = (*moved[0], now[moved[0]][0], now[moved[0]][1] - 1)
            value = event["value"].rstrip(".")
            covered.add(place)
            self.test.assertEqual(self.at.setdefault(place, value), value, what)
        for lane in before:
            if lane not in now:
                self.test.assertIn((event["op"], event.get("reason")),
                                   (("gap", "removed"), ("gap", "lost")), what)

    def order(self):
        """Of each lane and writer, values in the order in which they were written."""
        last = {}
        for (node, lane, tag, _), value in sorted(self.at.items()):
            writer, _, number = value.partition(":")
            key = (node, lane, tag, writer)
            self.test.assertGreater(int(number), last.get(key, 0), f"{value} comes too late")
            last[key] = int(number)


class Rig:
    """A cluster, writers and readers of one prefix."""

    def __init__(self, test, cluster, prefix="f/"):
        self.test = test
        self.cluster = cluster
        self.prefix = prefix
        self.writers = []
        self.readers = []

    def read(self, name, feed, nodes=None, stay_s=0.7):
        reader = Reader(name, feed, nodes or self.cluster.nodes, self.prefix, stay_s)
        self.readers.append(reader)
        reader.start()
        self.test.assertTrue(reader.placed.wait(DEADLINE_S), f"{name} has no place")
        return reader

    def write(self, kind, node, **options):
        writer = kind(f"w{len(self.writers)}", node, self.prefix, **options)
        self.writers.append(writer)
        writer.start()
        return writer

    def progress(self, seconds, writers=None):
        """Until some more was acknowledged of these writers (all), and so long at least."""
        writers = writers or self.writers
        before = [len(writer.acked) for writer in writers]
        time.sleep(seconds)
        wait_until(lambda: all(len(w.acked) > b + 5 for w, b in zip(writers, before)),
                   "writers go on")

    def finish(self, excused=lambda reader, value: False, gaps=()):
        """All has healed: everybody gets everything, or was told; and of these gaps, (name, reason)."""
        for writer in self.writers:
            writer.stop()
        acked = [value for writer in self.writers for value in writer.acked]
        self.test.assertGreater(len(acked), 50)

        def missing(reader):
            untold = [gap for gap in gaps if gap not in reader.gaps_of(gap[1])]
            return untold + [v for v in acked if v not in reader.values and not excused(reader, v)]

        try:
            for reader in self.readers:
                wait_until(lambda r=reader: r.failure or not missing(r),
                           f"{reader.name} has been told all")
        except AssertionError as slow:
            lost = {reader.name: missing(reader)[:5] for reader in self.readers}
            gaps = {reader.name: sorted(reader.gaps_of(*REASONS.values())) for reader in self.readers}
            raise AssertionError(f"{slow}; acknowledged and not told: {lost}; gaps {gaps}") from None
        finally:
            for reader in self.readers:
                reader.stop()
        checker = Checker(self.test)
        for reader in self.readers:
            if reader.failure is not None:
                raise reader.failure
            checker.history(reader)
        checker.order()
        return checker


class Faults(unittest.TestCase):
    def test_nodes_die_and_come_back_and_nothing_is_missed(self):
        with Cluster(3, storage={"engine": "log"}) as cluster:
            one, two, three = cluster.nodes
            rig = Rig(self, cluster)
            rig.read("wal", WalFeed)
            rig.read("native", NativeFeed, [three, one, two])
            rig.read("stays", WalFeed, [one], stay_s=3600)
            for kind, node in ((NativeWriter, one), (HttpWriter, two), (RedisWriter, three),
                               (NativeWriter, two)):
                rig.write(kind, node)
            rig.progress(0.5)

            two.kill()  # a coordinator
            wait_until(lambda: ("node2", "away") in rig.readers[2].gaps_of("away"), "node2 is away")
            rig.progress(0.2, [rig.writers[0], rig.writers[2]])
            two.start()
            rig.progress(0.1)
            wait_until(lambda: "node2" in rig.readers[2].backs(), "node2 is back")

            one.kill()  # who is read from
            rig.progress(0.3, rig.writers[1:])
            one.start()
            rig.progress(0.2)

            two.settings = {**two.settings, "workers": 3}
            self.assertEqual(two.stop(), 0)
            two.start()
            rig.progress(0.2)
            two.settings = {**two.settings, "workers": 1}
            two.kill()
            two.start()
            rig.progress(0.2)

            self.assertEqual(three.stop(), 0)
            three.start()
            rig.progress(0.2)
            rig.finish(gaps=[("node2", "crashed")])
            for reader in rig.readers:
                self.assertEqual(reader.gaps_of("trimmed", "lost", "removed"), set(), reader.name)

    def test_who_was_away_too_long_is_told_what_exactly(self):
        with Cluster(3, storage={"engine": "log"}, feed={"tail_mb": 1}, workers=1) as cluster:
            rig = Rig(self, cluster)
            whole = rig.read("whole", NativeFeed)
            away = rig.read("away", WalFeed)
            rig.write(NativeWriter, cluster.nodes[0])
            rig.progress(0.2)
            away.hold.set()
            self.assertTrue(away.held.wait(DEADLINE_S))
            # Some 8 MB are kept of each lane; this is two to four times as much of one or two.
            for node in cluster.nodes[:2]:
                rig.write(NativeWriter, node, pause_s=0, padding=b"." * 120000, ahead_of=whole)
            wait_until(lambda: sum(len(writer.acked) for writer in rig.writers[1:]) > 300,
                       "the tails are full", 4 * DEADLINE_S)
            for writer in rig.writers[1:]:
                writer.stop()
            away.hold.clear()
            names = {}

            def excused(reader, value):
                return reader is away and bool(away.gaps_of("trimmed"))

            checker = rig.finish(excused)
            self.assertEqual(whole.gaps_of("trimmed", "lost"), set())
            self.assertTrue(away.gaps_of("trimmed"))
            wait_places = checker.told["whole"]
            behind = places(away.cursor)
            for node, lane, tag, position in wait_places:
                if (node, lane) in behind and position < behind[node, lane][1]:
                    first = [places(b) for _, b in away.history if b is not None][0]
                    if position >= first.get((node, lane), (0, 0))[1]:
                        names[node, lane, tag, position] = checker.at.get((node, lane, tag, position))
            unseen = {place: value for place, value in names.items()
                      if value is not None and value not in away.values
                      and place not in checker.told["away"]}
            self.assertEqual(unseen, {})

    def test_what_memory_alone_kept_is_told_as_lost(self):
        with Cluster(3) as cluster:
            two = cluster.nodes[1]
            rig = Rig(self, cluster)
            stays = rig.read("stays", WalFeed, [cluster.nodes[0]], stay_s=3600)
            resumes = rig.read("resumes", NativeFeed, [cluster.nodes[2], cluster.nodes[0]])
            for kind, node in ((NativeWriter, two), (HttpWriter, cluster.nodes[0])):
                rig.write(kind, node)
            rig.progress(0.3)
            two.kill()
            two.start()
            cluster.wait_settled()
            rig.progress(0.2)
            rig.finish(lambda reader, value: ("node2", "lost") in reader.gaps_of("lost"), [("node2", "lost")])
            for reader in (stays, resumes):
                self.assertEqual({name for name, _ in reader.gaps_of("lost")}, {"node2"})

    def test_an_emptied_node_and_a_copied_feed_begin_anew_and_say_so(self):
        with Cluster(3, storage={"engine": "log"}) as cluster:
            one, two, three = cluster.nodes
            rig = Rig(self, cluster)
            reader = rig.read("stays", WalFeed, [one], stay_s=3600)
            resumes = rig.read("resumes", WalFeed, [one, two])
            rig.write(HttpWriter, two)
            rig.progress(0.2)

            # The feed's folder from before, as a restored backup of the disk would have it.
            self.assertEqual(two.stop(), 0)
            feed = os.path.join(two.data_dir, "feed")
            shutil.copytree(feed, feed + ".copy")
            two.start()
            rig.progress(0.2)
            two.kill()
            shutil.rmtree(feed)
            shutil.copytree(feed + ".copy", feed)
            two.start()
            rig.progress(0.2)
            for one_reader in (reader, resumes):
                wait_until(lambda r=one_reader: ("node2", "lost") in r.gaps_of("lost"),
                           f"{one_reader.name} is told of the copy")

            # Emptied, removed, and back as another of that name.
            three.kill()
            outcome = one.shoal("remove-node", "--node", "node3", "--force")
            self.assertEqual(outcome.status, 0, outcome)
            for one_reader in (reader, resumes):
                wait_until(lambda r=one_reader: ("node3", "removed") in r.gaps_of("removed"),
                           f"{one_reader.name} is told that node3 is out")
            shutil.rmtree(three.data_dir)
            os.makedirs(three.data_dir)
            three.start()
            cluster.join(three)
            rig.write(RedisWriter, three)
            rig.progress(0.2)
            rig.finish(lambda r, value: value.startswith("w0:") and r.gaps_of("lost"))
            self.assertEqual({name for name, _ in reader.gaps_of("lost", "trimmed")}, {"node2"})


if __name__ == "__main__":
    main()
