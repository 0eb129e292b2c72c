"use strict";
/* Drawing: from the run's data and the part of time that is in view, all on one canvas. Its rows, from above: the
 * whole run with the part in view, the axis, problems and notes, what was done in each tenth of a second,
 * operations by latency, and a lane for each node. */

const run = JSON.parse(document.getElementById("data").textContent);
const canvas = document.getElementById("chart");
const pen = canvas.getContext("2d");
const OUTCOMES = ["done", "refused", "unknown"];
const OUTCOME_INKS = ["ok", "nothing", "unknown"];
const WINDOW_S = 0.1;
const LEFT = 96, RIGHT = 18, OVERVIEW = 42, AXIS = 26, FLAGS = 24, STRIP = 76, POINTS = 290, BAR = 19, SPACE = 12;
const FAULT_INKS = ["#c4553b", "#3f7f93", "#8a6bb1", "#5f8d4e", "#b8783a", "#b4577f", "#4f6fb0", "#7d7f3f", "#7a6a5f",
    "#40867a"];
const INKS = ["ground", "ink", "quiet", "line", "grid", "ok", "nothing", "unknown", "bad", "shade", "overlay", "gone",
    "focus"];
const FEW = 800; /* so few operations in view are drawn larger, and with their time */
const FONT = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';

/* One operation: [number, work, node, outcome, start, waited, answered, text]. */
const NUMBER = 0, WORK = 1, NODE = 2, OUTCOME = 3, START = 4, WAITED = 5, ANSWERED = 6, TEXT = 7;

const named = new Set(run.problems.flatMap(problem => problem[3]));
const hidden = { outcomes: new Set(), works: new Set() };
/* `node`: the only one whose operations are shown, or null. */
const view = { from: run.begin, to: run.end, marked: null, at: null, select: null, node: null };
const whole = run.end - run.begin;
const words = [...new Set(run.troubles.map(trouble => trouble[2]))];
let width = 0, ink = {}, rows = null;

function latencyRange() {
    let low = Infinity, high = 0;
    for (const op of run.ops) {
        if (op[WAITED] > 0) { low = Math.min(low, op[WAITED]); high = Math.max(high, op[WAITED]); }
    }
    if (high === 0) { return [-4, 0]; }
    return [Math.max(-6, Math.floor(Math.log10(low) * 2) / 2), Math.ceil(Math.log10(high) * 4 + 0.2) / 4];
}

const [lowest, highest] = latencyRange();

/* Faults of a lane side by side where they overlap: [trouble, row]. */
function packed(troubles) {
    const ends = [], found = [];
    for (const trouble of troubles) {
        const end = trouble[1] ?? run.end;
        let row = ends.findIndex(other => other <= trouble[0]);
        if (row < 0) { row = ends.length; ends.push(0); }
        ends[row] = Math.max(end, trouble[0] + whole / 200);
        found.push([trouble, row]);
    }
    return { found, rows: Math.max(1, ends.length) };
}

function lanes() {
    const all = run.troubles.filter(trouble => trouble[3].length === 0);
    const found = all.length > 0 ? [{ name: "everybody", number: null, ...packed(all) }] : [];
    run.nodes.forEach((name, number) => {
        found.push({ name, number, ...packed(run.troubles.filter(trouble => trouble[3].includes(number))) });
    });
    return found;
}

/* Where each row begins. */
function layOut() {
    rows = { overview: 4 };
    rows.axis = rows.overview + OVERVIEW + 6;
    rows.flags = rows.axis + AXIS;
    rows.strip = rows.flags + FLAGS;
    rows.points = rows.strip + STRIP + SPACE;
    rows.lanes = [];
    let at = rows.points + POINTS + SPACE;
    for (const lane of lanes()) {
        const height = lane.rows * (BAR + 2) + 7;
        rows.lanes.push({ ...lane, at, height });
        at += height;
    }
    rows.end = at + 4;
}

function xOf(time) { return LEFT + (time - view.from) / (view.to - view.from) * (width - LEFT - RIGHT); }
function timeOf(x) { return view.from + (x - LEFT) / (width - LEFT - RIGHT) * (view.to - view.from); }
function overviewX(time) { return LEFT + (time - run.begin) / whole * (width - LEFT - RIGHT); }
function overviewTime(x) { return run.begin + (x - LEFT) / (width - LEFT - RIGHT) * whole; }

