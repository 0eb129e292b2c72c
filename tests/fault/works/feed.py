"""The live feed: clients that write beside others that read it, over WebSocket and the native protocol,
go on with their cursors at another node whenever theirs is silent, gone, or has bored them, and doze at
times, until a node has no room for what they should be told. (docs/feed.md)

    From one event to the next a reader's cursor moves in one lane, by that event; or as a gap says        else  passed over
    What stands at a place of a lane is the same for all                                                   else  differ
    A lane tells in their order what was written one after the other                                       else  order
    What is told was written, and not refused                                                              else  made up
    What was acknowledged is told to everybody who had begun to read before it was written; but for what
      a gap covers: `trimmed` as far as it says, `lost` and `removed` of the node that it names, `crashed`
      where disks had failed                                                                               else  skipped

Readers hear everything, whoever wrote it, for a lane's places are counted whatever is in them; the
record has what is this workload's, and all that is not plainly another's next event.

    put             value: the number of the operation, and padding
    told            given: event, number, reason, missed, whose; moved: [node, lane, tag, at, tag before, at
                    before], each lane that is elsewhere than before (tag 0: no place is known yet); gone:
                    [node, lane], those that are no more; `begun`: the first of a reader, nothing before it
                    concerns it

"""
import collections
import socket
import time

import feeds
import protocol
from clients import Gone
from record import NOTHING, OK, TOLD
from websocket import Refused
from works import asking
from works.work import Problem, Work, tell

SETUP = "setup"  # told of the run, not by a node: whether disks fail in it
PAUSE_S = 0.008
SLICE_S = 0.15  # of reading, in a round
STAY_S = (0.3, 4.0)  # at one node
DOZE_SHARE = 0.03  # of rounds of a reader
DOZE_S = (0.5, 3.0)
SLOW_BYTES = 8192  # of a reader's socket: what it doesn't read soon stays with the node
PADDING = (0, 0, 0, 1000, 8000)
SILENT_S = 1.0  # heartbeats come ten times as often
OPEN_S = 8.0  # a place in all lanes may take 5 s
QUIET_S = 3.0  # nothing new for so long: all is told that ever will be
CATCH_UP_S = 30.0
KEYS = 16
BROKEN = (OSError, EOFError)
CHANGES = ("put", "delete", "expire", "flush")


class Feed(Work):
    word = "feed"
    usage = "feed [N clients]: every other client reads the live feed, the others write"
    clients = 6

    def __init__(self, words):
        self.prefix = self.word
        self.readers = []
        self._turn = 0

    def prepare(self, run):
        self.prefix = f"{self.word}/{run.record.fresh_id()}/"
        run.record.begin(self.word, 0, "", TOLD, SETUP).conclude(OK, disks="disk" in run.scenario.uses)

    def round(self, client):
        reader = client.state.get("reader")
        if "reader" not in client.state:
            self._turn += 1
            reader = Reader(self, client) if self._turn % 2 else None
            client.state["reader"] = reader
            self.readers += [reader] if reader else []
        if reader:
            reader.read(client, SLICE_S)
            if client.rng.random() < DOZE_SHARE:
                reader.doze(client)
        else:
            self._write(client)

    def _write(self, client):
        key = f"{self.prefix}{client.rng.randrange(KEYS)}"
        op = client.begin(asking.PUT, key)
        padding = "-" * client.rng.choice(PADDING)
        answer = client.call(protocol.PUT, key, f"{op.number} {padding}".encode())
        op.conclude(answer.outcome, answer.why)
        if client.rng.random() < 0.02:
            client.leave()
        client.pause(PAUSE_S * 2 * client.rng.random())

    def finish(self, run):
        """All has healed: everybody reads on until everything is told."""
        written = {op.number for op in run.record.of(self.word) if op.kind == asking.PUT and op.outcome == OK}
        for reader in self.readers:
            end = time.monotonic() + CATCH_UP_S
            reader.heard_at = time.monotonic()
            while time.monotonic() < end and not reader.knows(written):
                try:
                    reader.read(run.ask, SLICE_S)
                except Gone:
                    run.ask.leave()
                if time.monotonic() - reader.heard_at > QUIET_S:
                    break
            reader.close()

    @staticmethod
    def check(ops, facts):
        return check(ops)


