/* Where bytes are typed: as text, hexadecimal or base64. What isn't plain text begins as hexadecimal,
 * so that nothing is lost by opening and saving it. */
import { useState } from "preact/hooks";
import { ENCODINGS, isPlain } from "./bytes.js";
import { html } from "./html.js";

/* Returns [draft, setDraft]; a draft is { text, encoding }. */
export function useDraft(bytes) {
    return useState(() => draftOf(bytes));
}

export function draftOf(bytes) {
    // A text area makes every line end a single \n: others are kept as hexadecimal.
    const encoding = isPlain(bytes) ? "text" : "hex";
    return { encoding, text: ENCODINGS[encoding].write(bytes) };
}

/* Null: what is typed can't be read. */
export const bytesOfDraft = (draft) => ENCODINGS[draft.encoding].read(draft.text);

/* Keeps the bytes; what can't be read stays as it is typed. */
function inEncoding(draft, encoding) {
    const bytes = bytesOfDraft(draft);
    if (bytes === null || (encoding === "text" && !isPlain(bytes))) {
        return null;
    }
    return { encoding, text: ENCODINGS[encoding].write(bytes) };
}

export function Editor({ id, label, draft, change, isLong = true, isFixed = false }) {
    const isWrong = bytesOfDraft(draft) === null;
    const type = (event) => change({ ...draft, text: event.target.value });
    const plain = {
        id, class: "mono", value: draft.text, onInput: type, spellcheck: false, autocomplete: "off", autocapitalize: "off",
        readOnly: isFixed, "aria-invalid": isWrong, "aria-describedby": isWrong ? id + "-wrong" : undefined,
    };
    return html`<div class="editor">
        <div class="row">
            <label for=${id}>${label}</label>
            <div class="segments" role="group" aria-label=${label + " is written as"}>
                ${Object.entries(ENCODINGS).map(([name, encoding]) => {
                    const other = name === draft.encoding ? draft : inEncoding(draft, name);
                    return html`<button type="button" key=${name} aria-pressed=${name === draft.encoding} disabled=${other === null && !isWrong}
                        onClick=${() => change(other ?? { ...draft, encoding: name })}>${encoding.label}</button>`;
                })}
            </div>
        </div>
        ${isLong ? html`<textarea rows="6" ...${plain}></textarea>` : html`<input type="text" ...${plain} />`}
        ${isWrong && html`<p class="problem small" id=${id + "-wrong"}>This is no ${ENCODINGS[draft.encoding].label}.</p>`}
    </div>`;
}

const TTL = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*$/;
const UNITS = { ms: 1, s: 1000, m: 60000, h: 3600000, d: 86400000 };

/* "90s", "15m", "1h"; "" is none: undefined. Null: it is no time. In the API's words. */
export function ttlOf(text) {
    if (text.trim() === "") {
        return undefined;
    }
    const parts = TTL.exec(text);
    const ms = parts ? Math.round(Number(parts[1]) * UNITS[parts[2] ?? "s"]) : 0;
    return ms > 0 && Number.isSafeInteger(ms) ? ms + "ms" : null;
}

export function Ttl({ id, text, change }) {
    const isWrong = ttlOf(text) === null;
    return html`<div class="ttl">
        <label for=${id}>Expires after</label>
        <input id=${id} class="mono" value=${text} onInput=${(event) => change(event.target.value)} placeholder="never" size="9"
            autocomplete="off" aria-invalid=${isWrong} aria-describedby=${id + "-hint"} />
        <span class="small ${isWrong ? "problem" : "dim"}" id=${id + "-hint"}>${isWrong ? "a time, like " : ""}90s, 15m, 1h, 7d</span>
    </div>`;
}
