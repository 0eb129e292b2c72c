/* Keeps the store current: asks the node for its answers again and again, each at its own pace,
 * slower while nobody looks, and again soon when the node does not answer. */
import { getJson, getText } from "./api.js";
import { byName } from "./format.js";
import { Rate, buckets, difference, quantile } from "./rates.js";
import { change, say, state } from "./store.js";

export const STATS_MS = 1000;
const STATUS_MS = 1500;
const METRICS_MS = 2000;
const PLAN_MS = 4000;
const HIDDEN_FACTOR = 8;
const RETRY_MS = [500, 1000, 2000, 3000];
const HISTORY_LENGTH = 300;
const NO_CONNECTION_TRIES = 2; // one lost answer is no outage

/* ---- what came of it ---- */

function takeStatus(status) {
    const now = Date.now();
    const downSince = new Map();
    status.nodes.sort((a, b) => byName(a.name, b.name));
    for (const node of status.nodes) {
        if (node.state === "down") {
            downSince.set(node.name, state.downSince.get(node.name) ?? now);
        } else if (node.state !== "left" && state.downSince.has(node.name)) {
            say(node.name + " is heard again.");
        }
    }
    change({ status, downSince });
    document.title = (downSince.size > 0 ? "(" + downSince.size + " down) " : "") + status.cluster.name + " · Shoal";
    const layout = status.layout;
    const known = state.ring?.layout;
    if (known?.version !== layout.version || known?.hash !== layout.hash || (layout.live === 1) !== (state.older.length === 0)) {
        ringTask.soon();
    }
}

/* A node that doesn't tell of older layouts still in force: what was seen here before has to do. */
function takeRing(ring) {
    const isChanging = (state.status?.layout.live ?? 1) > 1;
    let older = [];
    if (isChanging) {
        older = ring.older ?? (state.ring !== null && state.ring.layout.hash !== ring.layout.hash ? [state.ring] : state.older);
    }
    change({ ring, older: older.filter((one) => one.owners.length === ring.owners.length) });
}

const rates = new Map();
let atLast = 0;

/* One moment more of the charts. Every node has a list as long as that of the times. */
function remember(loads) {
    const { times, total, nodes, p50, p99 } = state.history;
    let sum = null;
    for (const [name, load] of loads) {
        if (!nodes.has(name)) {
            nodes.set(name, times.map(() => null));
        }
        sum = load === null ? sum : (sum ?? 0) + load;
    }
    times.push(Date.now() / 1000);
    total.push(sum);
    p50.push(state.latency.p50);
    p99.push(state.latency.p99);
    for (const [name, list] of nodes) {
        list.push(loads.get(name) ?? null);
    }
    if (times.length > HISTORY_LENGTH) {
        for (const list of [times, total, p50, p99, ...nodes.values()]) {
            list.shift();
        }
    }
    for (const [name, list] of nodes) {
        if (list.every((load) => load === null)) {
            nodes.delete(name);
        }
    }
}

function takeStats(stats) {
    const now = performance.now();
    const loads = new Map();
    for (const row of stats) {
        const key = row.id ?? row.name;
        if (!rates.has(key)) {
            rates.set(key, new Rate());
        }
        const load = rates.get(key).take(row.ops, now) ?? row.ops_rate ?? null;
        loads.set(row.name, row.state === "down" || row.state === "left" ? null : load);
    }
    if (now - atLast > STATS_MS * 4 && state.history.times.length > 0) {
        // Nobody looked, or nobody answered: the charts show a gap, not a line.
        const gap = new Map(Array.from(loads, ([name]) => [name, null]));
        const { latency } = state;
        state.latency = { p50: null, p99: null };
        remember(gap);
        state.latency = latency;
    }
    atLast = now;
    remember(loads);
    change({ stats, loads, heardAt: Date.now() });
}

const LATENCY = "shoal_request_seconds";

/* Requests for data; what this page itself asks all the time would else be most of it. */
const isData = (labels) => labels.op !== "admin" && labels.op !== "other";

let lastBuckets = null;

function takeMetrics(text) {
    const now = buckets(text, LATENCY, isData);
    if (lastBuckets !== null) {
        const added = difference(lastBuckets, now);
        const ms = (share) => {
            const seconds = quantile(added, share);
            return seconds === null ? null : seconds * 1000;
        };
        change({ latency: { p50: ms(0.5), p99: ms(0.99) } });
    }
    lastBuckets = now;
}

/* ---- asking ---- */

let lost = 0;

function heard() {
    lost = 0;
    if (state.away !== null) {
        change({ away: null });
        say((state.status?.node || "The node") + " answers again.");
    }
    state.heardAt = Date.now();
}

function unheard(error) {
    if (++lost >= NO_CONNECTION_TRIES) {
        change({ away: { since: state.away?.since ?? Date.now(), text: error.message } });
        document.title = "(no answer) Shoal";
    }
}

class Task {
    #timer = null;
    #isAsking = false;
    #isDue = false;
    #tries = 0;

    constructor(path, everyMs, read, take, isWanted = () => true) {
        Object.assign(this, { path, everyMs, read, take, isWanted });
    }

    /* At once, or as soon as the question under way has been answered. */
    soon() {
        if (this.#isAsking) {
            this.#isDue = true;
            return;
        }
        clearTimeout(this.#timer);
        this.#run();
    }

    #after(delayMs) {
        const factor = document.hidden && state.away === null ? HIDDEN_FACTOR : 1;
        this.#timer = setTimeout(() => this.#run(), this.#isDue ? 0 : delayMs * factor);
        this.#isDue = false;
    }

    async #run() {
        if (!this.isWanted()) {
            this.#after(this.everyMs);
            return;
        }
        this.#isAsking = true;
        let delayMs = this.everyMs;
        try {
            this.take(await this.read(this.path));
            this.#tries = 0;
            heard();
            this.#problem(undefined);
        } catch (error) {
            if (error.status === 0) {
                unheard(error);
                delayMs = RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)];
            } else {
                heard();
                this.#problem(error.message);
            }
        }
        this.#isAsking = false;
        this.#after(delayMs);
    }

    #problem(text) {
        if (state.problems[this.path] !== text) {
            change({ problems: { ...state.problems, [this.path]: text } });
        }
    }
}

const isPlanning = () => state.view === "cluster" || (state.status?.layout.staged ?? 0) > 0;

const statusTask = new Task("/v1/status", STATUS_MS, getJson, takeStatus);
const ringTask = new Task("/v1/ring", 30000, getJson, takeRing);
const planTask = new Task("/v1/plan", PLAN_MS, getJson, (plan) => change({ plan }), isPlanning);
const tasks = [
    statusTask,
    new Task("/stats", STATS_MS, getJson, takeStats),
    new Task("/metrics", METRICS_MS, getText, takeMetrics),
    ringTask,
    planTask,
];

export function pollBegin() {
    for (const task of tasks) {
        task.soon();
    }
    document.addEventListener("visibilitychange", () => {
        if (!document.hidden) {
            tasks.forEach((task) => task.soon());
        }
    });
}

/* After something was done whose outcome should be seen soon. */
export function pollSoon() {
    statusTask.soon();
    planTask.soon();
}
