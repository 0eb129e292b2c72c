// node-redis as a web application uses it: node node_redis.js PACKAGE alone|cluster PORT...
// Packages are those of package.json; with versions 2 and 3 of the protocol. Ends with 0 if
// everything was as expected.
"use strict";
const assert = require("node:assert/strict");
const [name, mode, ...ports] = process.argv.slice(2);
const { createClient, RESP_TYPES, WatchError } = require(name);

const REFUSED = /ERR .*needs a linearizable key/;

async function connect(port, version) {
  const client = createClient({
    RESP: version, name: `node-${version}`, socket: { host: "127.0.0.1", port: Number(port), reconnectStrategy: false },
  });
  client.on("error", (error) => { throw error; });
  return client.connect();
}

async function basics(client) {
  assert.equal(await client.ping(), "PONG");
  assert.equal(await client.set("nr:a", "1"), "OK");
  assert.equal(await client.get("nr:a"), "1");
  assert.equal(await client.get("nr:none"), null);
  const bytes = Buffer.from([0, 255, 13, 10, 128]);
  await client.set("nr:bytes", bytes);
  const raw = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  assert.deepEqual(await raw.get("nr:bytes"), bytes);
  await client.mSet({ "nr:b": "2", "nr:c": "ü" });
  assert.deepEqual(await client.mGet(["nr:a", "nr:b", "nr:c", "nr:none"]), ["1", "2", "ü", null]);
  assert.equal(await client.set("nr:ttl", "x", { expiration: { type: "EX", value: 100 } }), "OK");
  const ttl = await client.ttl("nr:ttl");
  assert.ok(ttl > 90 && ttl <= 100, `${ttl}`);
  assert.equal(await client.expire("nr:b", 1000), 1);
  assert.equal(await client.persist("nr:b"), 1);
  assert.equal(await client.del(["nr:a", "nr:b", "nr:none"]), 2);
  assert.equal(await client.exists(["nr:a", "nr:c"]), 1);
  assert.equal(await client.type("nr:c"), "string");
  assert.equal(await client.clientGetName(), `node-${client.options.RESP}`);
  const lcs = await client.set("nr:t1", "ohmytext") && await client.set("nr:t2", "mynewtext") &&
    await client.lcsIdx("nr:t1", "nr:t2");
  assert.equal(lcs.len, 6);
  await assert.rejects(client.sendCommand(["NOSUCH", "x"]), /unknown command 'NOSUCH'/);
  await client.set("nr:text", "not a number");
  await assert.rejects(client.incr("nr:text"), /value is not an integer or out of range/);
}

async function many(client) {
  const keys = Array.from({ length: 500 }, (_, n) => `nr:many:${n}`);
  await Promise.all(keys.map((key, n) => client.set(key, String(n))));
  const values = await Promise.all(keys.map((key) => client.get(key)));
  assert.deepEqual(values, keys.map((_, n) => `${n}`));
  const found = new Set();
  for await (const some of client.scanIterator({ MATCH: "nr:many:*", COUNT: 50 })) {
    some.forEach((key) => found.add(key));
  }
  assert.deepEqual(found, new Set(keys));
}

async function alone(client, port, version) {
  await client.del("nr:once");
  assert.equal(await client.set("nr:once", "1", { condition: "NX" }), "OK");
  assert.equal(await client.set("nr:once", "2", { condition: "NX" }), null);
  assert.deepEqual(await client.multi().set("nr:m", "1").incr("nr:m").get("nr:m").exec(), ["OK", 2, "2"]);
  const other = await connect(port, version);
  await client.watch("nr:m");
  await other.set("nr:m", "changed");
  await assert.rejects(client.multi().set("nr:m", "mine").exec(), WatchError);
  assert.equal(await client.get("nr:m"), "changed");
  await other.close();
}

async function cluster(client, others) {
  await assert.rejects(client.set("nr:once", "1", { condition: "NX" }), REFUSED);
  await assert.rejects(client.append("nr:once", "1"), REFUSED);
  await assert.rejects(client.multi().set("nr:m", "1").exec(), REFUSED);
  await client.del("nr:sum");
  await Promise.all([client, ...others].flatMap((each) =>
    Array.from({ length: 200 }, () => each.incr("nr:sum"))));
  assert.equal(await client.get("nr:sum"), String(200 * (1 + others.length)));
}

async function main() {
  for (const version of [2, 3]) {
    const [client, ...others] = await Promise.all(ports.map((port) => connect(port, version)));
    await basics(client);
    await many(client);
    await (mode === "alone" ? alone(client, ports[0], version) : cluster(client, others));
    await Promise.all([client, ...others].map((each) => each.close()));
  }
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
