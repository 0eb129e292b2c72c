/* The few pictures of the page; each goes with a word. */
import { html } from "./html.js";

const PATHS = {
    ok: "M3.5 8.5l3 3l6-7",
    warn: "M8 2L1.5 13.5h13zM8 6.5v3.2M8 11.6v.2",
    down: "M4 4l8 8M12 4l-8 8",
    busy: "M13 8a5 5 0 1 1-1.6-3.7M13 1.8v3.4H9.6",
    suspect: "M5.6 6a2.4 2.4 0 1 1 3.4 2.2c-.7.3-1 .8-1 1.6M8 12.4v.2",
    left: "M9.5 3H4v10h5.5M7.5 8H14M11.5 5.5L14 8l-2.5 2.5",
    overview: "M8 2a6 6 0 1 0 .01 0M8 5a3 3 0 1 0 .01 0M8 2v3M8 11v3M2 8h3M11 8h3",
    keys: "M6 9.5a3 3 0 1 1 2.2-1L14 14M11.5 11.5L13 10",
    feed: "M2 8h3l2-5l3 10l2-5h2",
    cluster: "M8 2.5v4M3.5 13v-3h9v3M8 6.5V10M6.5 2.5h3M2.5 13h2M11.5 13h2M7 13h2M8 10v3",
    sun: "M8 5a3 3 0 1 0 .01 0M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
    moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3A5.6 5.6 0 1 0 13 9.6z",
    auto: "M8 2.5a5.5 5.5 0 1 0 .01 0M8 2.5v11M8 5l4 1M8 8h5.4M8 11l4-.5",
    pause: "M5.5 3.5v9M10.5 3.5v9",
    play: "M5 3l8 5l-8 5z",
    plus: "M8 3v10M3 8h10",
    back: "M10 3L5 8l5 5",
    put: "M3 13h10M8 3v7M5 7.5L8 10.5l3-3",
    delete: "M3.5 4.5h9M6.5 4.5V3h3v1.5M5 4.5l.5 8.5h5l.5-8.5",
    expire: "M8 2.5a5.5 5.5 0 1 0 .01 0M8 5v3l2 1.5",
    list: "M3 4h10M3 8h10M3 12h10",
    read: "M1.5 8S4 3.8 8 3.8S14.5 8 14.5 8S12 12.2 8 12.2S1.5 8 1.5 8zM8 6.4a1.6 1.6 0 1 0 .01 0",
};

export function Icon({ name }) {
    return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
        <path d=${PATHS[name] ?? PATHS.suspect} />
    </svg>`;
}
