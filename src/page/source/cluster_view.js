/* The layout and how it changes: what is planned, how far a change has come and who is waited for;
 * hints and repair. */
import { useEffect, useState } from "preact/hooks";
import { getJson, repairNow } from "./api.js";
import * as format from "./format.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Mark } from "./marks.js";
import { Card, Waiting, useFew } from "./parts.js";
import { pollSoon } from "./poll.js";
import { say } from "./store.js";

/* ---- a change under way ---- */

/* In the order in which every node goes through them. A node that is done with one has said so. */
function stepsOf({ nodes, layout }) {
    const members = nodes.filter((node) => node.state !== "left");
    const done = (isDone) => members.filter(isDone).length;
    const isLive = layout.live > 1;
    return [
        ["Seen", "every node knows the new layout", isLive ? done((node) => node.seen) : members.length],
        ["Synced", "every node has what it owns now", isLive ? done((node) => node.synced) : members.length],
        ["Agreed", "every node knows that all have", isLive ? done((node) => node.all_synced) : members.length],
        ["Let go", "former owners have handed over", isLive ? 0 : done((node) => node.releasing === 0)],
    ].map(([name, text, number]) => ({ name, text, number, of: members.length }));
}

function Steps({ status }) {
    const steps = stepsOf(status);
    const at = steps.findIndex((step) => step.number < step.of);
    return html`<ol class="steps">
        ${steps.map((step, i) => html`<li key=${step.name} class=${at === -1 || i < at ? "is-done" : i === at ? "is-now" : ""} aria-current=${i === at ? "step" : undefined}>
            <b>${step.name}</b><span class="dim small">${step.text}</span>
            <span class="small">${at === -1 || i < at ? "done" : i > at ? "to come" : step.number + " of " + step.of + " nodes"}</span>
        </li>`)}
    </ol>`;
}

function Progress({ layout }) {
    const isMoving = layout.to_sync > 0;
    const all = Math.max(layout.copies, 1);
    const share = Math.max(0, Math.min(1, (layout.copies - layout.to_sync) / all));
    const facts = [
        format.count(layout.copies - layout.to_sync) + " of " + format.count(layout.copies) + " copies in place",
        layout.to_release > 0 && format.count(layout.to_release) + " to be let go of",
        isMoving && layout.rate > 0 && format.bytes(layout.rate) + "/s",
        layout.seconds_left !== null && "about " + format.duration(layout.seconds_left) + " left",
    ].filter(Boolean);
    return html`<div class="progress-box">
        <div class="progress" role="progressbar" aria-label="Copies in place" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.floor(share * 100)}>
            <div style=${{ width: share * 100 + "%" }}></div>
        </div>
        <p class="facts">${facts.map((fact) => html`<span key=${fact}>${fact}</span>`)}</p>
    </div>`;
}

function Waits({ waits }) {
    if (waits.length === 0) {
        return null;
    }
    return html`<div><h3>Waiting for</h3><ul class="waits">
        ${waits.map((wait) => html`<li key=${wait.node + wait.for}><${Icon} name=${wait.for === "down" || wait.for === "storage" ? "warn" : "busy"} /><span>${wait.text}</span></li>`)}
    </ul></div>`;
}

function LayoutCard({ status }) {
    const { layout, nodes } = status;
    const isChanging = layout.live > 1 || layout.to_sync > 0 || layout.to_release > 0 || !layout.settled;
    const zones = new Set(nodes.filter((node) => node.state !== "left").map((node) => node.zone)).size;
    return html`<${Card} title="Layout" aside=${html`<span class="badge ${isChanging ? "is-fair" : "is-good"}">
            <${Icon} name=${isChanging ? "busy" : "ok"} />${isChanging ? "changing" : "settled"}</span>`}>
        <dl class="facts-list">
            <div><dt>Version</dt><dd>${layout.live > 1 ? layout.oldest + " → " + layout.version : layout.version}</dd></div>
            <div><dt>Partitions</dt><dd>${format.count(layout.partitions)}</dd></div>
            <div><dt>Replication</dt><dd>N ${layout.n} · R ${layout.r} · W ${layout.w}</dd></div>
            <div><dt>Zones</dt><dd>${zones}</dd></div>
            <div><dt>Hash</dt><dd class="mono clip" title=${layout.hash}>${layout.hash.slice(0, 16)}</dd></div>
        </dl>
        ${layout.may_lose > 0 && html`<p class="callout is-bad"><${Icon} name="warn" /><span>Acknowledged writes of ${format.plural(layout.may_lose, "partition")} may be lost: too many of their owners were removed.</span></p>`}
        ${isChanging && html`<${Progress} layout=${layout} />`}
        ${(layout.live > 1 || layout.to_release > 0) && html`<${Steps} status=${status} />`}
        <${Waits} waits=${layout.waiting_for ?? []} />
        ${!isChanging && html`<p class="dim">Every owner has all that it should have.</p>`}
    <//>`;
}

