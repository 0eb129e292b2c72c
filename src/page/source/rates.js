/* From what only grows to what is going on: operations a second from totals, percentiles from the
 * buckets of a Prometheus histogram. Pure. */

const STALE_MS = 6000;

/* Totals of other nodes come by gossip, less often than they are asked for: a rate is taken from one
 * change of the total to the next, and holds until then. (When the total that is seen first was
 * told, nobody knows; so there is no rate before the second change.) A total that
 * fell is of a node that was started again. */
export class Rate {
    #total = null;
    #at = null; // when it last changed; null: not seen yet
    #firstAt = 0;
    value = null;

    take(total, now) {
        if (typeof total !== "number") {
            return this.value;
        }
        if (this.#total === null) {
            this.#total = total;
            this.#firstAt = now;
        } else if (total !== this.#total) {
            const grown = total > this.#total ? total - this.#total : total;
            this.value = this.#at === null ? this.value : (grown * 1000) / Math.max(now - this.#at, 1);
            this.#total = total;
            this.#at = now;
        } else if (now - (this.#at ?? this.#firstAt) > STALE_MS) {
            this.value = 0;
        }
        return this.value;
    }
}

const LINE = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? ([^ ]+)/i;

/* "a=\"b\",c=\"d\"" as an object. */
function labelsOf(text) {
    const labels = {};
    for (const [, name, value] of (text ?? "").matchAll(/([a-z_][a-z0-9_]*)="((?:[^"\\]|\\.)*)"/gi)) {
        labels[name] = value;
    }
    return labels;
}

/* The samples of one metric: [{ labels, value }]. */
export function samples(text, name) {
    const found = [];
    for (const line of text.split("\n")) {
        if (line.startsWith(name)) {
            const parts = LINE.exec(line);
            if (parts?.[1] === name) {
                found.push({ labels: labelsOf(parts[2]), value: Number(parts[3]) });
            }
        }
    }
    return found;
}

/* The buckets of a histogram, summed over its series that `wanted` says yes to: a Map from the upper
 * end in seconds to how many are at most that. */
export function buckets(text, name, wanted = () => true) {
    const sums = new Map();
    for (const { labels, value } of samples(text, name + "_bucket")) {
        if (wanted(labels)) {
            const end = labels.le === "+Inf" ? Infinity : Number(labels.le);
            sums.set(end, (sums.get(end) ?? 0) + value);
        }
    }
    return sums;
}

/* What was added between two sets of buckets; a histogram that fell began anew. */
export function difference(before, after) {
    const isNew = (before.get(Infinity) ?? 0) > (after.get(Infinity) ?? 0);
    return new Map(Array.from(after, ([end, value]) => [end, value - (isNew ? 0 : (before.get(end) ?? 0))]));
}

/* In seconds; null where there is nothing. Within a bucket all are taken to be spread evenly. */
export function quantile(sums, share) {
    const ends = Array.from(sums.keys()).sort((a, b) => a - b);
    const total = sums.get(Infinity) ?? 0;
    if (total <= 0) {
        return null;
    }
    let start = 0;
    let below = 0;
    for (const end of ends) {
        const upTo = sums.get(end);
        if (upTo >= share * total) {
            return end === Infinity ? start : start + ((end - start) * (share * total - below)) / Math.max(upTo - below, 1e-9);
        }
        start = end;
        below = upTo;
    }
    return start;
}
