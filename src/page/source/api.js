/* Asking the node that this page came from. Nothing else is ever asked. */
import { fromJson, percentOf } from "./bytes.js";

const TIMEOUT_MS = 6000;

/* An answer that says no; `status` 0: none came. */
export class Failure extends Error {
    constructor(status, text, isUnknown = false) {
        super(text);
        this.status = status;
        this.isUnknown = isUnknown;
    }
}

async function failureOf(response) {
    let text = response.status + " " + response.statusText;
    let isUnknown = false;
    try {
        const body = await response.json();
        if (typeof body.error === "string") {
            const id = response.headers.get("X-Request-Id");
            text = body.error + (response.status >= 500 && id ? " (request " + id + ")" : "");
        }
        isUnknown = body.outcome === "unknown";
    } catch {
        // no JSON: the status has to do
    }
    return new Failure(response.status, text, isUnknown);
}

async function ask(path, options = {}) {
    const { wanted = [200], read = (response) => response.text(), timeoutMs = TIMEOUT_MS, ...rest } = options;
    const control = new AbortController();
    const timer = setTimeout(() => control.abort(), timeoutMs);
    try {
        const response = await fetch(path, { ...rest, signal: control.signal, cache: "no-store", redirect: "manual" });
        if (!wanted.includes(response.status)) {
            throw await failureOf(response);
        }
        return await read(response);
    } catch (error) {
        if (error instanceof Failure) {
            throw error;
        }
        // A write that got no answer may have been carried out.
        const text = control.signal.aborted ? "no answer in time" : "no connection to the node";
        throw new Failure(0, text, (rest.method ?? "GET") !== "GET");
    } finally {
        clearTimeout(timer);
    }
}

export const getJson = (path) => ask(path, { read: (response) => response.json() });
export const getText = (path) => ask(path);

/* { text } of what all nodes said. */
export const repairNow = () => ask("/v1/repair", { method: "POST", timeoutMs: 20000, read: (response) => response.json() });

const pathOf = (key) => "/kv/" + percentOf(key);
const contextOf = (response) => response.headers.get("X-Shoal-Context");

/* { values: [bytes], context, expires } with the winner first; no values: there is no such key. */
export function getKey(key) {
    return ask(pathOf(key) + "?siblings=all", {
        wanted: [200, 300, 404],
        read: async (response) => {
            const found = { values: [], context: contextOf(response), expires: response.headers.get("X-Shoal-Expires") };
            if (response.status === 200) {
                found.values = [new Uint8Array(await response.arrayBuffer())];
            } else if (response.status === 300) {
                const body = await response.json();
                const list = Array.isArray(body) ? body : body.values;
                found.values = list.map((one) => fromJson(one, "value")).filter((value) => value !== null);
                found.context ??= body.context ?? null;
            } else {
                await response.text();
            }
            return found;
        },
    });
}

const withContext = (context) => (context ? { "X-Shoal-Context": context } : {});

export function putKey(key, value, context, ttl) {
    const query = ttl ? "?ttl=" + encodeURIComponent(ttl) : "";
    const headers = { "Content-Type": "application/octet-stream", ...withContext(context) };
    return ask(pathOf(key) + query, { method: "PUT", body: value, headers, wanted: [200, 201, 204] });
}

export function deleteKey(key, context) {
    return ask(pathOf(key), { method: "DELETE", headers: withContext(context), wanted: [200, 204, 404] });
}

/* { keys: [bytes], after } : `after` is null at the end. */
export function listKeys(prefix, after, limit) {
    const path = prefix.length > 0 ? "/keys/" + percentOf(prefix) : "/keys";
    const query = "?limit=" + limit + (after ? "&after=" + encodeURIComponent(after) : "");
    return ask(path + query, {
        read: async (response) => {
            const body = await response.json();
            const keys = body.map((one) => fromJson(one, "key")).filter((key) => key !== null);
            return { keys, after: response.headers.get("X-Shoal-After") };
        },
    });
}
