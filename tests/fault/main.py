#!/usr/bin/python3
"""Runs faults on real nodes, judges what clients were answered, and reports. As root; scripts/fault builds what it
needs and calls it.

  NAME...              these scenarios (tests/fault/scenarios), or files by their paths; or stories (the programs
                       tests/fault/fault_*, without the prefix)
  short                what belongs to every test run: the scenarios marked so, and all stories in short
  all                  the stories, and then all scenarios again and again with fresh seeds, for --minutes
  random, soak         a scenario that is made up from the seed; such, again and again, for --minutes
  --judge HISTORY...   judges histories that were saved (history.jsonl), and draws their pages beside them
  --list               the scenarios and stories, and what scenario files are made of

Each run is enclosed in namespaces of its own (enclosure.py). A scenario's report goes to a folder that is named; of
one that fails the history and the nodes' logs, too. The last line is "N passed, N failed". The status is 0 if something
passed and nothing failed, 1 otherwise, 2 if it was called wrongly, 77 if nothing can run on this machine.
"""
import argparse
import concurrent.futures
import contextlib
import glob
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import compose  # noqa: E402
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
INTERRUPTED = 128 + signal.SIGINT
HISTORY, PAGE, SUMMARY = "history.jsonl", "report.html", "report.txt"
RUN_S_MAX = 1800  # far beyond any run
STORY = "fault_"
RANDOM = "random"
SHORT = "short"
FOREVER = ("all", "soak")
ALONE = (SHORT, *FOREVER)
LONGEST = ("elastic", "strace")  # of `short`: begun first, so that nobody waits for them alone at the end
SHOWING = threading.Lock()


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seed", type=int, help="repeats the choices of a run; timing still differs")
    parser.add_argument("--times", type=_count, default=1, help="runs of each, with a seed each (1)")
    parser.add_argument("--jobs", type=_count, help="so many at once (1; of `short` one more than processors)")
    parser.add_argument("--long", action="store_true", help="stories in their size for the night")
    parser.add_argument("--minutes", type=float, default=60, help="of `all` and `soak` (60)")
    parser.add_argument("--engine", choices=scenarios.ENGINES, help="instead of what the files say")
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "fault"),
                        help="where reports go, a folder each (build/fault)")
    parser.add_argument("--keep", action="store_true", help="keep the history of what passed, too")
    parser.add_argument("--list", action="store_true", help="all names, every fault and every workload")
    parser.add_argument("--judge", action="store_true", help="judge and draw histories that were saved")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if not options.names and not options.list:
        parser.error("which histories?" if options.judge else "which scenario? --list shows them")
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(10**9)
    if options.jobs is None:  # most of what they do is to wait
        options.jobs = len(os.sched_getaffinity(0)) + 1 if options.names == [SHORT] else 1
    return options