function yOf(waited) {
    const share = (Math.log10(Math.max(waited, 1e-7)) - lowest) / (highest - lowest);
    return rows.points + POINTS - 5 - Math.max(0, Math.min(1, share)) * (POINTS - 12);
}

function shown(op) {
    return !hidden.outcomes.has(op[OUTCOME]) && !hidden.works.has(op[WORK]) &&
        (view.node === null || view.node === op[NODE]);
}

function secondsText(seconds) {
    if (seconds >= 1) { return `${+seconds.toPrecision(3)} s`; }
    if (seconds >= 0.001) { return `${+(seconds * 1000).toPrecision(3)} ms`; }
    return `${+(seconds * 1e6).toPrecision(3)} µs`;
}

function write(text, x, y, color, align = "left") {
    pen.fillStyle = color;
    pen.textAlign = align;
    pen.fillText(text, x, y);
}

function line(x1, y1, x2, y2, color) {
    pen.strokeStyle = color;
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.lineTo(x2, y2);
    pen.stroke();
}

/* What the whole height stands for: few bars that are far beyond all others, as of the reads at the end, are cut. */
function scaleOf(totals) {
    const sorted = [...totals].sort((one, other) => one - other), top = sorted.at(-1) ?? 0;
    return Math.max(1, Math.min(top, 1.3 * (sorted[Math.floor(0.98 * sorted.length)] ?? top)));
}

/* Windows a..b as a picture of `height` that ends at y; several to one bar where they are thinner than that. */
function drawWindows(xAt, first, last, y, height) {
    const inks = [ink.ok, ink.nothing, ink.unknown];
    const step = Math.max(1, Math.ceil((last - first) / Math.max(1, (width - LEFT - RIGHT) / 2)));
    const bars = [];
    for (let at = Math.floor(first / step) * step; at < last; at += step) {
        const bar = { at, counts: [0, 0, 0], out: false };
        for (const found of run.windows.slice(at, at + step)) {
            for (let kind = 0; kind < 3; kind++) { bar.counts[kind] += found[kind] / step; }
            bar.out ||= found[3] === 1 && found[0] === 0;
        }
        bars.push(bar);
    }
    const totals = bars.map(bar => bar.counts[0] + bar.counts[1] + bar.counts[2]);
    const most = scaleOf(totals), room = height - 4;
    for (const [number, bar] of bars.entries()) {
        const x = xAt(Math.max(bar.at * WINDOW_S, run.begin)), end = xAt(Math.min((bar.at + step) * WINDOW_S, run.end));
        const wide = Math.max(1, end - x - (step > 1 ? 0 : 0.5));
        if (bar.out) { pen.fillStyle = ink.gone; pen.fillRect(x, y - height, wide, height); }
        let base = y;
        bar.counts.forEach((count, kind) => {
            const high = count === 0 ? 0 : Math.max(1, count * room / Math.max(most, totals[number]));
            pen.fillStyle = inks[kind];
            pen.fillRect(x, base - high, wide, high);
            base -= high;
        });
        if (totals[number] > most) { pen.clearRect(x, y - room + 3, wide, 2); }
    }
    return most;
}

function drawOverview() {
    const y = rows.overview + OVERVIEW;
    drawWindows(overviewX, Math.floor(run.begin / WINDOW_S), run.windows.length, y, OVERVIEW);
    for (const problem of run.problems) {
        if (problem[0] === null) { continue; }
        pen.fillStyle = ink.bad;
        pen.fillRect(overviewX(problem[0]) - 1, rows.overview, 2, OVERVIEW);
    }
    const from = overviewX(view.from), to = overviewX(view.to);
    if (view.from > run.begin || view.to < run.end) {
        pen.fillStyle = ink.ground + "b0";
        pen.fillRect(LEFT, rows.overview, from - LEFT, OVERVIEW);
        pen.fillRect(to, rows.overview, width - RIGHT - to, OVERVIEW);
    }
    pen.strokeStyle = ink.quiet;
    pen.strokeRect(from + 0.5, rows.overview + 0.5, Math.max(2, to - from - 1), OVERVIEW - 1);
}

