/* The live feed: a WebSocket to /wal that is opened again when it breaks, at the place where it
 * broke. A browser can be told more in a second than it can show: what is waiting to be shown is
 * bounded, and what is passed over is said, as every gap is. */
import { fromJson, percentOf, shownOf } from "./bytes.js";
import { change, state } from "./store.js";

export const SHOWN_MAX = 200;
const WAITING_MAX = 400;
const MARKS_MAX = 50;
const DRAW_MS_MIN = 250;
const DRAW_MS_MAX = 2000;
const DRAW_SHARE = 4; // of the time at most a quarter goes into drawing events
const RETRY_MS = [300, 1000, 2000, 4000];
const CLOSE_NORMAL = 1000;

export const OPS = ["put", "delete", "expire", "list", "read"];

/* What the views show. */
export const feed = {
    state: "connecting", // "open", "connecting" or "refused"
    text: "",
    isPaused: false,
    prefix: new Uint8Array(0),
    ops: new Set(["put", "delete", "expire"]),
    events: [], // the newest first
    heldBack: 0, // while it is paused
    away: new Map(), // node name -> the gap that says it can't be heard; until it is back
};

let socket = null;
let cursor = null;
let tries = 0;
let number = 0;
let waiting = []; // texts that came and were not looked at
let marks = []; // of what was passed over, the gaps and the like: they are shown all the same
let passedOver = 0;
let timer = null;
let drawMs = DRAW_MS_MIN;
let retry = null;

export const isMark = (op) => op === "gap" || op === "back" || op === "flush";
// In the text of an event; within a string of it the quotes would be escaped.
const MARK = /"op":\s*"(gap|back|flush)"/;
const HEARTBEAT = /"op":\s*"heartbeat"/;

function gapOf(message) {
    return { number: ++number, op: "gap", time: new Date(), node: "", message, key: null };
}

/* Null: a heartbeat, or nothing this page knows. */
function eventOf(text) {
    let json;
    try {
        json = JSON.parse(text);
    } catch {
        return null;
    }
    if (typeof json.cursor === "string") {
        cursor = json.cursor;
    }
    if (!OPS.includes(json.op) && !isMark(json.op)) {
        return null;
    }
    const value = fromJson(json, "value");
    const key = fromJson(json, "key");
    return {
        number: ++number,
        op: json.op,
        time: new Date(json.time),
        node: String(json.node ?? ""),
        key,
        keyText: key === null ? "" : shownOf(key, 120),
        valueText: value === null ? "" : shownOf(value, 140),
        bytes: json.value_bytes ?? value?.length,
        isLeftOut: json.op === "put" && value === null,
        reason: json.reason,
        message: String(json.message ?? ""),
    };
}

/* Who can't be heard is said for as long as it is so, wherever the list has got to. */
function noteAway(event) {
    if (event.op === "gap" && event.reason === "away") {
        feed.away.set(event.node, event);
    } else if (event.op === "back" || event.reason === "removed") {
        feed.away.delete(event.node);
    } else if (feed.away.get(event.node)?.time < event.time) {
        feed.away.delete(event.node); // it was back before this page was told so: its own node was away, too
    }
}

/* Each worker of a node tells that everything was deleted: one word of it will do. */
const isRepeated = (event, before) =>
    event.op === "flush" && before?.op === "flush" && event.node === before.node && event.time - before.time < 1000;

const eventsOf = (texts) =>
    texts.map(eventOf).filter((event, i, all) => event !== null && !isRepeated(event, all[i - 1]));

function draw() {
    timer = null;
    const events = eventsOf(marks);
    if (passedOver > 0) {
        // What was passed over came before what is left.
        events.push(gapOf(passedOver.toLocaleString("en") + " events came faster than they can be shown, and were passed over here."));
    }
    events.push(...eventsOf(waiting));
    events.forEach(noteAway);
    waiting = [];
    marks = [];
    passedOver = 0;
    if (events.length > 0) {
        feed.events = [...events.reverse(), ...feed.events].slice(0, SHOWN_MAX);
    }
    feed.heldBack = 0;
    change({});
    measure();
}

/* How long it takes until they are on the screen: a slow or busy machine is given more time. */
function measure() {
    const began = performance.now();
    requestAnimationFrame(() =>
        setTimeout(() => {
            const took = performance.now() - began;
            drawMs = Math.min(Math.max(took * DRAW_SHARE, DRAW_MS_MIN), DRAW_MS_MAX);
        }),
    );
}

function take(text) {
    waiting.push(text);
    if (waiting.length > WAITING_MAX) {
        const oldest = waiting.shift();
        if (marks.length < MARKS_MAX && MARK.test(oldest)) {
            marks.push(oldest);
        } else {
            passedOver++;
        }
    }
    if (feed.isPaused) {
        if (feed.heldBack++ % 20 === 0 || feed.heldBack < 20) {
            change({});
        }
    } else {
        timer ??= setTimeout(draw, document.hidden ? DRAW_MS_MAX : drawMs);
    }
}

function address() {
    const scheme = location.protocol === "https:" ? "wss://" : "ws://";
    const query = ["ops=" + Array.from(feed.ops).join(",")];
    if (feed.prefix.length > 0) {
        query.push("prefix=" + percentOf(feed.prefix));
    }
    if (cursor !== null) {
        query.push("after=" + encodeURIComponent(cursor));
    }
    return scheme + location.host + "/wal?" + query.join("&");
}

function connect() {
    retry = null;
    const opened = new WebSocket(address());
    let hasOpened = false;
    socket = opened;
    feed.state = "connecting";
    opened.onopen = () => {
        if (socket === opened) {
            hasOpened = true;
            tries = 0;
            feed.state = "open";
            feed.text = "";
            change({});
        }
    };
    opened.onmessage = ({ data }) => {
        if (socket !== opened || typeof data !== "string") {
            return;
        }
        if (HEARTBEAT.test(data)) {
            eventOf(data); // no news, but for its cursor
        } else {
            take(data);
        }
    };
    opened.onclose = (event) => {
        if (socket !== opened) {
            return;
        }
        socket = null;
        feed.state = "connecting";
        feed.text = event.reason || "";
        if (!hasOpened && cursor !== null && tries >= 2 && state.away === null) {
            // The node answers, but not to this cursor: go on from now, and say so.
            cursor = null;
            feed.events = [gapOf("The feed could not be taken up where it broke off; what happened in between is not shown."), ...feed.events];
        }
        const delay = event.code === CLOSE_NORMAL ? 0 : tries++;
        retry = setTimeout(connect, RETRY_MS[Math.min(delay, RETRY_MS.length - 1)]);
        change({});
    };
}

function reconnect() {
    clearTimeout(retry);
    const old = socket;
    socket = null;
    old?.close(CLOSE_NORMAL);
    connect();
}

export function feedBegin() {
    connect();
}

/* Other filters: begins anew, from now on. */
export function feedFilter(prefix, ops) {
    feed.prefix = prefix;
    feed.ops = ops;
    feed.events = [];
    feed.heldBack = 0;
    feed.away.clear();
    waiting = [];
    marks = [];
    passedOver = 0;
    cursor = null;
    tries = 0;
    reconnect();
    change({});
}

export function feedPause(isPaused) {
    feed.isPaused = isPaused;
    clearTimeout(timer);
    timer = null;
    if (!isPaused) {
        draw();
    }
    change({});
}

export function feedClear() {
    feed.events = [];
    change({});
}
