/* The nodes: state, load, what they hold, and what is wrong with any. A table, which on narrow
 * screens becomes a card a node. */
import * as format from "./format.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Mark, colourOf } from "./marks.js";
import { useFew } from "./parts.js";

const STATES = {
    up: ["ok", "good"],
    suspect: ["suspect", "fair"],
    down: ["down", "bad"],
    joining: ["busy", "fair"],
    refilling: ["busy", "fair"],
    leaving: ["busy", "fair"],
    left: ["left", "plain"],
};
const CHANGES = { joins: "joins", leaves: "leaves", removed: "is removed", reweighed: "gets another weight" };
const STORAGE = { full: "disk full: refuses writes", failed: "disk failed: confirms nothing" };

export function Badge({ state }) {
    const [icon, kind] = STATES[state] ?? ["suspect", "plain"];
    return html`<span class="badge is-${kind}"><${Icon} name=${icon} />${state}</span>`;
}

/* The last minute, without numbers: those stand beside it. */
function Spark({ values, place }) {
    const last = (values ?? []).slice(-60).map((value) => value ?? 0);
    if (last.length < 2) {
        return html`<svg class="spark" viewBox="0 0 60 16" aria-hidden="true"></svg>`;
    }
    const most = Math.max(...last, 1);
    const points = last.map((value, i) => (60 - last.length + i) + "," + (15 - (value / most) * 13).toFixed(1)).join(" ");
    return html`<svg class="spark" viewBox="0 0 60 16" preserveAspectRatio="none" aria-hidden="true" style=${{ color: colourOf(place) }}>
        <polyline points=${points} />
    </svg>`;
}

function Cell({ label, wide, children }) {
    return html`<td role="cell" class=${wide ? "is-wide" : ""} data-label=${label}><div>${children}</div></td>`;
}

const owed = (number, text) => (number > 0 ? html`<b class="owed">${format.compact(number)}</b>` : html`<span class="dim">${text ?? 0}</span>`);

function Row({ node, row, self, place, load, values, downSince }) {
    const isDown = node.state === "down";
    const memory = row?.memory ?? node.memory;
    return html`<tr role="row" class=${isDown ? "is-down" : ""} data-node=${node.name}>
        <th role="rowheader" scope="row">
            <div class="node-name">
                <${Mark} place=${place} /><span class="clip" title=${node.name}>${node.name}</span>
                ${node.name === self && html`<span class="tag">this node</span>`}
            </div>
            <div class="dim small clip">${row?.address ?? node.host + ":" + node.client_port}</div>
        </th>
        <${Cell} label="State">
            <${Badge} state=${node.state} />
            ${isDown && downSince && html`<span class="dim small"> for ${format.duration((Date.now() - downSince) / 1000)}</span>`}
            ${node.change && html`<div class="small">${CHANGES[node.change] ?? node.change}${node.staged ? " (staged)" : ""}</div>`}
            ${node.storage !== "ok" && html`<div class="trouble small"><${Icon} name="warn" />${STORAGE[node.storage] ?? node.storage}</div>`}
        <//>
        <${Cell} label="Zone">${node.zone || html`<span class="dim">–</span>`}${node.weight !== 1 && html`<span class="dim small"> × ${node.weight}</span>`}<//>
        <${Cell} label="Ops/s"><span class="with-spark"><${Spark} values=${values} place=${place} />${isDown ? "–" : format.rate(load)}</span><//>
        <${Cell} label="Keys">${format.compact(node.keys)}<//>
        <${Cell} label="Data">${format.bytes(node.bytes)}<//>
        <${Cell} label="Memory">${format.bytes(memory || undefined)}<//>
        <${Cell} label="Partitions">${format.count(node.partitions)}<//>
        <${Cell} label="Hints owed">${owed(node.hints)}<//>
        <${Cell} label="To sync">${owed(node.pending_sync)}<//>
    </tr>`;
}

const HEADS = ["Node", "State", "Zone", "Ops/s", "Keys", "Data", "Memory", "Partitions", "Hints owed", "To sync"];

const isNotable = (node) => node.state !== "up" || node.storage !== "ok" || node.hints > 0 || node.pending_sync > 0;

export function Nodes({ shown, places }) {
    const { nodes, node: self } = shown.status;
    const [few, more] = useFew(nodes, (node) => isNotable(node) || node.name === self);
    const rows = new Map((shown.stats ?? []).map((row) => [row.name, row]));
    return html`<div class="scroll-box"><table class="nodes" role="table" aria-label="Nodes">
        <thead role="rowgroup"><tr role="row">${HEADS.map((head) => html`<th role="columnheader" scope="col" key=${head}>${head}</th>`)}</tr></thead>
        <tbody role="rowgroup">
            ${few.map((node) => html`<${Row} key=${node.id} node=${node} row=${rows.get(node.name)}
                self=${self} place=${places.get(node.name)} load=${shown.loads.get(node.name)}
                values=${shown.history.nodes.get(node.name)} downSince=${shown.downSince.get(node.name)} />`)}
        </tbody>
    </table></div>${more}`;
}
