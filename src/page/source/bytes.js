/* Bytes as they travel and as they are shown. Keys and values are any bytes: they are kept as
 * Uint8Array, and become text only here, with everything made visible that could pass for something
 * else (control characters, and those that turn the direction of writing). */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

// eslint-disable-next-line no-control-regex
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
// The same, less what a text area shows well enough.
// eslint-disable-next-line no-control-regex
const UNFIT = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/;

export const bytesOf = (text) => encoder.encode(text);

/* Null: it isn't UTF-8. */
export function textOf(bytes) {
    try {
        return decoder.decode(bytes);
    } catch {
        return null;
    }
}

/* May it be shown and edited as text without anything being lost or unseen? */
export function isPlain(bytes) {
    const text = textOf(bytes);
    return text !== null && !UNFIT.test(text);
}

const escapeOf = (character) =>
    ({ "\n": "\\n", "\r": "\\r", "\t": "\\t" })[character] ??
    (character < "\u0080"
        ? "\\x" + character.charCodeAt(0).toString(16).padStart(2, "0")
        : "\\u{" + character.charCodeAt(0).toString(16) + "}");

export const visible = (text) => text.replace(HIDDEN, escapeOf);

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/* Text of several lines, with all else that is hidden made visible; null: it is no text to be read. */
export function linesOf(bytes) {
    const text = textOf(bytes);
    return text === null || CONTROL.test(text) ? null
        : text.replace(HIDDEN, (character) => (character === "\n" || character === "\t" ? character : escapeOf(character)));
}

/* On one line, at most so many bytes of it; what isn't text as \xff. */
export function shownOf(bytes, lengthMax = 160) {
    let part = bytes;
    if (bytes.length > lengthMax) {
        let end = lengthMax;
        while (end > lengthMax - 4 && (bytes[end] & 0xc0) === 0x80) {
            end--; // not through the middle of a character
        }
        part = bytes.subarray(0, end);
    }
    const text = textOf(part);
    const shown = text !== null ? visible(text) : escapedOf(part);
    return part.length < bytes.length ? shown + "…" : shown;
}

function escapedOf(bytes) {
    let out = "";
    for (const byte of bytes) {
        out += byte >= 0x20 && byte < 0x7f
            ? String.fromCharCode(byte)
            : "\\x" + byte.toString(16).padStart(2, "0");
    }
    return out;
}

export function hexOf(bytes) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/* Null: it is no hexadecimal. Blanks are passed over. */
export function fromHex(text) {
    const digits = text.replace(/\s+/g, "");
    if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) {
        return null;
    }
    return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function base64Of(bytes) {
    let text = "";
    for (let i = 0; i < bytes.length; i += 0x8000) {
        text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
    }
    return btoa(text);
}

/* Null: it is no base64. Both alphabets are taken, with padding or without. */
export function fromBase64(text) {
    try {
        const plain = atob(text.replace(/\s+/g, "").replace(/-/g, "+").replace(/_/g, "/"));
        return Uint8Array.from(plain, (character) => character.charCodeAt(0));
    } catch {
        return null;
    }
}

const UNRESERVED = /[A-Za-z0-9._~-]/;

/* For a path or a query. See isUnreachable, too. */
export function percentOf(bytes) {
    let out = "";
    for (const byte of bytes) {
        const character = String.fromCharCode(byte);
        out += UNRESERVED.test(character)
            ? character
            : "%" + byte.toString(16).toUpperCase().padStart(2, "0");
    }
    return out;
}

/* Browsers take %2e for a dot and fold paths with "." and "..": these two keys can't be asked for. */
export const UNREACHABLE = "A browser can't ask for a key or prefix that is only dots; the shoal command can.";

export function isUnreachable(bytes) {
    return bytes.length <= 2 && bytes.length > 0 && bytes.every((byte) => byte === 0x2e);
}

export function fromPercent(text) {
    const out = [];
    for (let i = 0; i < text.length; i++) {
        const pair = text.slice(i, i + 3);
        if (/^%[0-9a-f]{2}$/i.test(pair)) {
            out.push(parseInt(pair.slice(1), 16));
            i += 2;
        } else {
            out.push(...encoder.encode(text[i]));
        }
    }
    return Uint8Array.from(out);
}

export const isSame = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/* A key or value as the API's JSON has it: a string, an object with NAME or NAME_base64, or null. */
export function fromJson(json, name) {
    if (typeof json === "string") {
        return encoder.encode(json);
    }
    if (json !== null && typeof json === "object") {
        if (typeof json[name] === "string") {
            return encoder.encode(json[name]);
        }
        if (typeof json[name + "_base64"] === "string") {
            return fromBase64(json[name + "_base64"]);
        }
    }
    return null;
}

export const ENCODINGS = {
    text: { label: "text", write: (bytes) => textOf(bytes) ?? "", read: (text) => encoder.encode(text) },
    hex: { label: "hex", write: hexOf, read: fromHex },
    base64: { label: "base64", write: base64Of, read: fromBase64 },
};
