/* The parts of the page that need no browser. */
import assert from "node:assert/strict";
import test from "node:test";
import * as bytes from "../../src/page/source/bytes.js";
import * as format from "../../src/page/source/format.js";
import { Rate, buckets, difference, quantile } from "../../src/page/source/rates.js";
import { movesOf, outlinesOf, partitionAt } from "../../src/page/source/ring_shape.js";

const random = (() => {
    let state = 20260101;
    return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
})();
const randomBytes = () => Uint8Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256));

test("bytes come back from every way of writing them", () => {
    for (let i = 0; i < 500; i++) {
        const value = randomBytes();
        assert.deepEqual(bytes.fromHex(bytes.hexOf(value)), value);
        assert.deepEqual(bytes.fromBase64(bytes.base64Of(value)), value);
        assert.deepEqual(bytes.fromPercent(bytes.percentOf(value)), value);
        assert.match(bytes.percentOf(value), /^[A-Za-z0-9._~%-]*$/);
        if (bytes.isPlain(value)) {
            assert.deepEqual(bytes.bytesOf(bytes.textOf(value)), value);
        }
    }
});

test("what is no hexadecimal or base64 is refused", () => {
    for (const text of ["0", "0g", "12 3"]) {
        assert.equal(bytes.fromHex(text), null);
    }
    for (const text of ["a", "a*==", "ü"]) {
        assert.equal(bytes.fromBase64(text), null);
    }
    assert.deepEqual(bytes.fromBase64("_-8="), Uint8Array.of(0xff, 0xef));
});

test("nothing that is shown on a line can hide or turn what stands around it", () => {
    const text = "a\u202eb\u0000c\nd\u200be\u2066f";
    assert.equal(bytes.shownOf(bytes.bytesOf(text)), "a\\u{202e}b\\x00c\\nd\\u{200b}e\\u{2066}f");
    assert.equal(bytes.shownOf(Uint8Array.of(0xff, 0x41, 0x00)), "\\xffA\\x00");
    assert.equal(bytes.isPlain(bytes.bytesOf("two\nlines\tgrün 🐟")), true);
    assert.equal(bytes.isPlain(bytes.bytesOf("turned \u202e")), false);
    assert.equal(bytes.isPlain(bytes.bytesOf("line end\r\n")), false); // a text area would lose it
    assert.equal(bytes.isPlain(Uint8Array.of(0xc3)), false);
});

test("lines of text stay lines, with all else that hides in them made visible", () => {
    assert.equal(bytes.linesOf(bytes.bytesOf("one\n\ttwo\r\nthree \u202e")), "one\n\ttwo\\r\nthree \\u{202e}");
    assert.equal(bytes.linesOf(bytes.bytesOf("a\u0000b")), null);
    assert.equal(bytes.linesOf(bytes.bytesOf("a\u001b[2Jb")), null);
    assert.equal(bytes.linesOf(Uint8Array.of(0x61, 0xff)), null);
});

test("a long value is cut between characters, never within one", () => {
    const fish = bytes.bytesOf("🐟".repeat(100));
    for (let length = 4; length < 60; length++) {
        assert.match(bytes.shownOf(fish, length), /^(🐟)+…$/u);
    }
});

test("keys of dots alone are known to be out of a browser's reach", () => {
    for (const [text, is] of [[".", true], ["..", true], ["...", false], ["a.", false], ["", false]]) {
        assert.equal(bytes.isUnreachable(bytes.bytesOf(text)), is, text);
        const path = new URL("http://node/kv/" + bytes.percentOf(bytes.bytesOf(text))).pathname;
        assert.equal(path !== "/kv/" + text, is, text);
    }
});

test("numbers are shown as people read them", () => {
    assert.equal(format.bytes(0), "0 B");
    assert.equal(format.bytes(1536), "1.5 KiB");
    assert.equal(format.bytes(undefined), "–");
    assert.equal(format.count(1234567), "1,234,567");
    assert.equal(format.latency(0.25), "250 µs");
    assert.equal(format.latency(12.34), "12.3 ms");
    assert.equal(format.duration(84), "1 min 24 s");
    assert.equal(format.duration(7260), "2 h 1 min");
    assert.equal(format.names(["a", "b", "c"]), "a, b and c");
    assert.equal(format.names(["a", "b", "c", "d", "e"]), "a, b, c and 2 others");
});

test("a rate is taken between two changes of a total, and a restart is no negative rate", () => {
    const rate = new Rate();
    assert.equal(rate.take(1000, 0), null);
    assert.equal(rate.take(1000, 500), null);
    assert.equal(rate.take(1300, 900), null); // since when, nobody knows
    assert.equal(rate.take(1300, 1400), null);
    assert.equal(rate.take(1400, 1900), 100);
    assert.equal(rate.take(1400, 2400), 100); // it holds until the next
    assert.equal(rate.take(50, 2900), 50); // started again
    assert.equal(rate.take(50, 20000), 0); // nothing for long
    const idle = new Rate();
    idle.take(7, 0);
    assert.equal(idle.take(7, 10000), 0);
});

const METRICS = (counts) =>
    "# HELP shoal_request_seconds Time.\n# TYPE shoal_request_seconds histogram\n" +
    ["0.001", "0.002", "0.004", "+Inf"]
        .map((end, i) => `shoal_request_seconds_bucket{surface="http",op="get",le="${end}"} ${counts[i]}\n`)
        .join("") +
    'shoal_request_seconds_bucket{surface="http",op="other",le="+Inf"} 99\n' +
    'shoal_request_seconds_bucket_of_another{le="+Inf"} 5\n';

test("percentiles come from what was added to the buckets", () => {
    const get = (labels) => labels.op === "get";
    const before = buckets(METRICS([100, 100, 100, 100]), "shoal_request_seconds", get);
    const after = buckets(METRICS([150, 190, 200, 200]), "shoal_request_seconds", get);
    const added = difference(before, after);
    assert.equal(added.get(Infinity), 100);
    assert.equal(quantile(added, 0.5), 0.001);
    assert.ok(Math.abs(quantile(added, 0.99) - 0.0038) < 1e-9);
    assert.equal(quantile(difference(after, after), 0.99), null);
    assert.equal(difference(after, before).get(Infinity), 100); // it began anew
});

test("every partition is found where it is drawn, and what moves is what is new", () => {
    const owners = Array.from({ length: 64 }, (_, i) => ["a", "b", "c"].map((_, k, all) => all[(i + k) % 3]));
    assert.deepEqual(Array.from(outlinesOf(owners).keys()).sort(), ["a", "b", "c"]);
    assert.equal(outlinesOf([["a"], ["a"]]).get("a").match(/Z/g).length, 2); // a whole ring is two circles
    for (let i = 0; i < 64; i++) {
        const angle = ((i + 0.5) / 64) * 2 * Math.PI;
        assert.equal(partitionAt(200 + 150 * Math.sin(angle), 200 - 150 * Math.cos(angle), 64), i);
    }
    assert.equal(partitionAt(200, 200, 64), null);
    const after = owners.map((row, i) => (i === 5 ? ["d", row[1], row[2]] : [row[1], row[0], row[2]]));
    assert.deepEqual(movesOf(after, [{ owners }]).map((names, i) => (names.length > 0 ? [i, names] : null)).filter(Boolean), [[5, ["d"]]]);
});
