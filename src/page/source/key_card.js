/* One key: its value, or its siblings side by side, and what can be done about them. Whatever is
 * written replaces what was shown and nothing else: the context that came with it goes along. */
import { useEffect, useRef, useState } from "preact/hooks";
import { deleteKey, getKey, putKey } from "./api.js";
import { UNREACHABLE, isPlain, isUnreachable, shownOf, textOf } from "./bytes.js";
import { Editor, Ttl, bytesOfDraft, draftOf, ttlOf } from "./editor.js";
import * as format from "./format.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Bytes, Card, Value } from "./parts.js";
import { say } from "./store.js";

const EDITED_BYTES_MAX = 262144;

function expiryOf(found) {
    const left = found.expires ? (Number(found.expires) - Date.now()) / 1000 : NaN;
    return !Number.isFinite(left) ? "" : left > 0 ? "expires in " + format.duration(left) : "has expired";
}

function download(value) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([value]));
    link.download = "value";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/* All of them, one below the other, to be made into one by hand. */
function mergedOf(values) {
    const isText = values.every(isPlain);
    return isText ? new TextEncoder().encode(values.map(textOf).join("\n")) : values[0];
}

function Siblings({ values, keep, merge, isBusy }) {
    return html`<div class="siblings">
        <p class="callout is-fair"><${Icon} name="warn" /><span><b>${values.length} concurrent values.</b>${" "}
            Clients changed the same version at the same time, and all of it was kept. Choose one, or merge them into one.</span></p>
        <div class="sibling-grid">
            ${values.map((value, i) => html`<article class="sibling" key=${i} aria-label=${"Sibling " + (i + 1)}>
                <header><b>Sibling ${i + 1}</b>${i === 0 && html`<span class="tag">plain reads get this one</span>`}<span class="dim small">${format.bytes(value.length)}</span></header>
                <${Value} bytes=${value} />
                <button type="button" onClick=${() => keep(value, i)} disabled=${isBusy}>Keep this one</button>
            </article>`)}
        </div>
        <div class="row"><button type="button" class="is-main" onClick=${merge} disabled=${isBusy}>Merge by hand…</button></div>
    </div>`;
}

function Confirm({ name, close, confirm }) {
    const dialog = useRef(null);
    useEffect(() => dialog.current.showModal(), []);
    return html`<dialog ref=${dialog} onClose=${close} aria-labelledby="confirm-title">
        <h2 id="confirm-title">Delete this key?</h2>
        <p><${Bytes} bytes=${name} lengthMax=${200} /></p>
        <div class="row">
            <button type="button" class="is-danger" onClick=${confirm}>Delete</button>
            <button type="button" onClick=${() => dialog.current.close()}>Cancel</button>
        </div>
    </dialog>`;
}

function EditForm({ title, draft, change, ttl, setTtl, save, cancel, isBusy, note }) {
    const form = useRef(null);
    useEffect(() => form.current.querySelector("textarea").focus(), []);
    const isReady = bytesOfDraft(draft) !== null && ttlOf(ttl) !== null && !isBusy;
    const submit = (event) => {
        event.preventDefault();
        if (isReady) {
            save();
        }
    };
    return html`<form class="fields" ref=${form} onSubmit=${submit}>
        ${note && html`<p class="dim small">${note}</p>`}
        <${Editor} id="edit-value" label=${title} draft=${draft} change=${change} />
        <${Ttl} id="edit-ttl" text=${ttl} change=${setTtl} />
        <div class="row">
            <button type="submit" class="is-main" disabled=${!isReady}>Save</button>
            <button type="button" onClick=${cancel}>Cancel</button>
        </div>
    </form>`;
}

