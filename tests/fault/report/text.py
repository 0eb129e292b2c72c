"""A run in a screen of text: what it was and how to have it again, what clients got, how available the cluster was,
what each fault did to that, and the verdict, which comes first and last."""
import math
import re

from record import NOTHING, OK, TOLD, UNKNOWN
from report.figures import Figures, latency, outcomes, seconds_text, share_text

PROBLEMS_SHOWN = 20
TROUBLES_SHOWN = 60
NOTES_SHOWN = 30


def summary(record, problems):
    """`problems`: what the checkers found, as (workload, Problem)."""
    figures = Figures(record)
    parts = [_head(record, problems), _works(figures), _availability(figures)]
    parts += [_troubles(figures), _notes(record), _problems(problems), [verdict(record, problems)]]
    return "\n\n".join("\n".join(part) for part in parts if part)


def verdict(record, problems):
    """One line."""
    name = record.about.get("scenario", "run")
    if problems:
        return plain(f"{name}: FAILED, {count_text(problems)}")
    if record.about.get("fallen"):
        return plain(f"{name}: FAILED, the run itself: {record.about['fallen']}")
    told = sum(op.kind == TOLD for op in record.ops)
    events = f" and {told} event{'s' if told != 1 else ''}" if told else ""
    return plain(f"{name}: passed, {len(record.ops) - told} operations{events} judged")


def told(trouble):
    """A fault in words: with its kind, where its text doesn't begin with that."""
    return trouble.text if trouble.text.startswith(trouble.word) else f"{trouble.word}: {trouble.text}"


def count_text(problems):
    return f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"


def about_of(record):
    """What the scenario's file says that it is about."""
    return " ".join(re.findall(r"^about +(.*)$", str(record.about.get("text", "")), re.MULTILINE))


def plain(text):
    """What a terminal may be sent: one line, nothing that it would obey."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(text))


def facts_text(facts):
    """Facts of a cluster in words."""
    if not isinstance(facts, dict):
        return str(facts)
    said = []
    for name, value in facts.items():
        if isinstance(value, bool) or value is None:
            said += [name] if value else []
        elif name.endswith("s"):
            said.append(f"{value} {name if value != 1 else name[:-1]}")
        else:
            said.append(f"{name} {value}")
    return ", ".join(said)


def _head(record, problems):
    about = record.about
    lines = [verdict(record, problems)]
    if about_of(record):
        lines.append(plain(f"  {about_of(record)}"))
    for name, title in (("seed", "seed"), ("command", "again"), ("facts", "cluster")):
        if about.get(name) is not None:
            lines.append(plain(f"  {title:8} {facts_text(about[name])}"))
    return lines


def _works(figures):
    names = sorted({op.work for op in figures.requests})
    if not names:
        return ["no operations"]
    lines = [f"{'':14}{'operations':>10}{'ok':>10}{'nothing':>9}{'unknown':>9}   "
             f"{'healthy: p50':>12}{'p99':>9}{'max':>9}   {'in faults: p50':>14}{'p99':>9}{'max':>9}"]
    for name in names + (["all"] if len(names) > 1 else []):
        ops = [op for op in figures.requests if name in (op.work, "all")]
        counts = outcomes(ops)
        healthy = latency(op for op in ops if not figures.in_trouble(op))
        troubled = latency(op for op in ops if figures.in_trouble(op))
        lines.append(f"{plain(name):14}{len(ops):>10}{counts[OK]:>10}{counts[NOTHING]:>9}{counts[UNKNOWN]:>9}   "
                     f"{_times(healthy, 12)}   {_times(troubled, 14)}")
    return lines


def _times(found, width):
    texts = ["-"] * 3 if found is None else [seconds_text(time) for time in (found.p50, found.p99, found.max)]
    return f"{texts[0]:>{width}}{texts[1]:>9}{texts[2]:>9}"


def _availability(figures):
    healthy, troubled = figures.availability_apart()
    line = f"available in {share_text(figures.availability())} of the windows of 100 ms in which anything was " \
           f"asked (healthy {share_text(healthy)}, in faults {share_text(troubled)})"
    gap = figures.longest_gap()
    return [line] + ([f"longest gap {_gap(gap)}"] if gap else [])


def _gap(gap):
    return f"{seconds_text(gap.end - gap.start)} at {gap.start:.2f} s"


def _troubles(figures):
    lines = []
    for trouble in figures.troubles[:TROUBLES_SHOWN]:
        end = min(trouble.end, figures.end)
        lasted = "" if end == trouble.start else f"for {seconds_text(end - trouble.start)}"
        if trouble.end == math.inf:
            lasted = "until the end"
        during = figures.during(trouble.start, end)
        found = latency(during)
        gap = figures.longest_gap(trouble.start, end)
        effect = [f"available {share_text(figures.availability(trouble.start, end))}"]
        effect += [f"gap {seconds_text(gap.end - gap.start)}"] if gap else []
        effect += [f"p99 {seconds_text(found.p99)}"] if found else []
        counts = outcomes(during)
        effect += [f"{counts[name]} {name}" for name in (NOTHING, UNKNOWN) if counts[name]]
        lines.append(plain(f"  {trouble.start:8.2f} s {lasted:14} {told(trouble)}"))
        lines.append(f"  {'':26}{', '.join(effect)}")
    return _with_rest("faults", lines, len(figures.troubles) - TROUBLES_SHOWN)


def _notes(record):
    notes = sorted(record.notes)
    lines = [plain(f"  {at:8.2f} s {text}") for at, text in notes[:NOTES_SHOWN]]
    return _with_rest("notes", lines, len(notes) - NOTES_SHOWN)


def alike(problems):
    """(workload, problem, how many): what breaks the same rule at the same key is told once, as it was seen first."""
    found = {}
    for work, problem in problems:
        of_key = (work, problem.rule, str(problem.key))
        _, first, count = found.get(of_key, (work, problem, 0))
        found[of_key] = work, first, count + 1
    return list(found.values())


def more_text(count):
    """Of problems that are alike."""
    return f"(and {count - 1} more like it)" if count > 1 else ""


def _problems(problems):
    lines = []
    told_once = alike(problems)
    for work, problem, count in told_once[:PROBLEMS_SHOWN]:
        lines.append(plain(f"  {work}: {problem.rule}: {problem.key} {more_text(count)}".rstrip()))
        lines += [f"      {plain(line)}" for line in str(problem.text).splitlines()]
    return _with_rest("problems", lines, len(told_once) - PROBLEMS_SHOWN)


def _with_rest(title, lines, left):
    if not lines:
        return []
    return [title, *lines] + ([f"  ... and {left} more"] if left > 0 else [])
