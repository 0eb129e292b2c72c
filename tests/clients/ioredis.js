// ioredis as a web application uses it: node ioredis.js PACKAGE alone|cluster PORT...
// Packages are those of package.json. Ends with 0 if everything was as expected.
"use strict";
const assert = require("node:assert/strict");
const [name, mode, ...ports] = process.argv.slice(2);
const { Redis } = require(name);

const REFUSED = /ERR .*needs a linearizable key/;

function connect(port, options = {}) {
  return new Redis({ host: "127.0.0.1", port: Number(port), retryStrategy: null, ...options });
}

async function basics(redis) {
  assert.equal(await redis.set("io:a", "1"), "OK");
  assert.equal(await redis.get("io:a"), "1");
  assert.equal(await redis.get("io:none"), null);
  const bytes = Buffer.from([0, 255, 13, 10, 128]);
  await redis.set("io:bytes", bytes);
  assert.deepEqual(await redis.getBuffer("io:bytes"), bytes);
  await redis.mset({ "io:b": "2", "io:c": "ü" });
  assert.deepEqual(await redis.mget("io:a", "io:b", "io:c", "io:none"), ["1", "2", "ü", null]);
  assert.equal(await redis.set("io:ttl", "x", "EX", 100), "OK");
  const ttl = await redis.ttl("io:ttl");
  assert.ok(ttl > 90 && ttl <= 100, `${ttl}`);
  assert.equal(await redis.expire("io:b", 1000), 1);
  assert.equal(await redis.persist("io:b"), 1);
  assert.equal(await redis.del("io:a", "io:b", "io:none"), 2);
  assert.equal(await redis.exists("io:a", "io:c"), 1);
  assert.equal(await redis.type("io:c"), "string");
  await assert.rejects(redis.call("nosuch", "x"), /unknown command 'nosuch'/);
  await redis.set("io:text", "not a number");
  await assert.rejects(redis.incr("io:text"), /value is not an integer or out of range/);
}

async function pipelines(redis) {
  const replies = await redis.pipeline().set("io:p", "1").incr("io:p").get("io:p").get().exec();
  assert.deepEqual(replies.slice(0, 3), [[null, "OK"], [null, 2], [null, "2"]]);
  assert.match(replies[3][0].message, /wrong number of arguments for 'get'/);
  const keys = Array.from({ length: 500 }, (_, n) => `io:many:${n}`);
  await Promise.all(keys.map((key, n) => redis.set(key, n)));
  const values = await Promise.all(keys.map((key) => redis.get(key)));
  assert.deepEqual(values, keys.map((_, n) => `${n}`));
  const found = new Set();
  for await (const some of redis.scanStream({ match: "io:many:*", count: 50 })) {
    some.forEach((key) => found.add(key));
  }
  assert.deepEqual(found, new Set(keys));
}

async function alone(redis) {
  assert.equal(await redis.set("io:once", "1", "NX"), "OK");
  assert.equal(await redis.set("io:once", "2", "NX"), null);
  assert.deepEqual(await redis.multi().set("io:m", "1").incr("io:m").exec(), [[null, "OK"], [null, 2]]);
  await redis.watch("io:m");
  await redis.duplicate().set("io:m", "changed");
  assert.equal(await redis.multi().set("io:m", "mine").exec(), null);
  assert.equal(await redis.get("io:m"), "changed");
}

async function cluster(redis, others) {
  await assert.rejects(redis.set("io:once", "1", "NX"), REFUSED);
  await assert.rejects(redis.append("io:once", "1"), REFUSED);
  await redis.del("io:sum");
  await Promise.all([redis, ...others].flatMap((each) =>
    Array.from({ length: 200 }, () => each.incr("io:sum"))));
  assert.equal(await redis.get("io:sum"), String(200 * (1 + others.length)));
}

async function main() {
  const [redis, ...others] = ports.map((port) => connect(port));
  await basics(redis);
  await pipelines(redis);
  await (mode === "alone" ? alone(redis) : cluster(redis, others));
  const bundled = connect(ports[0], { enableAutoPipelining: true, connectionName: "io-auto" });
  assert.deepEqual(
    await Promise.all([bundled.set("io:x", "1"), bundled.get("io:x"), bundled.client("GETNAME")]),
    ["OK", "1", "io-auto"]);
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
