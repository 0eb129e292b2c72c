/* The ring as shapes: where a partition lies, and the outlines of all that a node owns. Pure. */

export const SIZE = 400;
const CENTRE = SIZE / 2;
const OUTER = 184;
const INNER = 104;
const GAP = 3;
export const EDGE = 191; // where what moves is marked

const point = (radius, turn) => {
    const angle = turn * 2 * Math.PI - Math.PI / 2;
    return (CENTRE + radius * Math.cos(angle)).toFixed(2) + " " + (CENTRE + radius * Math.sin(angle)).toFixed(2);
};

const circle = (radius, sweep) =>
    `M${point(radius, 0)}A${radius} ${radius} 0 0 ${sweep} ${point(radius, 0.5)}A${radius} ${radius} 0 0 ${sweep} ${point(radius, 0)}Z`;

/* Between two turns (0..1, clockwise from the top) and two radii. */
function segment(from, to, inner, outer) {
    if (to - from >= 1) {
        return circle(outer, 1) + circle(inner, 0); // the inner one the other way round: a hole
    }
    const isLarge = to - from > 0.5 ? 1 : 0;
    return `M${point(outer, from)}A${outer} ${outer} 0 ${isLarge} 1 ${point(outer, to)}` +
        `L${point(inner, to)}A${inner} ${inner} 0 ${isLarge} 0 ${point(inner, from)}Z`;
}

/* From the outermost, the first owners', inwards. */
function band(place, bands) {
    const width = (OUTER - INNER + GAP) / bands;
    const outer = OUTER - place * width;
    return [outer - width + GAP, outer];
}

/* Calls with (first, after the last, what) for each run of equal things that isn't null. */
function forRuns(length, whatAt, call) {
    let first = 0;
    for (let i = 1; i <= length; i++) {
        if (i === length || whatAt(i) !== whatAt(first)) {
            if (whatAt(first) !== null) {
                call(first, i, whatAt(first));
            }
            first = i;
        }
    }
}

/* A Map from a node's name to the outline of all that it owns. */
export function outlinesOf(owners) {
    const bands = Math.max(1, ...owners.map((row) => row.length));
    const outlines = new Map();
    for (let place = 0; place < bands; place++) {
        const [inner, outer] = band(place, bands);
        forRuns(owners.length, (i) => owners[i][place] ?? null, (first, end, name) => {
            const path = segment(first / owners.length, end / owners.length, inner, outer);
            outlines.set(name, (outlines.get(name) ?? "") + path);
        });
    }
    return outlines;
}

/* Of every partition the nodes that get it: those that own it now and in no older ring. */
export function movesOf(owners, older) {
    return owners.map((row, i) => row.filter((name) => older.some((ring) => !ring.owners[i].includes(name))));
}

/* Marks at the edge for the partitions that this is true of. */
export function edgeOf(flags) {
    let path = "";
    forRuns(flags.length, (i) => (flags[i] ? true : null), (first, end) => {
        path += segment(first / flags.length, end / flags.length, EDGE - 3.5, EDGE + 3.5);
    });
    return path;
}

/* Around one partition, for the one that is looked at. */
export function frameOf(partition, count) {
    return segment(partition / count, (partition + 1) / count, INNER - 4, OUTER + 4);
}

/* The partition at a place of the picture (in its own units); null beside the ring. */
export function partitionAt(x, y, count) {
    const radius = Math.hypot(x - CENTRE, y - CENTRE);
    if (radius < INNER - 14 || radius > EDGE + 9) {
        return null;
    }
    const turn = (Math.atan2(y - CENTRE, x - CENTRE) / (2 * Math.PI) + 1.25) % 1;
    return Math.min(Math.floor(turn * count), count - 1);
}