function drawAxis() {
    const span = view.to - view.from, raw = span / Math.max(2, (width - LEFT) / 110);
    const unit = 10 ** Math.floor(Math.log10(raw)), step = unit * [1, 2, 5, 10].find(factor => factor * unit >= raw);
    const digits = Math.max(0, -Math.floor(Math.log10(step)));
    for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
        const x = Math.round(xOf(at)) + 0.5;
        line(x, rows.flags, x, rows.end - 4, ink.grid);
        write(`${at.toFixed(digits)} s`, x, rows.axis + AXIS / 2, ink.quiet, "center");
    }
}

function drawShades() {
    pen.fillStyle = ink.shade;
    for (const [start, end] of run.troubles) {
        const x = xOf(start);
        pen.fillRect(x, rows.strip, Math.max(1, xOf(end ?? run.end) - x), STRIP + SPACE + POINTS);
    }
}

function drawFlags() {
    for (const [at] of run.notes) {
        const x = xOf(at), y = rows.flags + FLAGS / 2;
        pen.fillStyle = ink.quiet;
        pen.beginPath();
        pen.arc(x, y, 4, 0, 7);
        pen.fill();
    }
    for (const [at] of run.problems) {
        if (at === null) { continue; }
        const x = Math.round(xOf(at)) + 0.5;
        line(x, rows.flags + 6, x, rows.end - 4, ink.bad);
        pen.fillStyle = ink.bad;
        pen.beginPath();
        pen.moveTo(x, rows.flags + 3);
        pen.lineTo(x + 11, rows.flags + 8);
        pen.lineTo(x, rows.flags + 13);
        pen.fill();
    }
}

function drawStrip() {
    const y = rows.strip + STRIP;
    const first = Math.max(0, Math.floor(view.from / WINDOW_S));
    const last = Math.min(run.windows.length, Math.ceil(view.to / WINDOW_S));
    rows.most = drawWindows(xOf, first, last, y, STRIP);
    line(LEFT, y + 0.5, width - RIGHT, y + 0.5, ink.line);
}

function drawScale() {
    for (let power = Math.ceil(lowest); power <= highest; power++) {
        const y = Math.round(yOf(10 ** power)) + 0.5;
        line(LEFT, y, width - RIGHT, y, ink.grid);
    }
    line(LEFT, rows.points + POINTS + 0.5, width - RIGHT, rows.points + POINTS + 0.5, ink.line);
}

/* Each outcome has a form of its own, too: dots, triangles, crosses. */
function drawPoint(op, x, y, size) {
    if (op[OUTCOME] === 0) {
        pen.fillRect(x - size / 2, y - size / 2, size, size);
    } else if (op[OUTCOME] === 1) {
        pen.beginPath();
        pen.moveTo(x - size - 1, y + size);
        pen.lineTo(x + size + 1, y + size);
        pen.lineTo(x, y - size - 1);
        pen.fill();
    } else {
        pen.beginPath();
        pen.moveTo(x - size, y - size);
        pen.lineTo(x + size, y + size);
        pen.moveTo(x - size, y + size);
        pen.lineTo(x + size, y - size);
        pen.stroke();
    }
}

/* A point stands where its operation ended; where there is room for it a line shows from when on. */
function drawPoints() {
    const seen = run.ops.filter(op => op[START] <= view.to && op[START] + op[WAITED] >= view.from && shown(op));
    const few = seen.length < FEW;
    for (let outcome = 0; outcome < 3; outcome++) {
        const color = ink[OUTCOME_INKS[outcome]];
        pen.fillStyle = color;
        for (const op of seen) {
            if (op[OUTCOME] !== outcome) { continue; }
            const x = xOf(op[START] + op[WAITED]), y = yOf(op[WAITED]);
            if (few) {
                pen.globalAlpha = 0.4;
                line(xOf(op[START]), y, x, y, color);
            }
            pen.globalAlpha = outcome === 0 && !few ? 0.55 : 0.9;
            pen.strokeStyle = color;
            pen.lineWidth = 1.5;
            drawPoint(op, x, y, outcome === 0 ? (few ? 4 : 2.5) : 3);
            pen.lineWidth = 1;
        }
    }
    pen.globalAlpha = 1;
    for (const op of run.ops) {
        if (named.has(op[NUMBER])) { ring(op, ink.bad); }
    }
    if (view.marked?.op) { ring(view.marked.op, ink.ink); }
    pen.lineWidth = 1;
}

