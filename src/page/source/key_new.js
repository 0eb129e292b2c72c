/* A new key, or a new value for one by its name. */
import { useEffect, useRef, useState } from "preact/hooks";
import { getKey, putKey } from "./api.js";
import { UNREACHABLE, bytesOf, isUnreachable, percentOf, shownOf } from "./bytes.js";
import { Editor, Ttl, bytesOfDraft, ttlOf, useDraft } from "./editor.js";
import { html } from "./html.js";
import { Card } from "./parts.js";
import { say } from "./store.js";

export function NewKey({ prefix, changed, cancel }) {
    const [name, setName] = useDraft(bytesOf(prefix));
    const [value, setValue] = useDraft(new Uint8Array(0));
    const [ttl, setTtl] = useState("");
    const [problem, setProblem] = useState("");
    const [isBusy, setBusy] = useState(false);
    const form = useRef(null);
    useEffect(() => form.current.querySelector("input").focus(), []);

    const key = bytesOfDraft(name);
    const bytes = bytesOfDraft(value);
    const isReady = key !== null && key.length > 0 && bytes !== null && ttlOf(ttl) !== null && !isBusy;

    const create = async (event) => {
        event.preventDefault();
        if (!isReady) {
            return;
        }
        if (isUnreachable(key)) {
            setProblem(UNREACHABLE);
            return;
        }
        setBusy(true);
        try {
            const found = await getKey(key);
            if (found.values.length > 0) {
                setProblem("There is such a key already: open it to change it.");
                return;
            }
            await putKey(key, bytes, found.context, ttlOf(ttl));
            say("Put " + shownOf(key, 60) + ".");
            changed();
            cancel();
            location.hash = "#keys=" + percentOf(key);
        } catch (error) {
            setProblem((error.isUnknown ? "It may or may not have been put: " : "Not put: ") + error.message);
        } finally {
            setBusy(false);
        }
    };

    return html`<${Card} title="New key">
        <form class="fields" ref=${form} onSubmit=${create}>
            <${Editor} id="new-key" label="Key" draft=${name} change=${setName} isLong=${false} />
            <${Editor} id="new-value" label="Value" draft=${value} change=${setValue} />
            <${Ttl} id="new-ttl" text=${ttl} change=${setTtl} />
            ${problem && html`<p class="problem" role="alert">${problem}</p>`}
            <div class="row">
                <button type="submit" class="is-main" disabled=${!isReady}>Put</button>
                <button type="button" onClick=${cancel}>Cancel</button>
            </div>
        </form>
    <//>`;
}
