/* The first view: how things are, at a glance. */
import { Chart, Legend } from "./chart.js";
import { EventList } from "./feed_view.js";
import { feed } from "./feed.js";
import * as format from "./format.js";
import { html } from "./html.js";
import { colourOf, dashOf } from "./marks.js";
import { Nodes } from "./nodes.js";
import { Card, Waiting } from "./parts.js";
import { Ring } from "./ring.js";

const LINES_MAX = 8;
const LINES_KEPT_MS = 20000;
const EVENTS_SHOWN = 6;

function Tile({ label, value, note, kind = "" }) {
    return html`<div class="tile ${kind}"><dt>${label}</dt><dd><b>${value}</b>${note && html`<small>${note}</small>`}</dd></div>`;
}

const sum = (list, name) => list.reduce((total, one) => total + (one[name] ?? 0), 0);

function Tiles({ shown }) {
    const { nodes, layout } = shown.status;
    const members = nodes.filter((node) => node.state !== "left");
    const inState = (state) => members.filter((node) => node.state === state).length;
    const up = inState("up");
    const loads = Array.from(shown.loads.values()).filter((load) => load !== null);
    const hints = sum(nodes, "hints");
    const pending = sum(nodes, "pending_sync");
    const present = members.filter((node) => node.state !== "down");
    return html`<dl class="tiles">
        <${Tile} label="Nodes up" value=${up + " of " + members.length} kind=${inState("down") > 0 ? "is-bad" : up < members.length ? "is-fair" : ""}
            note=${"N " + layout.n + ", R " + layout.r + ", W " + layout.w} />
        <${Tile} label="Operations a second" value=${format.rate(loads.length > 0 ? loads.reduce((a, b) => a + b, 0) : undefined)} note="all nodes" />
        <${Tile} label="Latency p99" value=${format.latency(shown.latency.p99)} note=${"p50 " + format.latency(shown.latency.p50)} />
        <${Tile} label="Copies of keys" value=${format.compact(sum(present, "keys"))} note=${format.bytes(sum(present, "bytes")) + " in all"} />
        <${Tile} label="Hints owed" value=${format.compact(hints)} note=${hints > 0 ? "writes kept for others" : "nothing is owed"} kind=${hints > 0 ? "is-fair" : ""} />
        <${Tile} label="To sync" value=${format.compact(pending)} note=${pending > 0 ? "copies of partitions" : "all are equal"} kind=${pending > 0 ? "is-fair" : ""} />
    </dl>`;
}

let busiest = { names: [], at: 0 };

/* Of many nodes the busiest; the same ones for a while, or no line could be followed. */
function busiestOf({ history, loads }) {
    const { names, at } = busiest;
    const isShort = names.length < Math.min(LINES_MAX, history.nodes.size);
    if (isShort || Date.now() - at > LINES_KEPT_MS || !names.every((name) => history.nodes.has(name))) {
        const sorted = Array.from(history.nodes.keys()).sort((a, b) => (loads.get(b) ?? 0) - (loads.get(a) ?? 0));
        busiest = { names: sorted.slice(0, LINES_MAX).sort(format.byName), at: Date.now() };
    }
    return busiest.names;
}

function throughputLines(shown, places) {
    const { history, loads } = shown;
    const lines = [{ label: "all nodes", colour: "var(--chart-main)", isMain: true, values: history.total, now: format.rate(history.total.at(-1)) }];
    for (const name of busiestOf(shown)) {
        const place = places.get(name) ?? 0;
        const dash = place % 2 === 1 && dashOf(place).length === 0 ? [6, 3] : dashOf(place);
        lines.push({ label: name, colour: colourOf(place), dash, values: history.nodes.get(name), now: format.rate(loads.get(name)) });
    }
    return lines;
}

function latencyLines({ history, latency }) {
    return [
        { label: "p99", colour: "var(--chart-main)", isMain: true, values: history.p99, now: format.latency(latency.p99) },
        { label: "p50", colour: "var(--chart-second)", dash: [6, 3], values: history.p50, now: format.latency(latency.p50) },
    ];
}

const spoken = (what, lines) => what + ", now: " + lines.map((line) => line.label + " " + line.now).join(", ");

export function Overview({ shown, places }) {
    if (shown.status === null) {
        return html`<${Waiting} shown=${shown} />`;
    }
    const throughput = throughputLines(shown, places);
    const latency = latencyLines(shown);
    const down = new Set(shown.downSince.keys());
    return html`<div class="grid">
        <${Tiles} shown=${shown} />
        <${Card} title="Ring" note="a band for each copy, the first owners’ outermost">
            ${shown.ring === null ? html`<p class="dim">Waiting for the ring…</p>`
                : html`<${Ring} ring=${shown.ring} older=${shown.older} places=${places} down=${down} />`}
        <//>
        <div class="stack">
            <${Card} title="Throughput" note=${"operations a second, by the node that carried them out" + (shown.history.nodes.size > LINES_MAX ? "; the busiest " + LINES_MAX : "")}>
                <${Chart} times=${shown.history.times} lines=${throughput} format=${format.rate} least=${10} words=${spoken("Operations a second", throughput)} empty="Waiting for two answers to compare…" />
                <${Legend} lines=${throughput} />
            <//>
            <${Card} title="Latency" note=${"of requests to " + (shown.status.node || "this node")}>
                <${Chart} times=${shown.history.times} lines=${latency} format=${format.latency} least=${0.5} words=${spoken("Latency", latency)} empty="No request yet since this page was opened." />
                <${Legend} lines=${latency} />
            <//>
        </div>
        <${Card} title="Nodes" class="whole"><${Nodes} shown=${shown} places=${places} /><//>
        <${Card} title="Latest changes" class="whole" aside=${html`<a href="#feed">all of them</a>`}>
            <${EventList} events=${feed.events.slice(0, EVENTS_SHOWN)} places=${places} empty="Nothing has changed since this page was opened." />
        <//>
    </div>`;
}