export function KeyCard({ name, changed, isAway }) {
    const [found, setFound] = useState(null);
    const [problem, setProblem] = useState("");
    const [edit, setEdit] = useState(null); // { draft, title, note }
    const [ttl, setTtl] = useState("");
    const [isBusy, setBusy] = useState(false);
    const [isDeleting, setDeleting] = useState(false);
    const card = useRef(null);
    const isHere = useRef(true);
    useEffect(() => () => (isHere.current = false), []);

    const load = async () => {
        if (isUnreachable(name)) {
            setProblem(UNREACHABLE);
            return;
        }
        try {
            const answer = await getKey(name);
            if (isHere.current) {
                setFound(answer);
                setProblem("");
            }
        } catch (error) {
            if (isHere.current) {
                setProblem(error.message);
            }
        }
    };
    useEffect(() => void (!isAway && found === null && load()), [isAway]); // at first, and when the node is back

    const carryOut = async (done, deed) => {
        setBusy(true);
        try {
            await deed();
            say(done);
            if (isHere.current) {
                setEdit(null);
                setTtl("");
            }
            changed();
            await load();
        } catch (error) {
            const text = (error.isUnknown ? "It may or may not have been carried out: " : "Not carried out: ") + error.message;
            say(text, true);
            if (isHere.current) {
                setProblem(text);
            }
        }
        if (isHere.current) {
            setBusy(false);
        }
    };
    const put = (value, done) => carryOut(done, () => putKey(name, value, found.context, ttlOf(ttl)));
    const save = () => put(bytesOfDraft(edit.draft), "Saved " + shownOf(name, 60) + ".");
    const remove = () => {
        setDeleting(false);
        card.current?.focus();
        carryOut("Deleted " + shownOf(name, 60) + ".", () => deleteKey(name, found.context));
    };
    const beginEdit = (value, title, note) => setEdit({ draft: draftOf(value), title, note });

    return html`<div ref=${card} tabindex="-1" class="key-card"><${Card} title=${html`<${Bytes} bytes=${name} lengthMax=${1000} />`} class="is-key">
        ${problem && html`<p class="problem" role="alert"><${Icon} name="warn" />${problem}</p>`}
        ${found === null ? (problem ? html`<div class="row"><button type="button" onClick=${load}>Read again</button></div>` : html`<p class="dim">Reading…</p>`) : html`<${Body} found=${found} edit=${edit} isBusy=${isBusy}
            put=${put} beginEdit=${beginEdit} load=${load} askDelete=${() => setDeleting(true)} />`}
        ${edit !== null && html`<${EditForm} ...${edit} change=${(draft) => setEdit({ ...edit, draft })} ttl=${ttl} setTtl=${setTtl}
            save=${save} cancel=${() => setEdit(null)} isBusy=${isBusy} />`}
        ${isDeleting && html`<${Confirm} name=${name} close=${() => setDeleting(false)} confirm=${remove} />`}
    <//></div>`;
}

function Body({ found, edit, isBusy, put, beginEdit, load, askDelete }) {
    const { values } = found;
    if (edit !== null) {
        return null;
    }
    if (values.length === 0) {
        return html`<p class="callout"><span>There is no such key (any more).</span></p>
            <div class="row"><button type="button" onClick=${() => beginEdit(new Uint8Array(0), "Value")}>Put a value</button>
            <button type="button" onClick=${load}>Read again</button></div>`;
    }
    const expiry = expiryOf(found);
    const isLong = values[0].length > EDITED_BYTES_MAX;
    return html`
        ${values.length > 1
            ? html`<${Siblings} values=${values} isBusy=${isBusy} keep=${(value, i) => put(value, "Resolved: sibling " + (i + 1) + " was kept.")}
                merge=${() => beginEdit(mergedOf(values), "Merged value", "What you save replaces all " + values.length + " siblings.")} />`
            : html`<p class="dim small facts"><span>${format.bytes(values[0].length)}</span>${expiry && html`<span>${expiry}</span>`}</p>
                <${Value} bytes=${values[0]} />`}
        <div class="row">
            ${values.length === 1 && html`<button type="button" class="is-main" disabled=${isBusy || isLong}
                onClick=${() => beginEdit(values[0], "Value", expiry ? "What is saved without a time of its own never expires." : "")}>Edit</button>`}
            <button type="button" onClick=${load} disabled=${isBusy}>Read again</button>
            <button type="button" onClick=${() => download(values[0])}>Download</button>
            <button type="button" class="is-danger" onClick=${askDelete} disabled=${isBusy}>Delete…</button>
        </div>
        ${isLong && html`<p class="dim small">Values of more than ${format.bytes(EDITED_BYTES_MAX)} are not edited here.</p>`}`;
}
