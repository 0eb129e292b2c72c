"""Scenario files: what cluster there is, what clients do, what goes wrong when. One directive a line, `#` begins
a comment; the README of this folder has them all. A file that can't be read is refused, with all the lines that are
wrong and what would have been right.
"""
import dataclasses
import os
import re

import faults
import run
import words
import works
from words import Wrong

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenarios")
SUFFIX = ".fault"
AFTER_S = 3.0  # the clients go on for so long after the last act, where the file doesn't say
RUN_S_MAX = 1200.0
ACTS_MAX = 2000
NODES_MAX = 50
WORKERS_MAX = 64
ENGINES = ("log", "lsm", "memory")
DURABILITIES = ("sync", "interval", "os")
CALM = "calm"


class Refused(Exception):
    """FILE:LINE: what is wrong; a line each."""


@dataclasses.dataclass
class Cluster:
    """Facts of the cluster, as far as they are chosen."""

    nodes: int = 3
    n: int = 3
    r: int = 2
    w: int = 2
    sloppy: bool = True
    engine: str = "log"
    durability: str = "sync"
    partitions: int = 32
    workers: int = 2


@dataclasses.dataclass
class Line:
    """An act as it was written. `every`: again and again; `words` the fault's, or "calm"."""

    number: int
    every: bool
    at: tuple  # (least, most) seconds: of the run's time, or between two
    words: tuple
    lasting: tuple | None  # (least, most), None: an instant, or until healing


@dataclasses.dataclass
class Scenario:
    """One file."""

    name: str
    text: str
    about: str = ""
    cluster: Cluster = dataclasses.field(default_factory=Cluster)
    works: list = dataclasses.field(default_factory=list)  # (words, clients or None)
    lines: list = dataclasses.field(default_factory=list)
    run_s: float | None = None
    heal_s: float = 30.0
    short: bool = False

    @property
    def facts(self):
        """What checkers may know of the cluster."""
        return dataclasses.asdict(self.cluster)

    @property
    def uses(self):
        """What the hosts have to have for the faults: see Fault.uses."""
        found = set()
        for line in self.lines:
            if line.words[0] != CALM:
                found.update(type(faults.make(line.words)).uses)
        return found

    def need(self):
        """Raises run.CantRun where this machine hasn't got what the faults take."""
        for line in self.lines:
            lack = line.words[0] != CALM and type(faults.make(line.words)).lacking()
            if lack:
                raise run.CantRun(f"{line.words[0]}: {lack}")

    def make_works(self):
        """The workloads of a run: [(Work, clients)]."""
        made = []
        for text, clients in self.works:
            work = works.make(text)
            made.append((work, clients or work.clients))
        return made


def names(short=False):
    """All there are, or those of the short run, in order."""
    found = sorted(name.removesuffix(SUFFIX) for name in os.listdir(FOLDER) if name.endswith(SUFFIX))
    return [name for name in found if load(name).short] if short else found


def load(name):
    """Of the folder beside this file, by its name; or any file by its path, which has a slash or ends as
    theirs do."""
    is_path = os.sep in name or name.endswith(SUFFIX)
    path = name if is_path else os.path.join(FOLDER, name + SUFFIX)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        raise Refused(f"there is no file {name}" if is_path else
                      f"there is no scenario {name} (--list shows them; of your own: a path)") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{name} can't be read: {getattr(error, 'strerror', None) or error}") from None
    return parse(os.path.basename(path).removesuffix(SUFFIX), text)


def parse(name, text, whole=True):
    """The scenario in a text; Refused. Not `whole`: each line by itself."""
    scenario = Scenario(name, text)
    wrongs = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        directive, *rest = line.split(None, 1)
        try:
            if directive not in DIRECTIVES:
                raise Wrong(f"{directive!r} is no directive ({', '.join(DIRECTIVES)})")
            DIRECTIVES[directive](scenario, number, "".join(rest))
        except Wrong as wrong:
            wrongs.append(f"{name}{SUFFIX}:{number}: {wrong}")
    if wrongs:
        raise Refused("\n".join(wrongs))
    if whole:
        complete(scenario)
    return scenario


def complete(scenario):
    """What only the whole file shows; Refused. Again when something was changed."""
    where = f"{scenario.name}{SUFFIX}"
    if not scenario.works:
        raise Refused(f"{where}: nobody does anything; add a line such as: work set, register")
    for work, _ in scenario.make_works():
        why = work.refuse(scenario.facts)
        if why:
            raise Refused(f"{where}: {work.word}: {why}")
    if scenario.run_s is None:
        ends = [line.at[1] + (line.lasting or (0, 0))[1] for line in scenario.lines if not line.every]
        if any(line.every for line in scenario.lines):
            raise Refused(f"{where}: what happens every so often needs an end; add a line such as: run 20s")
        scenario.run_s = max(ends, default=0.0) + AFTER_S
    _check_times(scenario, where)
    _check_nodes(scenario, where)
    _check_harm(scenario, where)


def _check_times(scenario, where):
    """What is written happens, and the run ends."""
    if not 0 < scenario.run_s <= RUN_S_MAX:
        raise Refused(f"{where}: a run of {scenario.run_s:g} s; it may take up to {RUN_S_MAX:g} s")
    acts = 0.0
    for line in scenario.lines:
        if line.at[1] >= scenario.run_s:
            raise Refused(f"{where}:{line.number}: {line.at[1]:g} s is not before the end of the run, which takes "
                          f"{scenario.run_s:g} s")
        acts += scenario.run_s / line.at[0] if line.every else 1
    if acts > ACTS_MAX:
        raise Refused(f"{where}: {acts:.0f} acts; there may be {ACTS_MAX}")


