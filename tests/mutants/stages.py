"""What may notice a broken rule, and in which order it is tried.

A probe is one program that passes while every rule is in force: a test as meson knows it, a model
or the simulator with so many seeds. Stages are named lists of probes. Which stages come first for a
mutant depends on the folder that its switch stands in; among the tests of a layer those of the
switch's own file come first.
"""
import glob
import json
import os
import re
import signal
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TEST_SECONDS_MAX = 60
SLOW_SECONDS_MAX = 180
SEEDS_SECONDS_MAX = 300
END_SECONDS_MAX = 20
CANT_RUN = 77  # a program's status
SEEDS_BASE = 20  # to see that all is well without a mutant
SEED = re.compile(r"(?:SHOAL_SEED=(\d+)|^seed (\d+) (?:breaks|did not))", re.MULTILINE)
FAILED = (r"^\[  FAILED  \] ([a-z_0-9]+)$", r"^(?:FAIL|ERROR): (\w+) ",
          r"^problems\n  (\w+: [^:\n]*)", r"^\w+: FAILED, (.*)$", r"^FAILED: (.*)$")

MODEL = "property-replica-versions"
LAYOUTS = "property-member-layouts"
STORIES = "property-member-layouts-stories"
MODEL_TEST = {"SHOAL_TEST": "real_replicas_keep_them"}
MODEL_SEEDS = (3000, 20000)
LAYOUTS_SEEDS = (200, 2000)
SIMULATOR_SEEDS = 40  # at first; later as many as was asked for
SLOW = ("unit-storage-log_engine", "unit-storage-lsm_engine")  # more than ten seconds

PROTOCOL = ("model", "stories", "layouts", "simulator", "elastic", "unit", "scenario")
MEMBERS = ("stories", "layouts", "elastic", "unit", "simulator", "scenario")
ORDER = {  # by the folder of the switch
    "src/model": ("model", "unit", "simulator", "scenario"),
    "src/replica": PROTOCOL,
    "src/repair": PROTOCOL,
    "src/coordinate": PROTOCOL,
    "src/ring": MEMBERS,
    "src/member": MEMBERS,
    "src/storage": ("unit", "simulator", "scenario"),
    "src/node": ("unit", "simulator", "elastic", "scenario"),
    "src/api": ("unit", "process"),
    "src/server": ("unit", "process"),
    "tests/property/member": MEMBERS,
    "tests/property/replica": PROTOCOL,
}
REST = ("unit", "model", "stories", "layouts", "simulator", "elastic", "readers", "scenario",
        "others", "simulator, long", "elastic, long", "readers, long", "model, long",
        "layouts, long", "process", "faults")

PROCESSES = {  # tests on real processes, by the folder of the switch
    "src/api/redis": ("scenario-redis-standalone", "scenario-redis-differential"),
    "src/api/http": ("scenario-http-kv", "scenario-http-transactions"),
    "src/api": ("scenario-feed", "scenario-native-protocol"),
    "src/client": ("scenario-client-library", "scenario-cli-cluster"),
    "src/storage": ("scenario-durable-storage-log", "scenario-feed-faults"),
    "src/server": ("scenario-durable-storage-log", "scenario-server-process"),
    "src/node": ("scenario-redis-standalone", "scenario-http-transactions", "scenario-verify"),
}

# Scenarios on real processes (tests/fault/scenarios) that should notice these.
SCENARIOS = {
    "accept-covered": "recreate",
    "copy-resumes": "amnesia",
    "expire-early": "expiry_clocks",
    "feed-refused": "feed",
    "hint-unstored": "hints",
    "keep-actor": "amnesia",
    "loss-untold": "data",
    "read-one-less": "sessions",
    "redo-skipped": "bank",
    "settled-early": "power",
    "shard-alone": "kills",
    "sync-skipped": "power",
    "tree-not-added": "islands",
    "unlock-early": "bank",
    "write-beside": "kills",
}
SCENARIO_SEEDS = (1, 2, 3)
SCENARIO_SECONDS_MAX = 400


