"""A run as a page to look at: one HTML file that needs nothing else and asks nobody. A lane for each node with what
was done to it, every operation as a point by its latency and coloured by what came of it, how many were
done in each tenth of a second, and the problems where they happened; to be zoomed into and pointed at.

What the page draws is JSON in a script element, and only ever shown as text: keys and messages come from the
run, and some of them would like to be markup. Where there are very many operations some of those that were done
in the usual time are left out; never one that was slow, refused, unknown, or named by a problem.
"""
import html
import json
import math
import os
import re

from record import NOTHING, OK, TOLD, UNKNOWN
from report.figures import Figures, latency, numbers_in, outcomes, seconds_text, share_text
from report.text import about_of, alike, count_text, facts_text, more_text, told

HERE = os.path.dirname(os.path.abspath(__file__))
DONE_SHOWN = 15000  # operations that were done, at most
SLOW_SHARE = 0.2  # of these, so many are the slowest; the others are taken evenly
TEXT_CHARS = 220
PROBLEMS_LISTED = 200
OUTCOMES = (OK, NOTHING, UNKNOWN)


def page(record, problems):
    """The page's text. `problems`: what the checkers found, as (workload, Problem)."""
    figures = Figures(record)
    drawn = _drawn(figures, record, problems)
    name = str(record.about.get("scenario", "run"))
    good = not problems and not record.about.get("fallen")
    with open(os.path.join(HERE, "timeline.html"), encoding="utf-8") as file:
        frame = file.read()
    parts = {
        "title": html.escape(f"{name} {'passed' if good else 'failed'}"),
        "head": _head(record, problems, name),
        "tiles": _tiles(figures, record, problems),
        "problems": _problems(record, problems),
        "works": _works(figures),
        "troubles": _troubles(figures),
        "notes": _notes(record),
        "file": _file(record),
        "drawn": _drawn_text(figures, drawn),
        "data": _script_json(_data(figures, record, problems, drawn)),
    }
    for part, suffix in (("style", "css"), ("chart", "chart.js"), ("input", "input.js")):
        with open(os.path.join(HERE, f"timeline.{suffix}"), encoding="utf-8") as file:
            parts[part] = file.read()
    return re.sub(r"<!--=(\w+)-->|/\*=(\w+)\*/", lambda found: parts[found[1] or found[2]], frame)


# ---- what is drawn --------------------------------------------------------------------------------------

