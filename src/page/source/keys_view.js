/* The key browser: a list of keys by their prefix, page by page, and beside it the one that is open. */
import { useEffect, useRef, useState } from "preact/hooks";
import { listKeys } from "./api.js";
import { ENCODINGS, UNREACHABLE, isSame, isUnreachable, percentOf } from "./bytes.js";
import * as format from "./format.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { KeyCard } from "./key_card.js";
import { NewKey } from "./key_new.js";
import { Bytes, Card } from "./parts.js";

const PAGE_KEYS = 50;
const KEYS_MAX = 2000; // in the list at once; a longer prefix finds what is behind

/* The list and how to go on with it. Answers to questions that are out of date are dropped. */
function useKeys() {
    const [list, setList] = useState({ prefix: new Uint8Array(0), keys: [], after: null, isLoading: true, problem: "" });
    const asked = useRef(0);

    const load = async (prefix, before) => {
        const question = ++asked.current;
        if (isUnreachable(prefix)) {
            setList({ prefix, keys: [], after: null, isLoading: false, problem: UNREACHABLE });
            return;
        }
        setList((old) => ({ ...old, prefix, isLoading: true, problem: "" }));
        try {
            const page = await listKeys(prefix, before?.after, PAGE_KEYS);
            if (question === asked.current) {
                setList({ prefix, keys: [...(before?.keys ?? []), ...page.keys], after: page.after, isLoading: false, problem: "" });
            }
        } catch (error) {
            if (question === asked.current) {
                setList((old) => ({ ...old, isLoading: false, problem: error.message }));
            }
        }
    };
    /* Something else is about to be asked for: what is shown is on its way out. */
    const outdate = () => {
        asked.current++;
        setList((old) => ({ ...old, isLoading: true }));
    };
    return [list, load, outdate];
}

function KeyList({ list, opened, more }) {
    if (list.problem) {
        return html`<p class="problem" role="alert"><${Icon} name="warn" />${list.problem}</p>`;
    }
    if (list.keys.length === 0) {
        return html`<p class="dim empty">${list.isLoading ? "Looking…" : "There are no such keys."}</p>`;
    }
    return html`
        <ul class="key-list" aria-label="Keys" aria-busy=${list.isLoading}>
            ${list.keys.map((key) => {
                const path = percentOf(key);
                const isOpen = opened !== null && isSame(opened, key);
                return html`<li key=${path}><a href=${"#keys=" + path} aria-current=${isOpen ? "true" : undefined}><${Bytes} bytes=${key} lengthMax=${96} /></a></li>`;
            })}
        </ul>
        <div class="row list-end">
            <span class="dim small">${format.plural(list.keys.length, "key")}${list.after ? " so far" : ""}${list.keys.length > 1 ? ", unsorted" : ""}</span>
            ${list.after && list.keys.length < KEYS_MAX && html`<button type="button" onClick=${more} disabled=${list.isLoading}>Show more</button>`}
            ${list.after && list.keys.length >= KEYS_MAX && html`<span class="dim small">There are more; a longer prefix finds them.</span>`}
        </div>`;
}

export function KeysView({ opened, isAway }) {
    const [prefix, setPrefix] = useState("");
    const [isNew, setNew] = useState(false);
    const [list, load, outdate] = useKeys();
    const timer = useRef(null);

    useEffect(() => {
        load(list.prefix);
        return () => clearTimeout(timer.current);
    }, []);
    useEffect(() => opened !== null && setNew(false), [opened]);
    useEffect(() => void (!isAway && list.problem && load(list.prefix)), [isAway]); // the node is back

    const search = (text) => {
        setPrefix(text);
        outdate();
        clearTimeout(timer.current);
        timer.current = setTimeout(() => load(ENCODINGS.text.read(text)), 250);
    };
    const again = () => load(list.prefix);
    const create = () => {
        location.hash = "#keys";
        setNew(true);
    };
    const hasDetail = isNew || opened !== null;

    return html`<div class="keys ${hasDetail ? "has-detail" : ""}">
        <${Card} title="Keys" class="keys-list" aside=${html`<button type="button" class="is-main" onClick=${create}><${Icon} name="plus" />New key</button>`}>
            <form class="row search" role="search" onSubmit=${(event) => (event.preventDefault(), again())}>
                <label for="key-prefix">Begin with</label>
                <input id="key-prefix" class="mono" type="search" value=${prefix} onInput=${(event) => search(event.target.value)}
                    autocomplete="off" autocapitalize="off" spellcheck=${false} placeholder="any prefix" />
                <button type="submit">Refresh</button>
            </form>
            <${KeyList} list=${list} opened=${opened} more=${() => load(list.prefix, list)} />
        <//>
        <div class="keys-detail">
            ${hasDetail && html`<a class="button back" href="#keys" onClick=${() => setNew(false)}><${Icon} name="back" />All keys</a>`}
            ${isNew ? html`<${NewKey} prefix=${prefix} changed=${again} cancel=${() => setNew(false)} />`
                : opened !== null ? html`<${KeyCard} key=${percentOf(opened)} name=${opened} changed=${again} isAway=${isAway} />`
                    : html`<div class="placeholder"><${Icon} name="keys" /><p>Choose a key to see and change its value.</p></div>`}
        </div>
    </div>`;
}
