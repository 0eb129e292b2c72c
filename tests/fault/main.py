#!/usr/bin/python3
"""Runs scenarios of faults on real nodes, judges what clients were answered, and reports. As root; scripts/fault builds
what it needs and calls it.

  main.py [options] NAME...       these scenarios (tests/fault/scenarios), or files by their paths
  main.py [options] short         those that belong to every test run
  main.py [options] all           all of them, again and again with fresh seeds, for --minutes
  main.py --judge HISTORY...      judges and draws histories that were saved
  main.py --list                  the scenarios, and what scenario files are made of

Each run is enclosed in namespaces of its own (enclosure.py). A run that fails leaves its history, the nodes' logs and
the report in the folder that is named; the last line is "N passed, N failed".
"""
import argparse
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import enclosure  # noqa: E402
import faults  # noqa: E402
import harness  # noqa: E402
import record as records  # noqa: E402
import run as programs  # noqa: E402
import scenario as scenarios  # noqa: E402
import works  # noqa: E402
from report import text, timeline  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
PASSED, FAILED, CANT = 0, 1, 77
HISTORY, PAGE, SUMMARY = "history.jsonl", "report.html", "report.txt"
RUN_S_MAX = 1800  # far beyond any run
MARGIN_S = 60  # `all` doesn't begin what would be over so much later than it should


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seed", type=int, help="repeats the choices of a run; timing still differs")
    parser.add_argument("--times", type=int, default=1, help="runs of each, with a seed each (1)")
    parser.add_argument("--minutes", type=float, default=60, help="of `all` (60)")
    parser.add_argument("--engine", choices=scenarios.ENGINES, help="instead of what the files say")
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "fault"),
                        help="where reports go, a folder each (build/fault)")
    parser.add_argument("--keep", action="store_true", help="keep the history of what passed, too")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--judge", action="store_true")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(10**9)
    return options


def show_list():
    for name in scenarios.names():
        found = scenarios.load(name)
        print(f"{name:24} {'short  ' if found.short else '       '}{found.about}")
    print("\nFaults (TARGET: any, N any, all, node2, node1+node3):")
    for kind in sorted(faults.KINDS.values(), key=lambda kind: kind.usage):
        print(f"  {kind.usage}")
    print("\nWorkloads:")
    for kind in sorted(works.KINDS.values(), key=lambda kind: kind.usage):
        print(f"  {kind.usage}")


def judge_saved(paths):
    """The verdict on histories, and their pages beside them."""
    bad = 0
    for path in paths:
        record = records.load(path)
        found = scenarios.parse(record.about["scenario"], record.about["text"])
        problems = harness.judge(record, found)
        page = os.path.splitext(path)[0] + ".html"
        with open(page, "w", encoding="utf-8") as file:
            file.write(timeline.page(record, problems))
        print(f"{text.summary(record, problems)}\n{page}")
        bad += bool(problems)
    return FAILED if bad else PASSED


# ---- one run, enclosed -------------------------------------------------------------------------------


def inside(options):
    """The run itself; its report and evidence go to options.inside."""
    enclosure.enter()
    name = options.names[0]
    found = scenarios.load(name)
    command = f"scripts/fault --seed {options.seed}"
    if options.engine:
        found.cluster.engine = options.engine
        command += f" --engine {options.engine}"
    try:
        verdict = harness.run(found, options.seed, enclosure.folder(),
                              {"command": f"{command} {shlex.quote(name)}"})
    except programs.CantRun as reason:
        print(f"   can't run here: {reason}")
        return CANT
    record = verdict.record
    record.about.update(verdict="passed" if verdict.good else "FAILED", equal_s=verdict.equal_s,
                        took_s=verdict.took_s, fallen=verdict.fallen)
    _report(options, verdict)
    return PASSED if verdict.good else FAILED


def _report(options, verdict):
    folder = options.inside
    os.makedirs(folder, exist_ok=True)
    summary = text.summary(verdict.record, verdict.problems)
    if verdict.fallen:
        summary += f"\nthe run itself failed: {verdict.fallen}"
    for name, content in ((SUMMARY, summary + "\n"),
                          (PAGE, timeline.page(verdict.record, verdict.problems))):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(content)
    if options.keep or not verdict.good:
        verdict.record.save(os.path.join(folder, HISTORY))
        for name in sorted(os.listdir(enclosure.folder())):
            if name.endswith(".log"):
                shutil.copy(os.path.join(enclosure.folder(), name), folder)
    print(summary, flush=True)


# ---- many ----------------------------------------------------------------------------------------------


def run_one(options, name, seed):
    """PASSED, FAILED or CANT."""
    label = os.path.basename(name).removesuffix(scenarios.SUFFIX)
    folder = os.path.join(os.path.abspath(options.out), f"{label}-{seed}")
    print(f"-- {label}, seed {seed}", flush=True)
    command = [sys.executable, os.path.abspath(__file__), "--seed", str(seed), "--inside", folder, name]
    if options.engine:
        command += ["--engine", options.engine]
    if options.keep:
        command.append("--keep")
    begun = time.monotonic()
    with enclosure.place() as path:
        try:
            status = enclosure.run(command, path, timeout_s=RUN_S_MAX)
        except subprocess.TimeoutExpired:
            print(f"   no end in {RUN_S_MAX} s")
            status = FAILED
    took = time.monotonic() - begun
    word = {PASSED: "passed", CANT: "can't run here"}.get(status, "FAILED")
    print(f"   {word}, {took:.0f} s{'' if status == CANT else f': {folder}/{PAGE}'}", flush=True)
    return status if status in (PASSED, CANT) else FAILED


def plan_of(options):
    """(name, seed) of the runs, endless for `all`."""
    if options.names == ["all"]:
        end = time.monotonic() + options.minutes * 60
        seed = options.seed
        while True:
            for name in scenarios.names():
                if time.monotonic() + scenarios.load(name).run_s > end + MARGIN_S:
                    return
                yield name, seed
            seed += 1
    names = scenarios.names(short=True) if options.names == ["short"] else options.names
    for number in range(options.times):
        for name in names:
            yield name, options.seed + number


def main(arguments):
    options = options_of(arguments)
    if options.inside:
        return inside(options)
    if options.list:
        show_list()
        return PASSED
    if options.judge:
        return judge_saved(options.names)
    if not options.names:
        print("which scenario? --list shows them, --help how to call this")
        return 2
    for name in options.names if options.names not in (["all"], ["short"]) else []:
        scenarios.load(name)
    try:
        programs.need_root()
        programs.find_programs()
        programs.need("ip", "nft", "unshare")
    except programs.CantRun as reason:
        print(f"the fault scenarios can't run here: {reason}")
        return CANT
    begun = time.monotonic()
    passed = 0
    broken = []
    for name, seed in plan_of(options):
        status = run_one(options, name, seed)
        passed += status == PASSED
        if status == FAILED:
            broken.append(f"{name} (seed {seed})")
    for what in broken:
        print(f"FAILED: {what}")
    print(f"took {(time.monotonic() - begun) / 60:.1f} min")
    print(f"{passed} passed, {len(broken)} failed")
    return PASSED if passed and not broken else FAILED


def _end(number, _frame):
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main(sys.argv[1:]))
    except scenarios.Refused as refused:
        sys.exit(str(refused))
