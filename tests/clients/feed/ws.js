// The package ws as an application uses it: node ws.js PORT. Prints "open" when the feed is, then waits for
// the key js/ä/last; ends with 0 if everything was as expected.
"use strict";
const assert = require("node:assert/strict");
const WebSocket = require("ws");
const port = process.argv[2];

const feed = new WebSocket(`ws://127.0.0.1:${port}/wal?prefix=${encodeURIComponent("js/ä")}&heartbeat=100ms`);
const seen = [];
let heartbeats = 0;
let pongs = 0;

feed.on("open", () => {
  feed.ping("hello");
  console.log("open");
});
feed.on("pong", (payload) => {
  assert.equal(payload.toString(), "hello");
  pongs++;
});
feed.on("message", (data, isBinary) => {
  assert.equal(isBinary, false);
  const event = JSON.parse(data);
  if (event.op === "heartbeat") {
    heartbeats++;
    if (seen.length > 0) {
      feed.close(4000, "enough");
    }
    return;
  }
  assert.equal(event.op, "put");
  seen.push(event.key);
});
feed.on("close", (code) => {
  assert.equal(code, 4000);
  assert.deepEqual(seen, ["js/ä/last"]);
  assert.equal(pongs, 1);
  assert.ok(heartbeats > 0);
});

// A page of another site is kept out.
const page = new WebSocket(`ws://127.0.0.1:${port}/wal`, { origin: "https://evil.example" });
page.on("open", () => assert.fail("it was let in"));
page.on("error", (error) => assert.match(error.message, /403/));
