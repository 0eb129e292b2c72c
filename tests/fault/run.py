"""The frame of every fault test: options, seed, cases, evidence, the verdict line, and an end that leaves
nothing behind.

A script names its cases, functions of a Run, and calls main(). A case that returns has passed; one that
raises has failed. Exit status 0: all passed, 1: one failed, 2: usage, 77: this can't be run here.

Programs: SHOAL_BUILD names the build folder; `build` beside `tests` without it. SHOAL_SERVER and SHOAL_CLI
name the programs one by one.
"""
import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from subprocess import TimeoutExpired

import checker
import clients
from history import History
from nodes import HERE, cluster, wait_until

ROOT = os.path.join(HERE, "..", "..")
CANT = 77
ENGINES = ("log", "lsm")


class CantRun(Exception):
    """What is needed is not here."""


class Run:
    """One run of one case: its own random numbers, by seed and name, and its own folder."""

    def __init__(self, options, name, folder, engine):
        self.long = options.long
        self.engine = engine
        self.name = name
        self.rng = random.Random(f"{options.seed} {name}")
        self.folder = folder
        self.history = History()
        self.others = ()  # beginnings of keys that are not in the history: somebody else looks at them

    def say(self, text):
        """Something worth a line, which also goes into the history."""
        self.history.note(text)
        print(f"   {text}", flush=True)

    def pick(self, short, long):
        """How much: in the size that fits into scripts/test, and at night."""
        return long if self.long else short

    def check(self, node, history=None, settle=None):
        """After healing: reads everything back through the node and judges the whole history."""
        history = history or self.history
        if settle is not None:
            settle.wait_settled()
        verdict = judge(node, history, self.others)
        self.say(str(verdict))
        assert verdict.good, f"{len(verdict.problems)} problems"
        return verdict


def judge(node, history, others=()):
    """Reads everything back through the node, and the verdict on the whole history."""
    found = clients.read_all(node, history)
    verdict = checker.check(history)
    listed = {key for key in clients.list_all(node) if not key.startswith(tuple(others))}
    checker.check_listing(history, verdict, listed, found)
    return verdict


def only(*engines):
    """Marks a case that suits these engines alone."""

    def mark(case):
        case.engines = engines
        return case

    return mark


def long_only(*engines):
    """Marks a case that is left to the night for these engines."""

    def mark(case):
        case.long_engines = engines
        return case

    return mark


def find_programs():
    build = os.environ.get("SHOAL_BUILD", os.path.join(ROOT, "build"))
    for variable, path in (("SHOAL_SERVER", "src/shoal-server"), ("SHOAL_CLI", "src/shoal")):
        os.environ.setdefault(variable, os.path.abspath(os.path.join(build, path)))
        if not os.access(os.environ[variable], os.X_OK):
            raise CantRun(f"there is no {os.environ[variable]}; build first, or set SHOAL_BUILD")


def program(path):
    """A test program of the build."""
    build = os.environ.get("SHOAL_BUILD", os.path.join(ROOT, "build"))
    found = os.path.abspath(os.path.join(build, path))
    if not os.access(found, os.X_OK):
        raise CantRun(f"there is no {found}")
    return found


def need(*tools):
    """The programs have to be installed."""
    for tool in tools:
        if shutil.which(tool) is None:
            raise CantRun(f"{tool} is not installed (scripts/setup installs it)")


def need_root():
    if os.geteuid() != 0:
        raise CantRun("this needs root")


def engine_works(engine):
    """Whether this build of the server has the engine."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        file.write('{"storage": {"engine": "%s"}, "quorum": {"n": 1}}' % engine)
        file.flush()
        probe = subprocess.run([os.environ["SHOAL_SERVER"], "--config", file.name, "--check-config"],
                               env=cluster.plain_environment(), capture_output=True, check=False)
    return probe.returncode == 0


def _options(description, engines, short):
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="the size for the night")
    parser.add_argument("--seed", type=int, help="repeats the choices of a run; timing still differs")
    parser.add_argument("--engine", choices=(*ENGINES, "memory"), action="append",
                        help=f"which engine, may be repeated (default: {', '.join(short)}; at night "
                             f"{', '.join(engines)})")
    parser.add_argument("--case", action="append", help="only this case, may be repeated")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a case that failed")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(10**9)
    return options


def _end(number, _frame):
    raise SystemExit(128 + number)


def _run_case(options, case, engine):
    """True when it has passed."""
    name = f"{case.__name__} ({engine})"
    print(f"-- {name}: {(case.__doc__ or '').strip().splitlines()[0]}", flush=True)
    begun = time.monotonic()
    folder = tempfile.mkdtemp(prefix="shoal-fault-")
    os.environ["TMPDIR"] = tempfile.tempdir = folder  # all that is made is below it
    run = Run(options, name, folder, engine)
    passed = False
    try:
        case(run)
        passed = True
    except CantRun:
        raise
    except Exception:
        traceback.print_exc()
    finally:
        tempfile.tempdir = None
        os.environ.pop("TMPDIR")
        if passed or not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            run.history.save(os.path.join(folder, "history.jsonl"))
            print(f"   kept: {folder}")
    print(f"   {name}: {'passed' if passed else 'FAILED'}, {time.monotonic() - begun:.1f} s",
          flush=True)
    return passed


def _suits(options, case, engine):
    if engine not in getattr(case, "engines", (engine,)):
        return False
    return options.long or options.case or engine not in getattr(case, "long_engines", ())


def main(cases, engines=ENGINES, short=("log",), tools=(), root=False):
    """Runs the cases for each engine, in the short size those of `short`, and ends the program."""
    program_name = os.path.basename(sys.argv[0])
    options = _options(sys.modules["__main__"].__doc__, engines, short)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    begun = time.monotonic()
    failed = []
    count = 0
    try:
        find_programs()
        need(*tools)
        if root:
            need_root()
        for engine in options.engine or (engines if options.long else short):
            if not engine_works(engine):
                print(f"-- {engine}: not in this build")
                continue
            for case in cases:
                if options.case and case.__name__ not in options.case:
                    continue
                if not _suits(options, case, engine):
                    continue
                count += 1
                if not _run_case(options, case, engine):
                    failed.append(f"{case.__name__} ({engine})")
    except CantRun as reason:
        print(f"{program_name}: can't run here: {reason}")
        sys.exit(CANT)
    if count == 0:
        print(f"{program_name}: can't run here: no case to run with the engines of this build")
        sys.exit(CANT)
    took = f"{count} cases, seed {options.seed}, {time.monotonic() - begun:.0f} s"
    if failed:
        print(f"{program_name}: FAILED: {', '.join(failed)}; {took}")
        sys.exit(1)
    print(f"{program_name}: passed; {took}")
    sys.exit(0)


__all__ = ["CantRun", "History", "Run",
           "TimeoutExpired", "judge", "long_only", "main", "need", "only", "program",
           "wait_until"]
