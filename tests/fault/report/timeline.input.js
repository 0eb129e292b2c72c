"use strict";
/* What one can do with the chart: zoom, move, point at things, leave kinds of operations out, change the colours. */

const hint = document.getElementById("hint");
const SPAN_MIN_S = 0.0005, NEAR_PX = 9;
let due = false, drag = null, kept = false;

function redraw() {
    if (due) { return; }
    due = true;
    requestAnimationFrame(() => { due = false; draw(); });
}

function look(from, to) {
    const span = Math.max(SPAN_MIN_S, Math.min(whole, to - from));
    view.from = Math.max(run.begin, Math.min(from, run.end - span));
    view.to = view.from + span;
    redraw();
}

function zoom(factor, around = (view.from + view.to) / 2) {
    look(around - (around - view.from) * factor, around + (view.to - around) * factor);
}

function move(seconds) { look(view.from + seconds, view.to + seconds); }

/* ---- what is pointed at ---- */

function opAt(x, y) {
    let best = null, nearest = NEAR_PX ** 2;
    for (const op of run.ops) {
        const away = (xOf(op[START] + op[WAITED]) - x) ** 2 + (yOf(op[WAITED]) - y) ** 2;
        if (away < nearest && (shown(op) || named.has(op[NUMBER]))) { best = op; nearest = away; }
    }
    return best;
}

function troubleAt(x, y) {
    for (const lane of rows.lanes) {
        for (const [trouble, row] of lane.found) {
            const [left, top, wide] = barOf(lane, trouble, row);
            if (x >= left && x <= left + wide && y >= top && y <= top + BAR) { return trouble; }
        }
    }
    return null;
}

function flagsAt(x) {
    return [...run.notes.map(([at, text]) => [at, text]),
        ...run.problems.map(([at, rule, key]) => [at, `problem: ${rule} (${key})`])]
        .filter(([at]) => at !== null && xOf(at) > x - 12 && xOf(at) < x + NEAR_PX);
}

function windowText(x) {
    const number = Math.floor(timeOf(x) / WINDOW_S), found = run.windows[number];
    if (!found) { return ""; }
    const out = found[3] === 1 && found[0] === 0 ? "\nnot available" : found[3] === 0 ? "\nnothing was asked" : "";
    return `${(number * WINDOW_S).toFixed(1)} s: ${found[0]} done, ${found[1]} refused, ${found[2]} unknown${out}`;
}

function troubleText([start, end, , nodes, text]) {
    const who = nodes.map(number => run.nodes[number]).join(", ") || "everybody";
    const until = end === null ? "until the end" : end === start ? "" : `for ${secondsText(end - start)}`;
    return `${text}\n${who}, at ${start.toFixed(3)} s ${until}`;
}

/* The text for what is there, and what is marked. */
function pointAt(x, y) {
    view.marked = null;
    if (x < LEFT || x > width - RIGHT) { return ""; }
    if (y >= rows.points && y <= rows.points + POINTS) {
        const op = opAt(x, y);
        if (!op) { return ""; }
        view.marked = { op };
        const how = op[ANSWERED] ? "after" : "without an answer, given up after";
        return `${op[TEXT]}\n${OUTCOMES[op[OUTCOME]]} ${how} ${secondsText(op[WAITED])}`;
    }
    if (y >= rows.strip && y <= rows.strip + STRIP) { return windowText(x); }
    if (y >= rows.flags && y < rows.strip) {
        return flagsAt(x).map(([at, text]) => `${at.toFixed(3)} s: ${text}`).join("\n");
    }
    const trouble = troubleAt(x, y);
    if (trouble) { view.marked = { trouble }; }
    return trouble ? troubleText(trouble) : "";
}

function tell(text, x, y) {
    hint.hidden = text === "";
    hint.textContent = text;
    hint.classList.toggle("kept", kept);
    if (hint.hidden) { return; }
    const room = canvas.clientWidth, wide = hint.offsetWidth, high = hint.offsetHeight;
    hint.style.left = `${Math.max(4, x + 16 + wide > room ? x - wide - 12 : x + 16)}px`;
    hint.style.top = `${Math.max(4, y + high + 20 > rows.end ? y - high - 8 : y + 18)}px`;
}

/* ---- by pointer ---- */

function place(event) {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
}

canvas.addEventListener("pointerdown", event => {
    const [x, y] = place(event);
    if (event.button !== 0) { return; }
    canvas.setPointerCapture(event.pointerId);
    const kind = y < rows.axis ? "overview" : event.shiftKey ? "move" : "select";
    drag = { kind, x, y, from: view.from, to: view.to };
    if (kind === "overview" && (overviewTime(x) < view.from || overviewTime(x) > view.to)) {
        const half = (view.to - view.from) / 2;
        look(overviewTime(x) - half, overviewTime(x) + half);
        drag.from = view.from;
        drag.to = view.to;
    }
});

