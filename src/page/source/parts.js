/* Small parts that several views are made of. */
import { useState } from "preact/hooks";
import { isPlain, shownOf, hexOf } from "./bytes.js";
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

/* A value as it is: text that is plain, else hexadecimal with the text beside it. */
export function Value({ bytes }) {
    if (bytes.length === 0) {
        return html`<p class="dim value-empty">An empty value.</p>`;
    }
    const part = bytes.subarray(0, PREVIEW_BYTES);
    const rest = bytes.length - part.length;
    // The end of the part may cut a character in two.
    const isText = isPlain(part) || (rest > 0 && [1, 2, 3].some((cut) => isPlain(part.subarray(0, part.length - cut))));
    return html`<pre class="value" tabindex="0" aria-label="Value">${isText ? new TextDecoder().decode(part) : dumpOf(part.subarray(0, 2048))}</pre>
        ${(rest > 0 || (!isText && part.length > 2048)) && html`<p class="dim small">The beginning of ${format.bytes(bytes.length)}.</p>`}`;
}

/* Sixteen bytes a line, as everywhere. */
function dumpOf(bytes) {
    const lines = [];
    for (let at = 0; at < bytes.length; at += 16) {
        const row = bytes.subarray(at, at + 16);
        const text = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
        lines.push(at.toString(16).padStart(6, "0") + "  " + hexOf(row).padEnd(47) + "  " + text);
    }
    return lines.join("\n");
}