class Reader:
    """One who reads, at one node after the other."""

    def __init__(self, work, client):
        self.work = work
        self.number = client.number
        self.kind = client.rng.choice((feeds.WalFeed, feeds.NativeFeed))
        self.cursor = None
        self.heard_at = time.monotonic()  # something new
        self._places = {}
        self._known = set()
        self._placed = None  # the number of the first that it heard
        self._feed = None
        self._spoken_at = 0.0
        self._leave_at = 0.0

    def knows(self, written):
        """Has it been told of all of these that concern it?"""
        return self._placed is not None and all(
            number in self._known for number in written if number > self._placed)

    def read(self, client, seconds):
        """For so long; Gone when its node is."""
        end = time.monotonic() + seconds
        try:
            self._open(client)
            while time.monotonic() < end:
                events = self._feed.read()
                for event in events:
                    self._take(client, event)
                if events:
                    self._spoken_at = time.monotonic()
                elif time.monotonic() - self._spoken_at > SILENT_S:
                    raise EOFError("silent")
        except BROKEN as error:
            self.close()
            raise Gone(str(error)) from None
        if time.monotonic() > self._leave_at:
            self.close()
            client.leave()

    def doze(self, client):
        """Reads nothing for a while."""
        client.pause(client.rng.uniform(*DOZE_S))
        self._spoken_at = time.monotonic()

    def close(self):
        if self._feed is not None:
            self._feed.close()
        self._feed = None

    def _open(self, client):
        if self._feed is not None:
            return
        try:
            self._feed = self.kind(client.node, "", self.cursor, OPEN_S)
        except Refused as refused:
            assert refused.status >= 500, refused  # a cursor that is not taken, for one
            raise EOFError(str(refused)) from None
        self._feed.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BYTES)
        self._spoken_at = time.monotonic()
        self._leave_at = self._spoken_at + client.rng.uniform(*STAY_S)

    def _take(self, client, event):
        if not event.get("cursor"):
            return
        places = feeds.places(event["cursor"])
        before, self._places, self.cursor = self._places, places, event["cursor"]
        moved = [lane for lane, place in places.items() if place != before.get(lane)]
        ours = event["op"] == "put" and (event["key"] or "").startswith(self.work.prefix)
        if ours or self._placed is None or not self._is_plain(event, before, moved):
            self._tell(client, event, before, moved, ours)

    def _is_plain(self, event, before, moved):
        """Nothing for the record: another's event that is in its place, or none at all."""
        known = [lane for lane in moved if before.get(lane, (0, 0))[0] != 0]
        if any(lane not in self._places for lane in before):
            return False
        if event["op"] == "heartbeat":
            return not known
        return event["op"] in CHANGES and len(moved) == len(known) == 1 and \
            self._places[moved[0]] == _next(before[moved[0]])

    def _tell(self, client, event, before, moved, ours):
        text = (event["value"] or "").partition(" ")[0]
        number = int(text) if ours and text.isdigit() else None
        told = client.record.begin(
            self.work.word, self.number, client.node.name, TOLD, (event["key"] or "") if ours else "",
            event=event["op"], number=number, reason=event.get("reason"), missed=event.get("missed"),
            whose=event["node"], begun=self._placed is None, prefix=self.work.prefix,
            moved=[[*_name(lane), *self._places[lane], *before.get(lane, (0, 0))] for lane in moved],
            gone=[_name(lane) for lane in before if lane not in self._places])
        told.conclude(OK)
        if self._placed is None:
            self._placed = told.number
        if number is not None and number not in self._known:
            self._known.add(number)
            self.heard_at = time.monotonic()


def _next(place):
    return place[0], place[1] + 1


def _name(lane):
    """Of a lane, as JSON keeps it: ids are longer than its numbers are exact."""
    return [f"{lane[0]:016x}", lane[1]]


# ---- the checker ------------------------------------------------------------------------------------------

COVERING = ("trimmed", "lost", "removed")


def check(ops):
    """Problems."""
    puts = {op.number: op for op in ops if op.kind == asking.PUT}
    by_reader = collections.defaultdict(list)
    for op in ops:
        if op.kind == TOLD and op.key != SETUP:
            by_reader[op.client].append(op)
    disks = any(op["disks"] for op in ops if op.key == SETUP)
    readers = [_Told(events, puts, COVERING + (("crashed",) if disks else ())) for events in by_reader.values()]
    for reader in readers:
        yield from reader.check()
    standing = {}  # (node, lane, tag, position): the first event that told it
    for reader in readers:
        for place, event in reader.stood.items():
            first = standing.setdefault(place, event)
            if first["number"] != event["number"]:
                yield Problem("differ", event.key, f"{tell(first)}; {tell(event)}")
    yield from _check_order(standing, puts)
    where = {event["number"]: (place, event["whose"]) for place, event in standing.items()}
    for reader in readers:
        yield from reader.check_skipped(where)