/* ---- plans ---- */

const CHANGES = { stays: "stays", joins: "joins", leaves: "leaves", removed: "is removed", reweighed: "other weight" };

function Shift({ before, after, text = format.count }) {
    return before === after ? html`<span>${text(after)}</span>` : html`<span><span class="dim">${text(before)} →</span> <b>${text(after)}</b></span>`;
}

/* Of a pair in a plan, what it is and will be. */
function Pair({ label, pair, text, unit }) {
    return html`<div><dt>${label}</dt><dd><${Shift} ...${pair} text=${text} /> ${unit}</dd></div>`;
}

const givenUp = (node) => node.partitions_before + node.partitions_in - node.partitions_after;

function PlanTable({ plan, places }) {
    const [few, more] = useFew(plan.nodes, (node) => node.change !== "stays");
    return html`<div class="scroll-box"><table class="plain-table">
        <thead><tr><th scope="col">Node</th><th scope="col">Change</th><th scope="col" class="number">Partitions</th><th scope="col" class="number">Gets</th><th scope="col" class="number">Gives</th></tr></thead>
        <tbody>${few.map((node) => html`<tr key=${node.id ?? node.name}>
            <th scope="row"><span class="node-name"><${Mark} place=${places.get(node.name) ?? places.size} /><span class="clip">${node.name}</span></span></th>
            <td>${CHANGES[node.change] ?? node.change}</td>
            <td class="number"><${Shift} before=${node.partitions_before} after=${node.partitions_after} /></td>
            <td class="number">${node.partitions_in > 0 ? format.count(node.partitions_in) + " · " + format.bytes(node.bytes_in) : "–"}</td>
            <td class="number">${givenUp(node) > 0 ? format.count(givenUp(node)) : "–"}</td>
        </tr>`)}</tbody>
    </table></div>${more}`;
}

function Plan({ plan, places }) {
    const copies = plan.partitions * plan.replicas.after;
    return html`<div class="plan">
        ${plan.text && html`<p class="dim">${plan.text}</p>`}
        ${plan.changes && html`
            <p>Layout ${plan.layout.before} → ${plan.layout.after}: <b>${format.count(plan.moves)}</b> of ${format.count(copies)} copies move,
                about <b>${format.bytes(plan.bytes_in)}</b>. ${plan.moves > plan.moves_least ? "The least possible is " + format.count(plan.moves_least) + "." : "No layout with these shares moves fewer."}</p>
            ${plan.may_lose > 0 && html`<p class="callout is-bad"><${Icon} name="warn" /><span>Acknowledged writes of ${format.plural(plan.may_lose, "partition")} may be lost.</span></p>`}
            ${plan.reason && html`<p class="dim">${plan.reason}</p>`}
            <dl class="facts-list">
                <${Pair} label="Worst node, off its share" pair=${plan.share_excess} text=${format.rate} unit="partitions" />
                <${Pair} label="Copies of each partition" pair=${plan.replicas} />
                <${Pair} label="Zones of each partition" pair=${plan.zones} />
            </dl>
            <${PlanTable} plan=${plan} places=${places} />`}
        ${!plan.changes && !plan.text && html`<p class="dim">Nothing would change.</p>`}
    </div>`;
}