def _count(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def show_list():
    for name in scenarios.names():
        found = scenarios.load(name)
        print(f"{name:24} {'short  ' if found.short else '       '}{found.about}")
    print("\nStories:")
    for name in stories():
        print(f"  {name}")
    print("\nFaults (TARGET: any, N any, all, node2, node1+node3; * done in an instant, without `for`):")
    for kind in sorted(faults.KINDS.values(), key=lambda kind: kind.usage):
        print(f"{' ' if kind.lasts else '*'} {kind.usage}")
    print("\nWorkloads:")
    for kind in sorted(works.KINDS.values(), key=lambda kind: kind.usage):
        print(f"  {kind.usage}")


def judge_saved(paths):
    """The verdict on histories, and their pages beside them."""
    bad = 0
    for path in paths:
        record = records.load(path)
        if not {"scenario", "text", "facts"} <= set(record.about):
            raise records.NoHistory(f"{path} is no history: it doesn't say what the run was")
        found = scenarios.parse(record.about["scenario"], record.about["text"], whole=False)
        problems = harness.judge(record, found)
        page = os.path.splitext(path)[0] + ".html"
        with open(page, "w", encoding="utf-8") as file:
            file.write(timeline.page(record, problems))
        print(f"{text.summary(record, problems)}\n{page}")
        bad += bool(problems or record.about.get("fallen"))
    return FAILED if bad else PASSED


# ---- one run, enclosed -------------------------------------------------------------------------------


def inside(options):
    """The run itself; its report and evidence go to options.inside."""
    name = options.names[0]
    found = compose.compose(options.seed) if name == RANDOM else scenarios.load(name)
    command = f"scripts/fault --seed {options.seed}"
    try:
        if options.engine:
            found.cluster.engine = options.engine
            command += f" --engine {options.engine}"
            scenarios.complete(found)
        found.need()
        verdict = harness.run(found, options.seed, enclosure.folder(),
                              {"command": f"{command} {shlex.quote(name)}"})
    except (programs.CantRun, scenarios.Refused) as reason:
        print(f"   can't run: {reason}")
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


def stories():
    """{name: program}"""
    return {name.removeprefix(STORY): os.path.join(HERE, name) for name in sorted(os.listdir(HERE))
            if name.startswith(STORY) and os.access(os.path.join(HERE, name), os.X_OK)}


def command_of(options, name, seed):
    """What to run for it, and where its report will be, if it makes one."""
    if name in stories():
        command = [stories()[name], "--seed", str(seed)]
        command += ["--long"] if options.long else []
        folder = None
    else:
        label = os.path.basename(name).removesuffix(scenarios.SUFFIX)
        folder = os.path.join(os.path.abspath(options.out), f"{label}-{seed}")
        command = [sys.executable, os.path.abspath(__file__), "--seed", str(seed), "--inside", folder, name]
        command += ["--keep"] if options.keep else []
    return command + (["--engine", options.engine] if options.engine else []), folder


def run_one(options, name, seed):
    """PASSED, FAILED or CANT. Several at once are shown one after the other."""
    command, folder = command_of(options, name, seed)
    forget_report(folder)
    begun = time.monotonic()
    with enclosure.place() as path, contextlib.ExitStack() as stack:
        shown = stack.enter_context(open(os.path.join(path, "shown"), "w+b")) if options.jobs > 1 else None
        if not shown:
            print(f"-- {name}, seed {seed}", flush=True)
        try:
            status = enclosure.run(command, path, RUN_S_MAX, shown)
            if enclosure.has_ended():
                raise enclosure.Ended
            if status == INTERRUPTED:  # as this program is about to be
                raise KeyboardInterrupt
            ended = ""
        except subprocess.TimeoutExpired:
            status = FAILED
            ended = f"   no end in {RUN_S_MAX} s\n"
        word = {PASSED: "passed", CANT: "can't run"}.get(status, "FAILED")
        ended += f"   {name}: {word}, {time.monotonic() - begun:.0f} s"
        if folder and os.path.exists(os.path.join(folder, PAGE)):
            ended += f": {folder}/{PAGE}"
        with SHOWING:
            if shown:
                shown.seek(0)
                print(f"-- {name}, seed {seed}\n{shown.read().decode(errors='replace')}", end="")
            print(ended, flush=True)
    return status if status in (PASSED, CANT) else FAILED


def forget_report(folder):
    """What an earlier run of the same seed left, so that nobody takes it for this one's."""
    for path in glob.glob(os.path.join(glob.escape(folder), "*")) if folder else ():
        if os.path.basename(path) in (HISTORY, PAGE, SUMMARY) or path.endswith(".log"):
            os.remove(path)


def plan_of(options):
    """(name, seed) of the runs, endless for `all`."""
    if options.names[0] in FOREVER:
        yield from _plan_for_minutes(options)
        return
    names = options.names
    if names == [SHORT]:
        names = sorted([*stories(), *scenarios.names(short=True)], key=lambda name: name not in LONGEST)
    for number in range(options.times):
        for name in names:
            yield name, options.seed + number


def _plan_for_minutes(options):
    """Until nothing more fits, each round with another seed."""
    end = options.begun + options.minutes * 60
    soak = options.names[0] == "soak"
    if not soak:
        yield from ((name, options.seed) for name in stories())
    seed = options.seed
    while True:
        for name in [RANDOM] if soak else scenarios.names():
            found = compose.compose(seed) if soak else scenarios.load(name)
            if time.monotonic() + found.run_s > end:
                return
            yield name, seed
        seed += 1


def check_names(options):
    """Refuses what isn't there before anything is run."""
    alone = [name for name in options.names if name in ALONE]
    if alone and len(options.names) > 1:
        raise scenarios.Refused(f"{alone[0]} stands alone")
    if not alone:
        for name in options.names:
            if name != RANDOM and name not in stories():
                scenarios.load(name)
    programs.need_root()
    programs.find_programs()
    programs.need("ip", "nft", "unshare", "setpriv")


def run_many(options):
    """All of the plan, so many at once as is asked for: {what: status}."""
    outcomes = {}
    plan = plan_of(options)
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                name, seed = next(plan, (None, None))
            if name is None:
                return
            outcomes[f"{name} (seed {seed})"] = run_one(options, name, seed)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        waiting = [pool.submit(work) for _ in range(options.jobs)]
        try:
            for future in concurrent.futures.as_completed(waiting):
                future.result()
        except BaseException:
            enclosure.end_all()  # and the threads, which wait for these, remove their folders
            raise
    return outcomes


def main(arguments):
    options = options_of(arguments)
    options.begun = time.monotonic()
    if options.inside:
        return inside(options)
    if options.list:
        show_list()
        return PASSED
    if options.judge:
        return judge_saved(options.names)
    try:
        check_names(options)
    except programs.CantRun as reason:
        print(f"the fault tests can't run here: {reason}")
        return CANT
    outcomes = run_many(options)
    broken = [what for what, status in outcomes.items() if status == FAILED]
    passed = sum(status == PASSED for status in outcomes.values())
    for what in broken:
        print(f"FAILED: {what}")
    print(f"took {(time.monotonic() - options.begun) / 60:.1f} min")
    print(f"{passed} passed, {len(broken)} failed")
    if outcomes and all(status == CANT for status in outcomes.values()):
        return CANT
    return PASSED if passed and not broken else FAILED


def _end(number, _frame):
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, _end)
    try:
        sys.exit(main(sys.argv[1:]))
    except (scenarios.Refused, records.NoHistory) as refused:
        print(refused, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        if not enclosure.folder():
            print("\ninterrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # whoever reads it has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