def _check_nodes(scenario, where):
    """Nodes that are named exist, or may come; and have a disk to come back with."""
    cluster = scenario.cluster
    grows = any(line.words[0] in ("join", "replace") for line in scenario.lines)
    for line in scenario.lines:
        for name in re.findall(r"\bnode(\d+)\b", " ".join(line.words)):
            if int(name) == 0 or int(name) > cluster.nodes and not grows:
                raise Refused(f"{where}:{line.number}: there is no node{name}, only node1 to node{cluster.nodes}")
        if cluster.engine == "memory" and line.words[0] != CALM and type(faults.make(line.words)).ends:
            raise Refused(f"{where}:{line.number}: {line.words[0]} ends nodes, which with the engine memory forget "
                          "what they have confirmed; log or lsm")


def _check_harm(scenario, where):
    """Data may be taken from one node only, until all are whole again: what two of three lose may rightly
    be lost."""
    harmful = [line for line in scenario.lines
               if line.words[0] != CALM and type(faults.make(line.words)).harm]
    calms = [line.at for line in scenario.lines if line.words[0] == CALM and not line.every]
    for line in harmful:
        if line.every:
            raise Refused(f"{where}:{line.number}: {line.words[0]} takes data away, which has to be "
                          "healed before more is: not with `every`; use `at`, and `calm` in between")
    harmful.sort(key=lambda line: line.at)
    for one, other in zip(harmful, harmful[1:]):
        if not any(one.at[1] < calm[0] and calm[1] < other.at[0] for calm in calms):
            raise Refused(f"{where}:{other.number}: line {one.number} takes data away as well; put "
                          "`at TIME calm` between them")


# ---- directives ------------------------------------------------------------------------------------


def _about(scenario, _number, rest):
    scenario.about = f"{scenario.about} {rest}".strip()


def _cluster(scenario, _number, rest):
    cluster = scenario.cluster
    said = set()
    for item in (part.strip() for part in rest.split(",")):
        found = re.fullmatch(r"(\d+) nodes?|(n|r|w) (\d+)|(\d+) partitions|(\d+) workers?", item)
        if found and found[1]:
            cluster.nodes = words.count(found[1])
        elif found and found[2]:
            setattr(cluster, found[2], words.count(found[3]))
            said.add(found[2])
        elif found and found[4]:
            cluster.partitions = words.count(found[4])
        elif found and found[5]:
            cluster.workers = words.count(found[5])
        elif item in ENGINES:
            cluster.engine = item
        elif item in DURABILITIES:
            cluster.durability = item
        elif item in ("sloppy", "strict"):
            cluster.sloppy = item == "sloppy"
        else:
            raise Wrong(f"{item!r} says nothing of a cluster (N nodes, n N, r N, w N, N partitions, N workers, "
                        f"{', '.join(ENGINES)}, {', '.join(DURABILITIES)}, sloppy, strict)")
    if cluster.nodes == 1 and not said:
        cluster.n = cluster.r = cluster.w = 1
    if cluster.nodes > NODES_MAX or cluster.workers > WORKERS_MAX:
        raise Wrong(f"at most {NODES_MAX} nodes, and {WORKERS_MAX} workers")
    if max(cluster.r, cluster.w) > cluster.n:
        raise Wrong("r and w are at most n")


def _work(scenario, _number, rest):
    for item in rest.split(","):
        text = item.split()
        if not text:
            raise Wrong("a workload is missing between two commas")
        clients = None
        if len(text) > 2 and text[2] in ("client", "clients"):
            clients = words.count(text[1])
            del text[1:3]
        works.make(tuple(text))
        scenario.works.append((tuple(text), clients))


def _at(scenario, number, rest):
    _act(scenario, number, rest, False)


def _every(scenario, number, rest):
    _act(scenario, number, rest, True)


def _act(scenario, number, rest, every):
    text = rest.split()
    if len(text) < 2:
        raise Wrong("when and what, such as: at 2s kill any for 3s")
    at = words.span(text.pop(0))
    if every and at[0] <= 0:
        raise Wrong("every 0s never ends")
    lasting = None
    if len(text) > 2 and text[-2] == "for":
        lasting = words.span(text.pop())
        text.pop()
    if text == [CALM]:
        if every or lasting:
            raise Wrong("calm is for `at`, and takes as long as it takes")
    else:
        fault = faults.make(tuple(text))
        if lasting and not fault.lasts:
            raise Wrong(f"{text[0]} is done in an instant, it does not last")
    scenario.lines.append(Line(number, every, at, tuple(text), lasting))


def _run(scenario, _number, rest):
    scenario.run_s = words.seconds(rest)


def _heal(scenario, _number, rest):
    scenario.heal_s = words.seconds(rest)


def _short(scenario, _number, rest):
    if rest:
        raise Wrong("short stands alone")
    scenario.short = True


DIRECTIVES = {"about": _about, "cluster": _cluster, "work": _work, "at": _at, "every": _every, "run": _run,
              "heal": _heal, "short": _short}