/* Around one operation, and a line for the time that it took. */
function ring(op, color) {
    const end = op[START] + op[WAITED], y = yOf(op[WAITED]);
    if (end < view.from || op[START] > view.to) { return; }
    pen.lineWidth = 2;
    line(xOf(op[START]), y, xOf(end), y, color);
    pen.beginPath();
    pen.arc(xOf(end), y, 6, 0, 7);
    pen.stroke();
}

function drawLanes() {
    for (const lane of rows.lanes) {
        line(LEFT, lane.at + lane.height - 0.5, width - RIGHT, lane.at + lane.height - 0.5, ink.grid);
        for (const [trouble, row] of lane.found) {
            const [x, y, wide] = barOf(lane, trouble, row);
            pen.fillStyle = FAULT_INKS[words.indexOf(trouble[2]) % FAULT_INKS.length];
            pen.beginPath();
            pen.roundRect(x, y, wide, BAR, 3);
            pen.fill();
            if (view.marked?.trouble === trouble) { pen.strokeStyle = ink.ink; pen.stroke(); }
            const inside = Math.max(x, LEFT), text = wide > 120 ? trouble[4] : trouble[2];
            write(fitted(text, x + wide - inside - 10), inside + 5, y + BAR / 2 + 0.5, "#ffffff");
        }
    }
}

function barOf(lane, trouble, row) {
    const x = xOf(trouble[0]);
    return [x, lane.at + 4 + row * (BAR + 2), Math.max(4, xOf(trouble[1] ?? run.end) - x)];
}

function fitted(text, room) {
    if (room < 8) { return ""; }
    while (text.length > 1 && pen.measureText(text).width > room) { text = text.slice(0, -2).trimEnd() + "…"; }
    return pen.measureText(text).width > room || (text.length < 4 && text.endsWith("…")) ? "" : text;
}

/* What stands left of the rows. */
function drawNames() {
    const name = (text, y, color = ink.quiet) => write(fitted(text, LEFT - 14), LEFT - 10, y, color, "right");
    name("whole run", rows.overview + OVERVIEW / 2);
    if (run.notes.length > 0) { name("notes", rows.flags + FLAGS / 2); }
    name(rows.most >= 10 ? rows.most.toFixed(0) : `${+rows.most.toFixed(1)}`, rows.strip + 9);
    name("in 100 ms", rows.strip + STRIP - 8);
    for (let power = Math.ceil(lowest); power <= highest; power++) {
        name(secondsText(10 ** power), yOf(10 ** power));
    }
    for (const lane of rows.lanes) {
        const chosen = view.node !== null && lane.number === view.node;
        name(lane.name, lane.at + lane.height / 2, chosen ? ink.focus : ink.ink);
    }
}

function inkNow() {
    const style = getComputedStyle(document.documentElement);
    for (const name of INKS) {
        ink[name] = style.getPropertyValue(`--${name}`).trim();
    }
}

function drawSelection() {
    if (view.select) {
        pen.fillStyle = ink.overlay;
        const wide = Math.abs(view.select[1] - view.select[0]);
        pen.fillRect(Math.min(...view.select), rows.flags, wide, rows.end - rows.flags);
    } else if (view.at !== null) {
        line(view.at + 0.5, rows.flags, view.at + 0.5, rows.end - 4, ink.quiet);
    }
}

function draw() {
    const ratio = window.devicePixelRatio || 1;
    width = canvas.clientWidth;
    layOut();
    canvas.style.height = `${rows.end}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(rows.end * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.font = FONT;
    pen.textBaseline = "middle";
    inkNow();
    drawOverview();
    drawAxis();
    drawScale();
    pen.save();
    pen.beginPath();
    pen.rect(LEFT - 1, rows.flags, width - LEFT - RIGHT + 2, rows.end);
    pen.clip();
    for (const part of [drawShades, drawStrip, drawPoints, drawLanes, drawFlags, drawSelection]) { part(); }
    pen.restore();
    drawNames();
}
