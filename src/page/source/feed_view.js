/* The live feed as a list. */
import { useState } from "preact/hooks";
import { ENCODINGS, percentOf } from "./bytes.js";
import { OPS, SHOWN_MAX, feed, feedClear, feedFilter, feedPause, isMark } from "./feed.js";
import * as format from "./format.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Mark } from "./marks.js";
import { Card } from "./parts.js";

const REASONS = {
    away: "can't be reached: what it does will follow when it is back",
    trimmed: "no longer has all that happened meanwhile",
    lost: "has lost its part of the feed",
    crashed: "ended without a clean stop: some changes may be in effect and not in the feed",
    removed: "is no member any more",
    dropped: "list and read events were left out: there were too many",
};

const OTHERS = { back: "is heard again", flush: "deleted everything" };

const textOf = (event) => event.message || (OTHERS[event.op] ?? REASONS[event.reason] ?? "something is missing here");

/* What concerns no single key: gaps, and a node's return. */
function Gap({ event }) {
    const text = textOf(event);
    return html`<li class="event is-${event.op}">
        <time>${format.time(event.time, true)}</time>
        <span class="op"><${Icon} name=${event.op === "back" ? "ok" : event.op === "flush" ? "delete" : "warn"} />${event.op}</span>
        <span class="gap-text">${event.node && !text.includes(event.node) && html`<b>${event.node}</b>${" "}`}${text}</span>
    </li>`;
}

function Event({ event, places }) {
    if (event.op === "gap" || event.op in OTHERS) {
        return html`<${Gap} event=${event} />`;
    }
    const name = event.keyText === "" ? html`<i class="dim">everything</i>` : event.keyText;
    return html`<li class="event is-${event.op}">
        <time>${format.time(event.time, true)}</time>
        <span class="op"><${Icon} name=${event.op} />${event.op}</span>
        <span class="what">
            ${event.op === "list" || event.key === null ? html`<bdi class="key">${name}</bdi>`
                : html`<a class="key" href=${"#keys=" + percentOf(event.key)}><bdi>${name}</bdi></a>`}
            ${event.op === "put" && html`<span class="event-value">${event.isLeftOut
                ? html`<i>${format.bytes(event.bytes)}</i>` : html`<bdi>${event.valueText}</bdi>`}</span>`}
        </span>
        <span class="by" title=${event.node}><${Mark} place=${places.get(event.node) ?? 0} /><span class="clip">${event.node}</span></span>
    </li>`;
}

export function EventList({ events, places, empty }) {
    if (events.length === 0) {
        return html`<p class="dim empty">${feed.state === "open" ? empty : "The feed is being opened…"}</p>`;
    }
    return html`<ol class="events">${events.map((event) => html`<${Event} key=${event.number} event=${event} places=${places} />`)}</ol>`;
}

function State() {
    if (feed.state !== "open") {
        return html`<span class="badge is-fair"><${Icon} name="busy" />connecting${feed.text && html`: ${feed.text}`}</span>`;
    }
    return feed.isPaused
        ? html`<span class="badge is-fair"><${Icon} name="pause" />paused${feed.heldBack > 0 ? " · " + format.count(feed.heldBack) + " new" : ""}</span>`
        : html`<span class="badge is-good"><${Icon} name="ok" />live</span>`;
}

/* Every change would be too much to listen to; what concerns no single key is said. */
function Spoken() {
    const event = feed.events.find(({ op }) => isMark(op));
    return html`<p class="unseen" role="status">${event && event.op + ": " + event.node + " " + textOf(event)}</p>`;
}

const LOCAL = new Set(["list", "read"]);

export function FeedView({ places }) {
    const [prefix, setPrefix] = useState(() => ENCODINGS.text.write(feed.prefix));
    const filter = (event) => {
        event.preventDefault();
        feedFilter(ENCODINGS.text.read(prefix), feed.ops);
    };
    const toggle = (op) => {
        const ops = new Set(feed.ops);
        if (!ops.delete(op)) {
            ops.add(op);
        }
        if (ops.size > 0) {
            feedFilter(feed.prefix, ops);
        }
    };
    return html`<${Card} title="Live feed" class="feed" note="every change that any node of the cluster coordinates" aside=${html`<${State} />`}>
        <div class="toolbar">
            <form class="row" onSubmit=${filter}>
                <label for="feed-prefix">Keys that begin with</label>
                <input id="feed-prefix" class="mono" value=${prefix} onInput=${(event) => setPrefix(event.target.value)}
                    autocomplete="off" autocapitalize="off" spellcheck=${false} placeholder="anything" />
                <button type="submit">Filter</button>
            </form>
            <fieldset class="row">
                <legend>Shown</legend>
                ${OPS.map((op) => html`<button type="button" class="chip" key=${op} aria-pressed=${feed.ops.has(op)} onClick=${() => toggle(op)}
                    title=${LOCAL.has(op) ? "of this node only, as far as there is room" : undefined}><${Icon} name=${op} />${op}</button>`)}
            </fieldset>
            <div class="row">
                <button type="button" aria-pressed=${feed.isPaused} onClick=${() => feedPause(!feed.isPaused)}>
                    <${Icon} name=${feed.isPaused ? "play" : "pause"} />${feed.isPaused ? "Go on" : "Pause"}</button>
                <button type="button" onClick=${feedClear}>Clear</button>
            </div>
        </div>
        ${Array.from(feed.away.values()).map((gap) => html`<p class="callout is-fair away" key=${gap.node}><${Icon} name="warn" /><span>
            <b>${gap.node}</b> can't be heard since ${format.time(gap.time)}: what it has done and nobody has heard yet will follow when it is back.</span></p>`)}
        <${Spoken} />
        <div role="log" aria-live="off" aria-label="Changes, the newest first">
            <${EventList} events=${feed.events} places=${places} empty="Nothing yet: waiting for the next change." />
        </div>
        ${feed.events.length >= SHOWN_MAX && html`<p class="dim small">The latest ${SHOWN_MAX} are shown.</p>`}
    <//>`;
}
