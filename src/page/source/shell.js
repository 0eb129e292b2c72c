/* The frame around the views: where one is, how the cluster is, and what must not be overlooked. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ClusterView } from "./cluster_view.js";
import { FeedView } from "./feed_view.js";
import * as format from "./format.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { KeysView } from "./keys_view.js";
import { placesOf } from "./marks.js";
import { Overview } from "./overview.js";
import { useShown } from "./store.js";
import { themeChosen, themeNext } from "./theme.js";

export const VIEWS = { overview: "Overview", keys: "Keys", feed: "Feed", cluster: "Cluster" };
const THEMES = { auto: ["auto", "Colours: as the system has them"], light: ["sun", "Colours: light"], dark: ["moon", "Colours: dark"] };
const SAID_MS = 6000;

function Brand({ shown }) {
    return html`<a class="brand" href="#overview">
        <svg viewBox="0 0 32 32" aria-hidden="true"><path d="M3 11c4-5 11-5 15 0c1-1 3-2 4-2c-1 2-1 4 0 6c-1 0-3-1-4-2c-4 4-11 4-15-2z" /><path d="M10 22c4-5 11-5 15 0c1-1 3-2 4-2c-1 2-1 4 0 6c-1 0-3-1-4-2c-4 4-11 4-15-2z" opacity=".55" /></svg>
        <span><b>Shoal</b><span class="clip">${shown.status?.cluster.name ?? ""}</span></span>
    </a>`;
}

function Nav({ view }) {
    return html`<nav aria-label="Views">
        ${Object.entries(VIEWS).map(([name, title]) => html`<a key=${name} href=${"#" + name} aria-current=${view === name ? "page" : undefined}><${Icon} name=${name} />${title}</a>`)}
    </nav>`;
}

function Theme() {
    const [chosen, setChosen] = useState(themeChosen);
    const [icon, text] = THEMES[chosen];
    return html`<button type="button" class="is-quiet" title=${text} aria-label=${text} onClick=${() => (themeNext(), setChosen(themeChosen()))}><${Icon} name=${icon} /></button>`;
}

/* One word for everything, and the worst that there is; it leads to where more is said of it. */
function Health({ shown }) {
    if (shown.away) {
        return html`<span class="badge is-bad"><${Icon} name="down" />no answer</span>`;
    }
    if (shown.status === null) {
        return html`<span class="badge is-plain"><${Icon} name="busy" />connecting</span>`;
    }
    const { nodes, layout } = shown.status;
    const [kind, icon, text, view] = shown.downSince.size > 0 ? ["bad", "down", shown.downSince.size + " down", "overview"]
        : nodes.some((node) => node.storage !== "ok") ? ["bad", "warn", "storage", "overview"]
            : nodes.some((node) => node.state === "suspect") ? ["fair", "suspect", "suspect", "overview"]
                : layout.live > 1 || !layout.settled ? ["fair", "busy", "changing", "cluster"]
                    : ["good", "ok", "all well", "overview"];
    return html`<a class="badge is-${kind}" href=${"#" + view}><${Icon} name=${icon} />${text}</a>`;
}

function Banners({ shown }) {
    const down = Array.from(shown.downSince.keys());
    const sick = (shown.status?.nodes ?? []).filter((node) => node.storage !== "ok" && node.state !== "down");
    const name = shown.status?.node || "The node";
    return html`<div class="banners" role="status">
        ${shown.away && html`<p class="banner is-bad"><${Icon} name="down" /><span><b>${name} does not answer</b> at ${location.host} (${shown.away.text})<span aria-hidden="true">, for ${format.duration((Date.now() - shown.away.since) / 1000)}</span>.
            Trying again. ${shown.heardAt > 0 ? "What is shown is of " + format.time(new Date(shown.heardAt)) + "." : ""} Every other node has this page, too.</span></p>`}
        ${!shown.away && down.length > 0 && html`<p class="banner is-bad"><${Icon} name="down" /><span><b>${format.names(down)} ${down.length === 1 ? "is" : "are"} down</b>, as ${name} sees it.
            Writes meant for ${down.length === 1 ? "it" : "them"} are kept as hints by others.</span></p>`}
        ${!shown.away && sick.map((node) => html`<p class="banner is-bad" key=${node.id}><${Icon} name="warn" /><span><b>The storage of ${node.name} is ${node.storage}</b>: ${node.storage === "full" ? "it refuses writes until there is space." : "it confirms no writes any more."}</span></p>`)}
    </div>`;
}

/* What has just been done, for a few seconds. */
function Said({ said }) {
    const [gone, setGone] = useState(0);
    useEffect(() => {
        const timer = setTimeout(() => setGone(said.number), SAID_MS);
        return () => clearTimeout(timer);
    }, [said.number]);
    const isShown = said.number > gone && said.text !== "";
    return html`<div class="said-place" role="status" aria-live="polite">${isShown && html`<p class="said ${said.isBad ? "is-bad" : ""}"><${Icon} name=${said.isBad ? "warn" : "ok"} /><span>${said.text}</span></p>`}</div>`;
}

/* While its node doesn't answer, times go on all the same. */
function useClock(isRunning) {
    const [, draw] = useState(0);
    useEffect(() => {
        const timer = isRunning && setInterval(() => draw((number) => number + 1), 1000);
        return () => clearInterval(timer);
    }, [isRunning]);
}

export function Shell() {
    const shown = useShown();
    const main = useRef(null);
    const isFirst = useRef(true);
    useClock(shown.away !== null);
    useEffect(() => {
        // The keyboard goes along to another view; not at the first.
        if (!isFirst.current) {
            main.current.focus({ preventScroll: true });
            scrollTo(0, 0);
        }
        isFirst.current = false;
    }, [shown.view]);

    const places = useMemo(() => placesOf([...(shown.status?.nodes ?? []).map((node) => node.name), ...(shown.ring?.owners.flat() ?? [])]),
        [shown.status, shown.ring]);
    return html`
        <a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), main.current.focus())}>Skip to the content</a>
        <header class="top"><div class="top-inner">
            <${Brand} shown=${shown} />
            <${Nav} view=${shown.view} />
            <div class="top-end"><${Health} shown=${shown} /><${Theme} /></div>
        </div></header>
        <main id="main" tabindex="-1" ref=${main} class=${shown.away ? "is-stale" : ""}>
            <h1 class="unseen">${VIEWS[shown.view]}</h1>
            <${Banners} shown=${shown} />
            ${shown.view === "keys" ? html`<${KeysView} opened=${shown.opened} isAway=${shown.away !== null} />`
                : shown.view === "feed" ? html`<${FeedView} places=${places} />`
                    : shown.view === "cluster" ? html`<${ClusterView} shown=${shown} places=${places} />`
                        : html`<${Overview} shown=${shown} places=${places} />`}
        </main>
        <footer class="dim small">${shown.status?.node && html`<span>Seen from ${shown.status.node} · </span>`}<a href="/openapi.yaml">API</a> · <a href="/metrics">metrics</a> · <a href="/page/licences.txt">licences</a></footer>
        <${Said} said=${shown.said} />`;
}
