/* Numbers as people read them. Pure. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const brief = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

export const count = (value) => (isNumber(value) ? whole.format(value) : "–");
export const compact = (value) =>
    !isNumber(value) ? "–" : Math.abs(value) < 10000 ? whole.format(value) : brief.format(value);

export function bytes(value) {
    if (!isNumber(value)) {
        return "–";
    }
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let unit = 0;
    while (Math.abs(value) >= 1024 && unit < units.length - 1) {
        value /= 1024;
        unit++;
    }
    return (unit === 0 || value >= 100 ? whole : short).format(value) + " " + units[unit];
}

export const rate = (value) => (!isNumber(value) ? "–" : value < 10 ? short.format(value) : compact(value));

/* Of milliseconds. */
export function latency(value) {
    if (!isNumber(value)) {
        return "–";
    }
    if (value < 1) {
        return whole.format(value * 1000) + " µs";
    }
    return value < 1000 ? short.format(value) + " ms" : short.format(value / 1000) + " s";
}

export function duration(seconds) {
    if (!isNumber(seconds)) {
        return "–";
    }
    const total = Math.max(0, Math.round(seconds));
    if (total < 60) {
        return total + " s";
    }
    if (total < 3600) {
        return Math.floor(total / 60) + " min " + (total % 60) + " s";
    }
    const hours = Math.floor(total / 3600);
    return hours < 48 ? hours + " h " + Math.floor((total % 3600) / 60) + " min" : Math.floor(hours / 24) + " days";
}

export const plural = (number, word, many = word + "s") => count(number) + " " + (number === 1 ? word : many);

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function time(date, millis = false) {
    if (Number.isNaN(date.getTime())) {
        return "–";
    }
    const text = clock.format(date);
    return millis ? text + "." + String(date.getMilliseconds()).padStart(3, "0") : text;
}

/* node2 before node10. */
export const byName = new Intl.Collator("en", { numeric: true }).compare;

/* "a, b and c"; at most so many by name. */
export function names(list, most = 4) {
    const shown = list.length > most ? [...list.slice(0, most - 1), plural(list.length - most + 1, "other")] : list;
    return shown.length < 2 ? (shown[0] ?? "") : shown.slice(0, -1).join(", ") + " and " + shown.at(-1);
}
