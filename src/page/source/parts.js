/* Small parts that several views are made of. */
import { useState } from "preact/hooks";
import { hexOf, isPlain, linesOf, shownOf } from "./bytes.js";
import * as format from "./format.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";

let made = 0;

export function Card({ title, note, aside, class: kind = "", children }) {
    const [id] = useState(() => "card-" + ++made);
    return html`<section class="card ${kind}" aria-labelledby=${id}>
        <header><h2 id=${id}>${title}</h2>${note && html`<p class="dim small">${note}</p>`}${aside && html`<div class="aside">${aside}</div>`}</header>
        ${children}
    </section>`;
}

const FEW = 20;

/* Of a long list, until all is asked for, only the first, and before them what should be looked at:
 * [what to show, the button that asks for all or for few]. */
export function useFew(list, isNotable) {
    const [isAll, setAll] = useState(false);
    if (list.length <= FEW) {
        return [list, null];
    }
    const shown = isAll ? list : [...list.filter(isNotable), ...list.filter((one) => !isNotable(one))].slice(0, FEW);
    return [shown, html`<button type="button" class="more" aria-expanded=${isAll} onClick=${() => setAll(!isAll)}>
        ${isAll ? "Show fewer" : "Show all " + format.count(list.length)}</button>`];
}

/* Before the first answer. */
export function Waiting({ shown }) {
    const text = shown.problems["/v1/status"];
    return html`<div class="waiting" role="status">${text ? html`<${Icon} name="warn" />${text}` : "Asking the node…"}</div>`;
}

/* Bytes of a key, on one line. */
export function Bytes({ bytes, lengthMax }) {
    return html`<bdi class="bytes ${isPlain(bytes) ? "" : "is-binary"}">${bytes.length === 0 ? html`<i class="dim">empty</i>` : shownOf(bytes, lengthMax)}</bdi>`;
}

const PREVIEW_BYTES = 16384;
const DUMPED_BYTES = 2048;

/* The text of a part of a value, or null. The end of the part may cut a character in two. */
function textOfPart(part, isCut) {
    for (let cut = 0; cut < (isCut ? 4 : 1); cut++) {
        const text = linesOf(part.subarray(0, part.length - cut));
        if (text !== null) {
            return text;
        }
    }
    return null;
}

/* A value as it is: text, with what can't be seen in it written out; else hexadecimal with the text beside it. */
export function Value({ bytes }) {
    if (bytes.length === 0) {
        return html`<p class="dim value-empty">An empty value.</p>`;
    }
    const part = bytes.subarray(0, PREVIEW_BYTES);
    const rest = bytes.length - part.length;
    const text = textOfPart(part, rest > 0);
    return html`<pre class="value ${text === null ? "is-dump" : ""}" tabindex="0" role="group" aria-label="Value">${text ?? dumpOf(part.subarray(0, DUMPED_BYTES))}</pre>
        ${(rest > 0 || (text === null && part.length > DUMPED_BYTES)) && html`<p class="dim small">The beginning of ${format.bytes(bytes.length)}.</p>`}`;
}

/* Sixteen bytes a line, as everywhere; eight on a phone. */
function dumpOf(bytes) {
    const width = innerWidth > 760 ? 16 : 8;
    const lines = [];
    for (let at = 0; at < bytes.length; at += width) {
        const row = bytes.subarray(at, at + width);
        const text = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
        lines.push(at.toString(16).padStart(6, "0") + "  " + hexOf(row).padEnd(width * 3 - 1) + "  " + text);
    }
    return lines.join("\n");
}