def _check_order(standing, puts):
    """Who was over before another was asked stands before it in its lane."""
    latest = {}  # by lane: the put that was asked last, of those at places before
    for place in sorted(standing):
        put = puts.get(standing[place]["number"])
        if put is None:
            continue
        last = latest.get(place[:3])
        if last is not None and put.before(last):
            yield Problem("order", put.key, f"{tell(standing[place])} of {tell(put)} comes after {tell(last)}")
        if last is None or put.start > last.start:
            latest[place[:3]] = put


class _Told:
    """What one reader was told."""

    def __init__(self, events, puts, covering):
        self.events = sorted(events, key=lambda event: event.number)
        self.puts = puts
        self.covering = covering
        self.stood = {}  # (node, lane, tag, position): event
        self.numbers = {event["number"] for event in events}
        self.gaps = []  # those that cover something
        self.covered = []  # (node, lane, tag, from, to)

    def check(self):
        for event in self.events:
            if event["number"] is not None or event.key:
                yield from self._check_put(event)
            if not event["begun"]:
                yield from self._check_step(event)

    def check_skipped(self, where):
        """`where` each put was told to anybody: ((node, lane, tag, position), name of the node)."""
        begun = self.events[0]
        for put in self.puts.values():
            concerns = put.outcome == OK and put.start > begun.end and put.key.startswith(begun["prefix"])
            if concerns and put.number not in self.numbers and not self._is_covered(put, where.get(put.number)):
                yield Problem("skipped", put.key, f"client {begun.client} was not told of {tell(put)}, and of no gap "
                              f"that covers it; it began to read with {tell(begun)}")

    def _is_covered(self, put, told):
        if told is None:  # nobody knows where it stood
            return any(gap.start > put.start for gap in self.gaps)
        (node, lane, tag, at), whose = told
        if any(gap["whose"] == whose and gap["reason"] != "trimmed" for gap in self.gaps):
            return True
        return any(here[:3] == (node, lane, tag) and here[3] <= at < here[4] for here in self.covered)

    def _check_put(self, event):
        put = self.puts.get(event["number"])
        if put is None or put.outcome == NOTHING or put.key != event.key or put.start > event.start:
            yield Problem("made up", event.key, f"{tell(event)}; {tell(put)}")

    def _check_step(self, event):
        gap = event["event"] == "gap"
        fresh = False  # a lane that is new, or had no known place
        own = []
        if gap and event["reason"] in self.covering:
            self.gaps.append(event)
        moved = [lane for lane in event["moved"] if lane[2] != 0]
        for node, lane, tag, at, was_tag, was in moved:
            place = (node, lane, tag, at - 1)
            if gap:
                yield from self._check_gap(event, (node, lane), (tag, at), (was_tag, was))
            elif was_tag == 0:
                fresh = True
            elif event["event"] in CHANGES and (tag, at) == (was_tag, was + 1):
                own.append(place)
            else:
                yield Problem("passed over", event.key,
                              f"from {was_tag:08x} {was} to {tag:08x} {at}; {tell(event)}")
        if not gap and not fresh and len(moved) > 1:
            yield Problem("passed over", event.key, f"two lanes at once; {tell(event)}")
        if event["number"] is not None and len(own) == 1 and not fresh:
            self.stood[own[0]] = event
        if event["gone"] and (event["event"], event["reason"]) not in (("gap", "removed"), ("gap", "lost")):
            yield Problem("passed over", event.key, f"lanes are gone; {tell(event)}")

    def _check_gap(self, event, lane, now, before):
        """A lane that a gap has moved."""
        (tag, at), (was_tag, was) = now, before
        missed = at - was
        if event["reason"] not in ("trimmed", "lost", "crashed") or (
                event["reason"] == "trimmed" and tag == was_tag and missed != event["missed"]):
            yield Problem("passed over", event.key, f"{missed} events; {tell(event)}")
        if event["reason"] not in self.covering:
            return
        if tag == was_tag:
            self.covered.append((*lane, tag, was, at))
        else:
            self.covered += [(*lane, was_tag, was, float("inf")), (*lane, tag, 0, at)]


KINDS = (Feed,)
