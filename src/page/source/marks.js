/* A node's colour and shape, the same wherever it appears. Colours were chosen to stay apart for the
 * colour-blind; the shape and the name say the same without any. */
import { byName } from "./format.js";
import { html } from "./html.js";

const COLOURS = 8;
const SHAPES = [
    "M8 2.2a5.8 5.8 0 1 0 0 11.6a5.8 5.8 0 1 0 0-11.6z", // circle
    "M3 3h10v10H3z", // square
    "M8 1.8l6.6 11.7H1.4z", // triangle
    "M8 1l7 7l-7 7l-7-7z", // diamond
    "M6 1.6h4V6h4.4v4H10v4.4H6V10H1.6V6H6z", // cross
    "M1.4 2.6h13.2L8 14.3z", // triangle, downwards
    "M4.6 2.1h6.8L14.8 8l-3.4 5.9H4.6L1.2 8z", // hexagon
    "M8 .9l2 4.7l5 .4l-3.8 3.3l1.2 5L8 11.6l-4.4 2.7l1.2-5L1 6l5-.4z", // star
];
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [14, 4], [1, 4], [6, 2, 2, 2]];

/* By the order of their names, which every node and every visit has in common. */
export function placesOf(names) {
    return new Map(Array.from(new Set(names)).sort(byName).map((name, place) => [name, place]));
}

export const colourOf = (place) => "var(--node-" + (place % COLOURS) + ")";
export const dashOf = (place) => DASHES[Math.floor(place / COLOURS) % DASHES.length];

export function Mark({ place = 0 }) {
    const shape = SHAPES[(place + Math.floor(place / COLOURS)) % SHAPES.length];
    return html`<svg class="mark" viewBox="0 0 16 16" aria-hidden="true" style=${{ color: colourOf(place) }}>
        <path d=${shape} fill="currentColor" />
    </svg>`;
}