class Probe:
    """One program. One with seeds says which of them failed; `seeds_into` puts their number into
    its command or its environment."""

    def __init__(self, name, command, environment, seconds_max, seeds=0, seeds_into=None):
        self.name = name
        self.command = command
        self.environment = environment
        self.seconds_max = seconds_max
        self.seeds = seeds
        self.seeds_into = seeds_into

    def run(self, mutant=None, seeds=None):
        """(passes, what failed, seconds) under a mutant, or with every rule in force."""
        began = time.monotonic()
        output, status = self._output(mutant, seeds)
        seconds = time.monotonic() - began
        if output is not None:
            return status in (0, CANT_RUN), what_failed(output), seconds
        # So many seeds, or a busy machine, may just take so long: nothing has been noticed then.
        passes = mutant is not None and (self.seeds > 0 or self._is_slow())
        return passes, f"no end within {self.seconds_max} s", seconds

    def _is_slow(self):
        """Does it take long today with every rule in force, too?"""
        began = time.monotonic()
        self._output(None, None)
        return time.monotonic() - began > self.seconds_max / 4

    def _output(self, mutant, seeds):
        """What it says, and its status; None: it doesn't end."""
        command = list(self.command)
        environment = dict(os.environ, **self.environment)
        environment.pop("SHOAL_MUTANT", None)
        if mutant:
            environment["SHOAL_MUTANT"] = mutant
        if self.seeds:
            self.seeds_into(command, environment, seeds or self.seeds)
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              start_new_session=True) as process:
            try:
                output, _ = process.communicate(timeout=self.seconds_max)
            except subprocess.TimeoutExpired:
                end(process)
                return None, None
        return output, process.returncode


