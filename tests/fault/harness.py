"""One run of one scenario: builds the cluster, lets clients work while faults come and go by the
schedule, heals, waits until nothing is left to heal, and has everything that was answered judged. What
a run was, is in its record; what came of it, in its Verdict.
"""
import dataclasses
import heapq
import itertools
import random
import tempfile
import time
import traceback

import faults
import membership
import schedule
from arena import Arena
from record import Record
from run import CantRun
from works import equality
from works.client import Client, Insistent
from works.work import Problem

POLL_S = 0.02
SETTLE_S = 90.0
DRAIN_S = 30.0  # in which clients have to stop
ODD_MAX = 20  # of operations that can't have been so many are told


@dataclasses.dataclass
class Verdict:
    """`problems`: (work, Problem); `fallen`: a fault of the harness itself, as text, or None."""

    record: Record
    problems: list
    equal_s: float | None  # from healing until all owners were identical
    took_s: float
    fallen: str | None = None

    @property
    def good(self):
        return not self.problems and not self.fallen


class Run:
    """What workloads see of a run: see works/work.py."""

    def __init__(self, scenario, seed, record, arena):
        self.scenario = scenario
        self.facts = scenario.facts
        self.record = record
        self.arena = arena
        self.rng = random.Random(f"{seed} run")
        self.gate = Gate()
        self.ask = None  # an Insistent, for the workload that is being prepared or finished


class Gate:
    """Clients go through it before each round; who closes it waits until they all stand still."""

    def __init__(self):
        self.clients = []
        self.closed = False

    def close(self):
        self.closed = True
        end = time.monotonic() + DRAIN_S
        while not all(client.held or not client.is_alive() for client in self.clients):
            assert time.monotonic() < end, "clients don't come to a halt"
            time.sleep(POLL_S)

    def open(self):
        self.closed = False


class Schedule:
    """The acts of a run: what is due, what is being done, and what is to be undone when."""

    def __init__(self, scenario, seed, arena, calm):
        self.arena = arena
        self.acts = schedule.draw(scenario, seed)
        self.rng = random.Random(f"{seed} targets")
        self.calm_s = 0.0  # what calms took so far
        self._calm = calm
        self._ends = []  # (time, number, fault, hosts, trouble), a heap
        self._numbers = itertools.count()

    def step(self, now):
        """Does what is due at this time of the run."""
        for end in [end for end in self._ends if end[2].tend(self.arena)]:
            self._drop(end)
        while self._ends and self._ends[0][0] <= now:
            self._end(*heapq.heappop(self._ends)[2:])
        while self.acts and self.acts[0].at <= now:
            act = self.acts.pop(0)
            if act.is_calm:
                begun = time.monotonic()
                self._calm("calm")
                self.calm_s += time.monotonic() - begun
                return
            else:
                self._begin(act)

    def end_all(self):
        """Undoes everything, the last first."""
        while self._ends:
            self._drop(max(self._ends, key=lambda end: end[1]))

    def _begin(self, act):
        fault = faults.make(act.words)
        begun = self.arena.record.now()  # clients may feel it long before all of it is done
        hosts, text = fault.begin(self.arena, self.rng)
        if not text:
            self.arena.say(f"left out: {' '.join(act.words)} (no node is in a state to be met by it)")
            return
        trouble = self.arena.record.trouble(fault.word, [host.name for host in hosts], text, begun)
        fault.trouble = trouble
        if not fault.lasts:
            trouble.end = self.arena.record.now()
            return
        for host in hosts:
            host.troubles.add(fault)
        end = act.end if act.end is not None else float("inf")
        heapq.heappush(self._ends, (end, next(self._numbers), fault, hosts, trouble))

    def _drop(self, end):
        """Undoes one, whenever it was to end."""
        self._ends.remove(end)
        heapq.heapify(self._ends)
        self._end(*end[2:])

    def _end(self, fault, hosts, trouble):
        text = fault.end(self.arena)
        for host in hosts:
            host.troubles.discard(fault)
        trouble.end = self.arena.record.now()
        if text:
            self.arena.say(text)