def _drawn(figures, record, problems):
    """The operations that become points."""
    named = {number for _, problem in problems for number in numbers_in(problem)}
    kept = [op for op in figures.requests if op.outcome != OK or op.number in named]
    kept += [op for op in record.ops if op.kind == TOLD and op.number in named]
    done = [op for op in figures.requests if op.outcome == OK and op.number not in named]
    if len(done) > DONE_SHOWN:
        slow = sorted(done, key=lambda op: op.start - op.end)[:int(DONE_SHOWN * SLOW_SHARE)]
        numbers = {op.number for op in slow}
        usual = [op for op in done if op.number not in numbers]
        count = DONE_SHOWN - len(slow)
        done = slow + [usual[len(usual) * turn // count] for turn in range(count)]
    return sorted(kept + done, key=lambda op: op.start)


def _drawn_text(figures, drawn):
    left = len(figures.requests) - sum(1 for op in drawn if op.kind != TOLD)
    if left <= 0:
        return ""
    return f"{left:,} operations that were done in the usual time are not drawn, for there are " \
           f"{len(figures.requests):,}; the figures count all."


def _data(figures, record, problems, drawn):
    works = _table(op.work for op in drawn)
    nodes = _nodes(record)
    place = {name: number for number, name in enumerate(nodes)}
    return {
        "begin": figures.begin, "end": max(figures.end, figures.begin + 0.001), "nodes": nodes, "works": list(works),
        "windows": [[window.ok, window.nothing, window.unknown, int(window.wanted)]
                    for window in figures.windows],
        # number, work, node, outcome, start, seconds waited, answered, text
        "ops": [[op.number, works[op.work], place.get(op.node, -1), OUTCOMES.index(op.outcome),
                 round(op.start, 6), round(_waited(figures, op), 6), int(op.end < math.inf), _cut(repr(op))]
                for op in drawn],
        "troubles": [[round(trouble.start, 6), None if trouble.end == math.inf else round(trouble.end, 6),
                      trouble.word, [place[name] for name in trouble.nodes], told(trouble)]
                     for trouble in figures.troubles],
        "notes": [[round(at, 6), text] for at, text in record.notes],
        "problems": [[_where(record, problem), f"{work}: {problem.rule}", str(problem.key), numbers_in(problem)]
                     for work, problem, _ in alike(problems)[:PROBLEMS_LISTED]],
    }


def _waited(figures, op):
    return max(0.0, figures.waited.get(op.number, op.start) - op.start)


def _where(record, problem):
    """When a problem was seen: at the end of the last operation that shows it."""
    numbers = set(numbers_in(problem))
    ends = [op.start if op.end == math.inf else op.end for op in record.ops if op.number in numbers]
    return max(ends, default=None)


def _table(names):
    return {name: number for number, name in enumerate(sorted(set(names)))}


def _nodes(record):
    """By their numbers, as people count."""
    names = {op.node for op in record.ops} | {name for trouble in record.troubles for name in trouble.nodes}
    names = [str(name) for name in names if name]
    return sorted(names, key=lambda name: [int(part) if part.isdigit() else part
                                           for part in re.split(r"(\d+)", name)])


def _cut(text):
    return text if len(text) <= TEXT_CHARS else text[:TEXT_CHARS] + " ..."


def _script_json(data):
    """JSON that can't end the element that it stands in."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


# ---- what is written ------------------------------------------------------------------------------------

def _head(record, problems, name):
    about = record.about
    kind, badge = ("bad", count_text(problems)) if problems else ("good", "passed")
    if about.get("fallen") and not problems:
        kind, badge = "bad", "not judged"
    lines = [f'<h1>{html.escape(name)} <span class="badge {kind}">{badge}</span></h1>']
    if about_of(record):
        lines.append(f"<p>{html.escape(about_of(record))}</p>")
    if about.get("facts"):
        lines.append(f'<p class="quiet">{html.escape(facts_text(about["facts"]))}</p>')
    if about.get("fallen"):
        lines.append(f"<p><b>The run itself failed:</b> {html.escape(str(about['fallen']))}</p>")
    if about.get("command"):
        lines.append(f"<p><code>{html.escape(str(about['command']))}</code></p>")
    elif about.get("seed") is not None:
        lines.append(f"<p>seed <code>{html.escape(str(about['seed']))}</code></p>")
    return "\n".join(lines)


def _tiles(figures, record, problems):
    counts = outcomes(figures.requests)
    healthy = latency(op for op in figures.requests if not figures.in_trouble(op))
    troubled = latency(op for op in figures.requests if figures.in_trouble(op))
    gap = figures.longest_gap()
    calm_share, troubled_share = figures.availability_apart()
    tiles = [
        (f"{len(figures.requests):,}", "operations",
         f"{counts[NOTHING]:,} refused, {counts[UNKNOWN]:,} unknown"),
        (share_text(figures.availability()), "available",
         f"healthy {share_text(calm_share)}, in faults {share_text(troubled_share)}"),
        (seconds_text(gap.end - gap.start) if gap else "-", "longest gap", f"at {gap.start:.2f} s" if gap else ""),
        (seconds_text(troubled.p99) if troubled else "-", "p99 in faults",
         f"healthy {seconds_text(healthy.p99)}" if healthy else ""),
        (f"{len(problems):,}", "problems", ""),
    ]
    if record.about.get("equal_s") is not None:
        tiles.append((seconds_text(record.about["equal_s"]), "to equal replicas", "after healing"))
    return "\n".join(f'<div class="tile"><b>{html.escape(value)}</b><span>{name}</span>'
                     f"<small>{html.escape(more)}</small></div>" for value, name, more in tiles)


def _problems(record, problems):
    lines = []
    told_once = alike(problems)
    for number, (work, problem, count) in enumerate(told_once[:PROBLEMS_LISTED]):
        at = _where(record, problem)
        place = "" if at is None else f' <button class="go" data-problem="{number}">at {at:.3f} s</button>'
        what = html.escape(f"{work}: {problem.rule}")
        lines.append(f"<li><b>{what}</b> <code>{html.escape(str(problem.key))}</code>{place}"
                     f" <small>{more_text(count)}</small><pre>{html.escape(str(problem.text))}</pre></li>")
    if not lines:
        return ""
    more = len(told_once) - len(lines)
    rest = f"<p>... and {more:,} more</p>" if more > 0 else ""
    return f"<section><h2>Problems</h2><ol>{''.join(lines)}</ol>{rest}</section>"


def _works(figures):
    rows = []
    names = sorted({op.work for op in figures.requests})
    for name in names + ([None] if len(names) > 1 else []):
        ops = [op for op in figures.requests if name in (op.work, None)]
        counts = outcomes(ops)
        row = [name or "all"] + [f"{count:,}" for count in (len(ops), *counts.values())]
        for found in (latency(op for op in ops if not figures.in_trouble(op)),
                      latency(op for op in ops if figures.in_trouble(op))):
            row += [seconds_text(time) for time in found[1:]] if found else ["-"] * 3
        rows.append(row)
    head = ("workload", "operations", "done", "refused", "unknown", "p50 healthy", "p99", "max", "p50 in faults",
            "p99", "max")
    return _rows("Workloads", head, rows)


def _troubles(figures):
    rows = []
    for trouble in figures.troubles:
        end = min(trouble.end, figures.end)
        gap = figures.longest_gap(trouble.start, end)
        lasted = "-" if trouble.end == trouble.start else seconds_text(end - trouble.start)
        rows.append([f"{trouble.start:.2f} s", lasted, " ".join(trouble.nodes) or "everybody", told(trouble),
                     share_text(figures.availability(trouble.start, end)),
                     seconds_text(gap.end - gap.start) if gap else "-"])
    return _rows("Faults", ("at", "for", "of", "what", "available", "longest gap"), rows)


def _notes(record):
    return _rows("Notes", ("at", ""), [[f"{at:.2f} s", text] for at, text in sorted(record.notes)])


def _file(record):
    text = record.about.get("text")
    return f"<section><h2>Scenario</h2><pre>{html.escape(str(text).rstrip())}</pre></section>" if text else ""


def _rows(title, head, rows):
    if not rows:
        return ""
    cells = ["".join(f"<th>{html.escape(name)}</th>" for name in head)]
    cells += ["".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) for row in rows]
    return f'<section><h2>{title}</h2><div class="wide"><table class="{title.lower()}">' \
           f"{''.join(f'<tr>{row}</tr>' for row in cells)}</table></div></section>"