def end(process):
    """Ends the program with all that it has started."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
            process.communicate(timeout=END_SECONDS_MAX)
            return
        except subprocess.TimeoutExpired:
            pass
        except ProcessLookupError:
            return


def what_failed(output):
    """The seed, or the tests by name, as far as the output tells."""
    seed = SEED.search(output)
    if seed:
        return f"seed {seed.group(1) or seed.group(2)}"
    for pattern in FAILED:
        names = re.findall(pattern, output, re.MULTILINE)
        if names:
            return names[0]
    fact = re.search(r"assertion failed: .*", output)
    return fact.group(0)[:60].replace("|", "/") if fact else "an end by itself"


def into_environment(_, environment, seeds):
    environment["SHOAL_SEEDS"] = str(seeds)


def into_command(command, _, seeds):
    command += ["--seeds", str(seeds)]


def switch_of(mutant):
    """(folder, file's stem) of its first switch, in the product before the models."""
    switch = re.compile(rf"MUTANT\({mutant.replace('-', '_')}\)")
    for pattern in ("src/**/*.c", "tests/property/**/*.[ch]"):
        for path in sorted(glob.glob(os.path.join(ROOT, pattern), recursive=True)):
            with open(path, encoding="utf-8") as text:
                if switch.search(text.read()):
                    folder = os.path.relpath(os.path.dirname(path), ROOT)
                    return folder, os.path.splitext(os.path.basename(path))[0]
    return "tests/property/replica", "versions"  # one that the model of versions breaks itself


def of_folder(table, folder):
    """The entries for a folder and those above it, nearest first."""
    while folder:
        if folder in table:
            yield table[folder]
        folder = os.path.dirname(folder)


class Stages:
    """All probes of a build with mutants."""

    def __init__(self, build, seeds):
        self.build = build
        self.seeds = seeds
        listed = subprocess.run(["meson", "introspect", "--tests", build], stdout=subprocess.PIPE,
                                check=True)
        self.tests = {test["name"]: test for test in json.loads(listed.stdout)}

    # ---- probes ----

    def test(self, name):
        test = self.tests[name]
        is_process = name.startswith("scenario-") and not name.startswith("scenario-sim-")
        command = test["cmd"] + (["-f"] if is_process else [])  # the first failure is enough
        slow = is_process or name in SLOW
        return Probe(name, command, test["env"], SLOW_SECONDS_MAX if slow else TEST_SECONDS_MAX)

    def seeded(self, name, seeds, environment):
        test = self.tests[name]
        return Probe(name, test["cmd"], dict(test["env"], **environment), SEEDS_SECONDS_MAX, seeds,
                     into_environment)

    def simulator(self, seeds, *options):
        program = os.path.join(self.build, "tests/sim/shoal-sim")
        command = [program, "--stop", "--quiet", "--twice", "0", *options]
        return Probe(" ".join(("simulator", *options)), command, {}, SEEDS_SECONDS_MAX, seeds,
                     into_command)

    def faults(self):
        """Needs root."""
        if os.geteuid() != 0:
            return []
        program = os.path.join(ROOT, "tests/fault/fault_strace")
        return [Probe("fault_strace", [program, "--engine", "log"], {"SHOAL_BUILD": self.build},
                      SLOW_SECONDS_MAX)]

    def scenarios(self, mutant):
        """What of faults on real processes should notice it; needs root."""
        program = os.path.join(ROOT, "tests/fault/main.py")
        reports = os.path.join(self.build, "fault")
        return [Probe(f"scenario {SCENARIOS[mutant]}, seed {seed}",
                      [program, "--seed", str(seed), "--out", reports, SCENARIOS[mutant]],
                      {"SHOAL_BUILD": self.build}, SCENARIO_SECONDS_MAX)
                for seed in SCENARIO_SEEDS if mutant in SCENARIOS and os.geteuid() == 0]

    def by_name(self, name):
        """The probe that a table names; None where there is none any more."""
        if name.startswith("simulator"):
            return self.simulator(self.seeds, *name.split()[1:])
        if name == MODEL:
            return self.seeded(MODEL, MODEL_SEEDS[1], MODEL_TEST)
        if name == LAYOUTS:
            return self.seeded(LAYOUTS, LAYOUTS_SEEDS[1], {})
        if name in self.tests:
            return self.test(name)
        return next((probe for probe in self.faults() if probe.name == name), None)

    # ---- stages ----

    def _layer(self, layer, folder, stem):
        """Unit and property tests of a layer: the switch's own file first, slow ones last."""
        names = [name for name in self.tests if re.match(rf"(unit|property)-{layer}-", name)
                 and name not in (MODEL, LAYOUTS, STORIES)]
        own = stem.replace("_", "-").split("-")

        def distance(name):
            words = name.replace("_", "-").split("-")[2:]
            return (name in SLOW, words != own, os.path.basename(folder) not in name,
                    own[0] not in words, name)

        return [self.test(name) for name in sorted(names, key=distance)]

    def _others(self, layer, folder, stem):
        layers = {name.split("-")[1] for name in self.tests
                  if name.startswith(("unit-", "property-"))}
        return [probe for other in sorted(layers - {layer})
                for probe in self._layer(other, folder, stem)]

    def _stage(self, stage, folder, stem):
        layer = folder.replace("tests/property/", "src/").split("/")[1]
        return {
            "model": lambda: [self.seeded(MODEL, MODEL_SEEDS[0], MODEL_TEST)],
            "model, long": lambda: [self.seeded(MODEL, MODEL_SEEDS[1], MODEL_TEST)],
            "stories": lambda: [self.test(STORIES)],
            "layouts": lambda: [self.seeded(LAYOUTS, LAYOUTS_SEEDS[0], {})],
            "layouts, long": lambda: [self.seeded(LAYOUTS, LAYOUTS_SEEDS[1], {})],
            "simulator": lambda: [self.simulator(SIMULATOR_SEEDS)],
            "simulator, long": lambda: [self.simulator(self.seeds)],
            "elastic": lambda: [self.simulator(SIMULATOR_SEEDS, "--elastic")],
            "elastic, long": lambda: [self.simulator(self.seeds, "--elastic")],
            "readers": lambda: [self.simulator(SIMULATOR_SEEDS, "--readers")],
            "readers, long": lambda: [self.simulator(self.seeds, "--readers")],
            "unit": lambda: self._layer(layer, folder, stem),
            "others": lambda: self._others(layer, folder, stem),
            "scenario": lambda: [self.test(name) for name in self.tests
                                 if name.startswith("scenario-sim-")],
            "process": lambda: [self.test(name) for names in of_folder(PROCESSES, folder)
                                for name in names],
            "faults": self.faults,
        }[stage]()

    def of(self, mutant):
        """All probes for a mutant, likely ones first."""
        folder, stem = switch_of(mutant)
        first = next(of_folder(ORDER, folder), ())
        for stage in (*first, *(stage for stage in REST if stage not in first)):
            yield from self._stage(stage, folder, stem)
