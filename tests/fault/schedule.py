"""When what happens: the acts of one run, drawn from the scenario and the seed and from nothing else, so that a seed
repeats them. Whom a fault is done to is drawn when it is done, by the run's own random numbers, as it
depends on who is there; how the machine's threads interleave is not repeated.
"""
import dataclasses
import random

from scenario import CALM


@dataclasses.dataclass
class Act:
    """`at` and `end` in seconds of the run, without the time that calms take. No end: until healing."""

    at: float
    words: tuple
    end: float | None
    line: int

    @property
    def is_calm(self):
        return self.words[0] == CALM


def draw(scenario, seed):
    """All acts in the order of their times."""
    acts = []
    for line in scenario.lines:
        rng = random.Random(f"{seed} {line.number}")
        for at in _moments(line, scenario.run_s, rng):
            end = at + rng.uniform(*line.lasting) if line.lasting else None
            acts.append(Act(at, line.words, end, line.number))
    return sorted(acts, key=lambda act: (act.at, act.line))


def _moments(line, run_s, rng):
    if not line.every:
        return [rng.uniform(*line.at)]
    moments = []
    at = rng.uniform(*line.at)
    while at < run_s:
        moments.append(at)
        at += rng.uniform(*line.at)
    return moments