function PlanCard({ shown, places }) {
    const [wanted, setWanted] = useState("");
    const [found, setFound] = useState(null);
    const [problem, setProblem] = useState("");
    const staged = shown.status.layout.staged;
    const members = shown.status.nodes.filter((node) => node.state !== "left").length;
    const ask = async (event) => {
        event.preventDefault();
        setProblem("");
        try {
            setFound({ nodes: Number(wanted), plan: await getJson("/v1/plan?nodes=" + encodeURIComponent(wanted)) });
        } catch (error) {
            setFound(null);
            setProblem(error.message);
        }
    };
    return html`<${Card} title="Plans" note="what a change would move, before it is made">
        ${staged > 0 && html`<div class="callout is-fair"><${Icon} name="warn" /><span><b>${format.plural(staged, "change")} staged.</b>${" "}
            <code>shoal cluster commit</code> makes them, <code>shoal cluster cancel</code> forgets them.</span></div>`}
        ${staged > 0 && shown.plan !== null && html`<${Plan} plan=${shown.plan} places=${places} />`}
        ${staged === 0 && html`<p class="dim">Nothing is staged.</p>`}
        <form class="row" onSubmit=${ask}>
            <label for="what-if">What if there were</label>
            <input id="what-if" type="number" min="1" max="1000" required value=${wanted} onInput=${(event) => setWanted(event.target.value)} placeholder=${members + 1} />
            <span>nodes?</span>
            <button type="submit">Show</button>
        </form>
        ${problem && html`<p class="problem" role="alert">${problem}</p>`}
        ${found !== null && html`<h3>If there were ${format.plural(found.nodes, "node")}</h3><${Plan} plan=${found.plan} places=${places} />`}
    <//>`;
}

/* ---- hints and repair ---- */

function RepairCard({ status, places }) {
    const [isBusy, setBusy] = useState(false);
    const [outcome, setOutcome] = useState(null);
    useEffect(() => {
        const timer = outcome && setTimeout(() => setOutcome(null), 20000);
        return () => clearTimeout(timer);
    }, [outcome]);
    const repair = async () => {
        setBusy(true);
        try {
            const { told, nodes, text } = await repairNow();
            const words = (told === nodes ? "All " + nodes + " nodes compare" : told + " of " + nodes + " nodes compare") + " what they hold now." + (text ? " " + text : "");
            setOutcome({ words, isBad: told < nodes });
            say(words, told < nodes);
        } catch (error) {
            setOutcome({ words: "Not begun: " + error.message, isBad: true });
            say("Repair was not begun: " + error.message, true);
        }
        setBusy(false);
        pollSoon();
    };
    const [few, more] = useFew(status.nodes.filter((node) => node.state !== "left" || node.releasing > 0),
        (node) => node.hints > 0 || node.pending_sync > 0 || node.releasing > 0);
    const hints = status.nodes.reduce((sum, node) => sum + node.hints, 0);
    return html`<${Card} title="Hints and repair" aside=${html`<button type="button" class="is-main" onClick=${repair} disabled=${isBusy}><${Icon} name="busy" />Repair now</button>`}>
        <p class="dim">${hints > 0
            ? format.plural(hints, "write") + " kept for owners that were away: delivered as soon as they are heard."
            : "No writes are kept for owners that are away."} Nodes compare what they hold all the time; <i>repair now</i> has them do it at once.</p>
        ${outcome && html`<p class="callout ${outcome.isBad ? "is-fair" : "is-good"}"><${Icon} name=${outcome.isBad ? "warn" : "ok"} /><span>${outcome.words}</span></p>`}
        <div class="scroll-box"><table class="plain-table">
            <thead><tr><th scope="col">Node</th><th scope="col" class="number">Owes hints</th><th scope="col" class="number">To sync</th><th scope="col" class="number">To let go</th><th scope="col" class="number">Taking in</th></tr></thead>
            <tbody>${few.map((node) => html`<tr key=${node.id}>
                <th scope="row"><span class="node-name"><${Mark} place=${places.get(node.name)} /><span class="clip">${node.name}</span></span></th>
                <td class="number">${format.count(node.hints)}</td>
                <td class="number">${format.count(node.pending_sync)}</td>
                <td class="number">${format.count(node.releasing)}</td>
                <td class="number">${node.sync_rate > 0 ? format.bytes(node.sync_rate) + "/s" : "–"}</td>
            </tr>`)}</tbody>
        </table></div>
        ${more}
    <//>`;
}

export function ClusterView({ shown, places }) {
    if (shown.status === null) {
        return html`<${Waiting} shown=${shown} />`;
    }
    return html`<div class="cluster">
        <${LayoutCard} status=${shown.status} />
        <${RepairCard} status=${shown.status} places=${places} />
        <${PlanCard} shown=${shown} places=${places} />
    </div>`;
}
