/* What the page knows, in one object. Whoever learns something calls change(); what is shown is drawn
 * again once a frame at most, and not while nobody sees it. */
import { useEffect, useState } from "preact/hooks";

export const state = {
    view: "overview",
    opened: null, // a key to be shown, from the address
    status: null,
    stats: null,
    ring: null,
    older: [], // rings that are in force beside the newest
    plan: null,
    loads: new Map(), // node name -> operations a second
    downSince: new Map(), // node name -> ms
    history: { times: [], total: [], nodes: new Map(), p50: [], p99: [] },
    latency: { p50: null, p99: null },
    away: null, // this page's node doesn't answer: { since, text }
    heardAt: 0,
    problems: {}, // path -> what is wrong with its answers
    said: { text: "", isBad: false, number: 0 }, // the last thing that was done
};

const listeners = new Set();
let isDue = false;

function tell() {
    isDue = false;
    for (const listener of listeners) {
        listener();
    }
}

export function change(part) {
    Object.assign(state, part);
    if (!isDue) {
        isDue = true;
        requestAnimationFrame(tell);
    }
}

/* Draws the component again whenever anything has changed. */
export function useShown() {
    const [, draw] = useState(0);
    useEffect(() => {
        const listener = () => draw((number) => number + 1);
        listeners.add(listener);
        return () => listeners.delete(listener);
    }, []);
    return state;
}

/* Tells people, also those who listen, what has come of what they did. */
export function say(text, isBad = false) {
    change({ said: { text, isBad, number: state.said.number + 1 } });
}