canvas.addEventListener("pointermove", event => {
    const [x, y] = place(event);
    if (drag) {
        const span = drag.to - drag.from, moved = (x - drag.x) / (width - LEFT - RIGHT);
        if (drag.kind === "overview") { look(drag.from + moved * whole, drag.to + moved * whole); }
        if (drag.kind === "move") { look(drag.from - moved * span, drag.to - moved * span); }
        if (drag.kind === "select") { view.select = Math.abs(x - drag.x) > 4 ? [drag.x, x] : null; redraw(); }
        return;
    }
    view.at = x >= LEFT && x <= width - RIGHT && y > rows.axis ? Math.round(x) : null;
    if (!kept) { tell(pointAt(x, y), x, y); }
    redraw();
});

canvas.addEventListener("pointerup", event => {
    const [x, y] = place(event), done = drag, chosen = view.select;
    drag = view.select = null;
    if (x < LEFT && !chosen) {
        const lane = rows.lanes.find(one => y >= one.at && y < one.at + one.height);
        view.node = !lane || lane.number === view.node ? null : lane.number;
    } else if (chosen) {
        look(timeOf(Math.max(LEFT, Math.min(...chosen))), timeOf(Math.min(width - RIGHT, Math.max(...chosen))));
    } else if (done && done.kind === "select" && Math.abs(x - done.x) <= 4) {
        const text = pointAt(x, y);
        kept = text !== "" && !kept;
        tell(text, x, y);
    }
    redraw();
});

canvas.addEventListener("pointercancel", () => { drag = view.select = null; redraw(); });
canvas.addEventListener("pointerleave", () => {
    view.at = null;
    if (!kept) { view.marked = null; tell("", 0, 0); }
    redraw();
});
canvas.addEventListener("dblclick", () => look(run.begin, run.end));
canvas.addEventListener("wheel", event => {
    event.preventDefault();
    const [x] = place(event);
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        move(event.deltaX / (width - LEFT - RIGHT) * (view.to - view.from));
    } else {
        zoom(1.0015 ** event.deltaY, timeOf(Math.max(LEFT, Math.min(x, width - RIGHT))));
    }
}, { passive: false });

/* ---- by keyboard and buttons ---- */

const KEYS = {
    "ArrowLeft": () => move(-(view.to - view.from) / 8), "ArrowRight": () => move((view.to - view.from) / 8),
    "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), "0": () => look(run.begin, run.end),
    "Escape": () => { kept = false; view.marked = null; tell("", 0, 0); redraw(); },
};

canvas.addEventListener("keydown", event => {
    if (KEYS[event.key] && !event.ctrlKey && !event.metaKey) { KEYS[event.key](); event.preventDefault(); }
});
document.getElementById("in").addEventListener("click", KEYS["+"]);
document.getElementById("out").addEventListener("click", KEYS["-"]);
document.getElementById("all").addEventListener("click", KEYS["0"]);

for (const button of document.querySelectorAll(".go")) {
    button.addEventListener("click", () => {
        const [at, , , numbers] = run.problems[button.dataset.problem];
        const ops = run.ops.filter(op => numbers.includes(op[NUMBER]));
        const from = Math.min(at, ...ops.map(op => op[START])), span = Math.max(at - from, 0.02);
        look(from - span * 0.3, at + span * 0.3);
        canvas.scrollIntoView({ behavior: "smooth", block: "center" });
        canvas.focus({ preventScroll: true });
    });
}

function chips(names, left, inks) {
    const group = document.createElement("span");
    group.className = "chips";
    names.forEach((name, number) => {
        const chip = document.createElement("button");
        if (inks) {
            const dot = document.createElement("i");
            dot.style.background = `var(--${inks[number]})`;
            chip.append(dot);
        }
        chip.append(name);
        chip.setAttribute("aria-pressed", "true");
        chip.addEventListener("click", () => {
            const out = !left.has(number);
            if (out) { left.add(number); } else { left.delete(number); }
            chip.setAttribute("aria-pressed", String(!out));
            redraw();
        });
        group.append(chip);
    });
    document.getElementById("filters").prepend(group);
}

if (run.works.length > 1) { chips(run.works, hidden.works); }
chips(OUTCOMES, hidden.outcomes, OUTCOME_INKS);

const root = document.documentElement, darkness = matchMedia("(prefers-color-scheme: dark)");
function dress(dark) { root.classList.toggle("dark", dark); redraw(); }
darkness.addEventListener("change", event => dress(event.matches));
document.getElementById("theme").addEventListener("click", () => dress(!root.classList.contains("dark")));
window.addEventListener("resize", redraw);
dress(darkness.matches);