def run(scenario, seed, folder, about=None):
    """One run, all of it within `folder`: a Verdict. Raises only CantRun."""
    record = Record({"scenario": scenario.name, "text": scenario.text, "seed": seed, "facts": scenario.facts,
                     "run_s": scenario.run_s, "heal_s": scenario.heal_s, **(about or {})})
    begun = time.monotonic()
    verdict = Verdict(record, [], None, 0.0)
    before, tempfile.tempdir = tempfile.tempdir, folder
    try:
        with Arena(scenario, record, folder) as arena:
            try:
                _play(scenario, seed, record, arena, verdict)
            finally:
                record.about["node_problems"] = list(arena.problems)
                arena.keep_logs(folder)
    except CantRun:
        raise
    except Exception as error:
        traceback.print_exc()
        verdict.fallen = f"{type(error).__name__}: {error}"
        verdict.problems = _of_nodes(record)
    finally:
        tempfile.tempdir = before
    verdict.took_s = time.monotonic() - begun
    return verdict


def _play(scenario, seed, record, arena, verdict):
    run_ = Run(scenario, seed, record, arena)
    works = scenario.make_works()
    for work, _ in works:
        run_.ask = Insistent(run_, work, 0, run_.rng.random())
        work.prepare(run_)
        run_.ask.leave()
    clients = _start_clients(run_, works)

    def calm(what):
        run_.gate.close()
        plan.end_all()
        verdict.equal_s = _settle(run_, what)
        run_.gate.open()

    plan = Schedule(scenario, seed, arena, calm)
    try:
        _disturb(scenario, arena, plan, clients)
        record.note("healing")
        run_.gate.close()
        plan.end_all()
    finally:
        _stop_clients(clients)
    verdict.equal_s = _settle(run_, "healed")
    for work, _ in works:
        run_.ask = Insistent(run_, work, 0, run_.rng.random())
        work.finish(run_)
        run_.ask.leave()
    record.about["node_problems"] = list(arena.problems)
    verdict.problems = judge(record, scenario)


def judge(record, scenario):
    """All that the checkers find in a record: [(workload, Problem)]."""
    found = [("record", Problem("impossible", "", text)) for text in itertools.islice(record.impossible(), ODD_MAX)]
    for work in {work.word: work for work, _ in scenario.make_works()}.values():
        found += [(work.word, problem) for problem in work.check(record.of(work.word), record.about["facts"])]
    return found + _of_nodes(record)


def _of_nodes(record):
    """What the nodes themselves did wrong, as problems."""
    return [("node", Problem("node", "", text)) for text in record.about.get("node_problems", ())]


def _start_clients(run_, works):
    clients = []
    for work, count in works:
        for _ in range(count):
            clients.append(Client(run_, work, len(clients) + 1, run_.rng.random()))
    run_.gate.clients = clients
    for client in clients:
        client.start()
    return clients


def _stop_clients(clients):
    for client in clients:
        client.stop()
    for client in clients:
        client.join(DRAIN_S)
        assert not client.is_alive(), f"{client.name} does not stop"
        if client.failure is not None:
            raise client.failure


def _disturb(scenario, arena, plan, clients):
    """The schedule, to its end. What a calm takes is no time of the run."""
    begun = time.monotonic()
    arena.record.note("0s of the scenario")
    while True:
        now = time.monotonic() - begun - plan.calm_s
        if now >= scenario.run_s:
            return
        plan.step(now)
        arena.tend()
        for client in clients:
            if client.failure is not None:
                raise client.failure
        time.sleep(POLL_S)


def _settle(run_, what):
    """Nothing is wrong any more: waits until everybody is up, one layout is left, nothing is to be
    moved, and all owners are equal. The seconds that the last took."""
    arena = run_.arena
    arena.say(what)
    membership.wait_settled(arena, SETTLE_S, POLL_S)
    return equality.check_equal(run_, run_.scenario.heal_s)
