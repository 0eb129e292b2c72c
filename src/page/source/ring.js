/* The ring: who owns what. A band for each copy, the first owners' outermost. One partition at a time
 * is looked at, by pointer or with the arrow keys, and described in the middle. */
import { useMemo, useRef, useState } from "preact/hooks";
import { byName, plural } from "./format.js";
import { html } from "./html.js";
import { Mark, colourOf } from "./marks.js";
import { SIZE, edgeOf, frameOf, movesOf, outlinesOf, partitionAt } from "./ring_shape.js";

const FINE = 900; // arcs: from so many on a line between them would be all that is seen
const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 16, PageDown: -16 };

function wordsOf(partition, ring, moves) {
    if (partition === null) {
        return "arrow keys go from partition to partition";
    }
    const coming = moves?.[partition] ?? [];
    return "partition " + partition + ": " + ring.owners[partition].join(", ") +
        (coming.length > 0 ? "; being copied to " + coming.join(", ") : "");
}

/* In the middle: the partition looked at, or what the ring is. */
function Middle({ ring, partition, moves, places }) {
    if (partition === null) {
        return html`<div class="ring-middle">
            <b>${ring.partitions}</b><span>partitions</span>
            <small>${plural(ring.replicas, "copy", "copies")} of each</small><small>layout ${ring.layout.version}</small>
        </div>`;
    }
    const coming = moves?.[partition] ?? [];
    return html`<div class="ring-middle is-one">
        <span>partition</span><b>${partition}</b>
        <ol>
            ${ring.owners[partition].slice(0, 4).map((name) => html`<li key=${name}>
                <${Mark} place=${places.get(name)} /><span class="clip">${name}</span>
                ${coming.includes(name) && html`<em>gets it</em>`}
            </li>`)}
        </ol>
        ${ring.owners[partition].length > 4 && html`<small>and ${ring.owners[partition].length - 4} more</small>`}
    </div>`;
}

function Owners({ shares, places, chosen, choose, down }) {
    return html`<ul class="ring-legend" aria-label="Owners">
        ${shares.map(([name, share]) => html`<li key=${name}>
            <button type="button" class="chip" aria-pressed=${chosen === name}
                onClick=${() => choose(chosen === name ? null : name)}>
                <${Mark} place=${places.get(name)} /><span class="clip">${name}</span>
                <span class="dim">${share}<span class="unseen"> copies</span>${down.has(name) ? " · down" : ""}</span>
            </button>
        </li>`)}
    </ul>`;
}

/* `places` gives every node its colour; `down` names those that are. */
export function Ring({ ring, older, places, down }) {
    const [partition, setPartition] = useState(null);
    const [chosen, choose] = useState(null);
    const picture = useRef(null);
    const outlines = useMemo(() => Array.from(outlinesOf(ring.owners)), [ring]);
    const moves = useMemo(() => (older.length > 0 ? movesOf(ring.owners, older) : null), [ring, older]);
    const edge = useMemo(() => (moves === null ? "" : edgeOf(moves.map((names) => names.length > 0))), [moves]);
    const shares = useMemo(() => {
        const sums = new Map();
        ring.owners.forEach((row) => row.forEach((name) => sums.set(name, (sums.get(name) ?? 0) + 1)));
        return Array.from(sums).sort(([a], [b]) => byName(a, b));
    }, [ring]);
    const count = ring.owners.length;
    const shown = partition !== null && partition < count ? partition : null;

    const look = (event) => {
        const box = picture.current.getBoundingClientRect();
        const scale = SIZE / box.width;
        setPartition(partitionAt((event.clientX - box.left) * scale, (event.clientY - box.top) * scale, count));
    };
    const step = (event) => {
        const to = event.key === "Home" ? 0 : event.key === "End" ? count - 1
            : event.key in STEPS ? ((shown ?? (STEPS[event.key] > 0 ? -1 : 0)) + STEPS[event.key] + count) % count : undefined;
        if (to !== undefined) {
            event.preventDefault();
            setPartition(to);
        } else if (event.key === "Escape") {
            setPartition(null);
        }
    };

    return html`<div class="ring">
        <div class=${"ring-picture" + (count * ring.replicas > FINE ? " is-fine" : "")}>
            <svg ref=${picture} viewBox="0 0 ${SIZE} ${SIZE}" tabindex="0" role="slider"
                aria-label="Partitions of the ring" aria-valuemin="0" aria-valuemax=${count - 1}
                aria-valuenow=${shown ?? 0} aria-valuetext=${wordsOf(shown, ring, moves)}
                onPointerMove=${look} onPointerDown=${look} onPointerLeave=${() => setPartition(null)}
                onKeyDown=${step} onBlur=${() => setPartition(null)}>
                ${outlines.map(([name, path]) => html`<path key=${name} d=${path} data-node=${name}
                    class=${"owned" + (chosen !== null && chosen !== name ? " is-dim" : "") + (down.has(name) ? " is-down" : "")}
                    style=${{ color: colourOf(places.get(name) ?? 0) }} />`)}
                ${edge !== "" && html`<path class="moving" d=${edge} />`}
                ${shown !== null && html`<path class="frame" d=${frameOf(shown, count)} />`}
            </svg>
            <${Middle} ring=${ring} partition=${shown} moves=${moves} places=${places} />
        </div>
        <${Owners} shares=${shares} places=${places} chosen=${chosen} choose=${choose} down=${down} />
        ${moves !== null && html`<p class="note"><span class="moving-sample" aria-hidden="true"></span>
            ${plural(moves.filter((names) => names.length > 0).length, "partition")} being copied to new owners (marked at the edge).</p>`}
    </div>`;
}
