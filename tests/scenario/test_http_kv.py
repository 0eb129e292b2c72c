#!/usr/bin/python3
"""Keys and values over HTTP: /kv, /keys, /data and /v1/execute on a standalone node and in a cluster of three,
also while one of them is dead."""
import base64
import json
import os
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import protocol  # noqa: E402
from threads import in_threads  # noqa: E402
from web import Client, quoted  # noqa: E402

STANDALONE = {"quorum": {"n": 1, "r": 1, "w": 1}, "workers": 3,
              "limits": {"key_bytes": 1000, "value_bytes": 100000}}


def make_siblings(node, key, *values):
    """Writes them with one context, so that none replaces another."""
    with protocol.Connection(node.client_port) as native:
        context = native.ask(protocol.put(1, key, b"before"))[4]
        for number, value in enumerate(values):
            result = native.ask(protocol.put(2 + number, key, value, context))
            assert result[2] == 0, result


class Case(unittest.TestCase):
    count = 1
    settings = STANDALONE

    @classmethod
    def setUpClass(cls):
        cls.group = cluster.Cluster(cls.count, **cls.settings)
        cls.group.__enter__()
        cls.addClassCleanup(cls.group.__exit__, None)
        cls.node = cls.group.nodes[0]
        cluster.wait_until(cls.node.status, "the node has founded its cluster")

    def setUp(self):
        self.client = self.connect()
        self.assertEqual(self.client.delete("/keys").status, 200)

    def connect(self, node=None):
        client = Client(node or self.node)
        self.addCleanup(client.close)
        return client

    def refused(self, answer, status, *parts):
        self.assertEqual(answer.status, status, answer)
        for part in parts:
            self.assertIn(part, answer.error)
        return answer


class Values(Case):
    """/kv: bytes in, bytes out."""

    def test_put_get_head_delete(self):
        key = "/kv/greeting"
        missing = self.refused(self.client.get(key), 404, "no such key: greeting")
        self.assertIsNone(missing.context)
        put = self.client.put(key, b"\x00hello\xff", Content_Type="image/png")
        self.assertEqual((put.status, put.body), (204, b""))
        got = self.client.get(key)
        self.assertEqual((got.status, got.body), (200, b"\x00hello\xff"))
        self.assertEqual(got.headers["Content-Type"], "application/octet-stream")
        self.assertEqual(got.context, put.context)
        self.assertIsNone(got.headers["X-Shoal-Siblings"])
        self.assertIsNone(got.headers["X-Shoal-Expires"])
        head = self.client.ask("HEAD", key)
        self.assertEqual((head.status, head.body, head.tag), (200, b"", got.tag))
        self.assertEqual(head.headers["Content-Length"], "7")
        deleted = self.client.delete(key)
        self.assertEqual((deleted.status, deleted.body), (204, b""))
        gone = self.client.get(key)
        self.assertEqual((gone.status, gone.context), (404, deleted.context))
        self.assertEqual(self.client.ask("HEAD", key).status, 404)
        self.assertEqual(self.client.delete(key).status, 204)

    def test_an_empty_value_is_a_value(self):
        self.assertEqual(self.client.put("/kv/e", b"").status, 204)
        got = self.client.get("/kv/e")
        self.assertEqual((got.status, got.body), (200, b""))
        self.assertEqual(self.client.delete("/kv/e?return=previous").status, 200)

    def test_keys_of_any_bytes(self):
        keys = [b"\x00", b"a/b", b"a%2Fb", b"a+b c", b"\xff\xfe", "é".encode(), b"..", b"?#&", b"x" * 1000]
        for key in keys:
            self.assertEqual(self.client.put("/kv/" + quoted(key), key + b"!").status, 204)
        for key in keys:
            got = self.client.get("/kv/" + quoted(key))
            self.assertEqual(got.body, key + b"!", got)
        # What needs no escape may stand as it is; hex digits of any case.
        self.assertEqual(self.client.get("/kv/a/b").body, b"a/b!")
        self.assertEqual(self.client.get("/kv/a%2fb").body, b"a/b!")
        self.assertEqual(self.client.get("/kv/a+b%20c").body, b"a+b c!")
        with protocol.Connection(self.node.client_port) as native:
            self.assertEqual(native.ask(protocol.get(1, b"\x00"))[5][0][0], b"\x00!")

    def test_what_is_wrong_is_said(self):
        put, get = self.client.put, self.client.get
        self.refused(put("/kv/", b"v"), 400, "the key is empty")
        self.refused(get("/kv/"), 400, "the key is empty")
        self.refused(get("/kv/a%2"), 400, "%")
        self.refused(get("/kv/a%zz"), 400, "%")
        self.refused(put("/kv/" + "k" * 1001, b"v"), 414, "1001 bytes", "limits.key_bytes")
        self.refused(put("/kv/k", b"v" * 100001), 413, "limits.value_bytes")
        self.refused(put("/kv/k?tll=60s", b"v"), 400, "tll", "ttl")
        self.refused(get("/kv/k?ttl=60s"), 400, "ttl")
        for wrong in ("w=9", "w=0", "w=-1", "w=two", "w=", "n=all", "timeout=never", "timeout=0", "ttl=0",
                      "ttl=60x", "w=1&w=1", "return=all", "dw=%zz"):
            self.refused(put(f"/kv/k?{wrong}", b"v"), 400)
        self.refused(put("/kv/k?w=2", b"v"), 400, "w=2 is larger than n=1")
        self.refused(put("/kv/k", b"v", X_Shoal_Context="!"), 400, "X-Shoal-Context")
        self.refused(put("/kv/k", b"v", Content_Range="bytes 0-0/2"), 400, "Content-Range")
        self.refused(put("/kv/k", b"v", Content_Encoding="gzip"), 415, "Content-Encoding")
        self.refused(put("/kv/k?dw=1", b"v"), 409, "dw")  # in memory nothing is durable
        other = put("/kv/other", b"v").context
        self.refused(put("/kv/k", b"v", X_Shoal_Context=other), 400, "context")
        self.refused(self.client.delete("/kv/k", X_Shoal_Context=other), 400, "context")
        self.refused(put("/kv/k", b"v", X_Shoal_Context=other, x_shoal_context=other), 400, "twice")
        self.assertEqual(get("/kv/k").status, 404)
        self.assertEqual(self.client.post("/kv/k", b"v").status, 405)

    def test_numbers_and_words_for_quorums(self):
        for good in ("w=1", "w=one", "w=quorum", "pw=all", "pw=1&timeout=5s", "n=1&r=all&pr=one", "timeout=2000"):
            self.assertEqual(self.client.put(f"/kv/q?{good}", b"v").status, 204, good)
            self.assertEqual(self.client.get(f"/kv/q?{good}").status, 200, good)

    def test_values_go_when_their_time_is_over(self):
        self.client.put("/kv/t?ttl=300ms", b"v")
        cluster.wait_until(lambda: self.client.get("/kv/t").status == 404, "it has expired")
        for ttl, life_ms in (("600s", 600000), ("600000ms", 600000), ("600", 600000)):
            begun_ms = int(time.time() * 1000)
            self.client.put(f"/kv/t?ttl={ttl}", b"v")
            ended_ms = time.time() * 1000
            expiry_ms = int(self.client.get("/kv/t").headers["X-Shoal-Expires"])
            self.assertTrue(begun_ms + life_ms <= expiry_ms <= ended_ms + life_ms + 1, (ttl, expiry_ms, begun_ms))
        self.client.put("/kv/t", b"v")
        self.assertIsNone(self.client.get("/kv/t").headers["X-Shoal-Expires"])

    def test_siblings_are_shown_and_resolved(self):
        make_siblings(self.node, b"s", b"milk", b"\xff")
        got = self.client.get("/kv/s")
        self.assertEqual((got.status, got.headers["X-Shoal-Siblings"]), (200, "2"))
        everything = self.client.get("/kv/s?siblings=all")
        self.assertEqual(everything.status, 300)
        self.assertEqual(everything.headers["Content-Type"], "application/json")
        self.assertCountEqual(everything.json(), [{"value": "milk"}, {"value_base64": "/w=="}])
        self.assertEqual(everything.json()[0] == {"value": "milk"}, got.body == b"milk")
        self.assertEqual(everything.context, got.context)
        self.assertEqual(everything.tag, got.tag)
        self.client.put("/kv/s", b"both", X_Shoal_Context=got.context)
        resolved = self.client.get("/kv/s?siblings=all")
        self.assertEqual((resolved.status, resolved.body), (200, b"both"))
        # A context that has not seen the present value leaves it there.
        self.client.put("/kv/s", b"late", X_Shoal_Context=got.context)
        self.assertEqual(self.client.get("/kv/s").headers["X-Shoal-Siblings"], "2")
        self.client.delete("/kv/s", X_Shoal_Context=got.context)
        self.assertEqual(self.client.get("/kv/s").headers["X-Shoal-Siblings"], "2")
        self.client.delete("/kv/s")
        self.assertEqual(self.client.get("/kv/s").status, 404)


class Conditions(Case):
    def test_the_entity_tag_is_another_after_every_write(self):
        tags = []
        for value in (b"a", b"a", b"b"):
            self.client.put("/kv/t", value)
            tags.append(self.client.get("/kv/t").tag)
        self.client.put("/kv/t?ttl=1000s", b"b")
        tags.append(self.client.get("/kv/t").tag)
        self.assertEqual(len(set(tags)), 4, tags)
        self.assertRegex(tags[0], r'^"[0-9a-f]{16}"$')
        self.assertEqual(self.client.get("/kv/t").tag, tags[-1])

    def test_what_the_client_has_is_not_sent_again(self):
        self.client.put("/kv/c", b"value")
        tag = self.client.get("/kv/c").tag
        for field in (tag, f'"x", W/{tag}', "*"):
            answer = self.client.get("/kv/c", If_None_Match=field)
            self.assertEqual((answer.status, answer.body, answer.tag), (304, b"", tag))
        self.assertEqual(self.client.ask("HEAD", "/kv/c", If_None_Match=tag).status, 304)
        self.assertEqual(self.client.get("/kv/c", If_None_Match='"x"').body, b"value")
        self.refused(self.client.get("/kv/c", If_Match='"x"'), 412)
        self.assertEqual(self.client.get("/kv/c", If_Match=tag).status, 200)
        self.assertEqual(self.client.get("/kv/c", If_Match=tag, If_None_Match=tag).status, 304)
        self.refused(self.client.get("/kv/c", If_Match='"x"', If_None_Match=tag), 412)
        self.refused(self.client.get("/kv/none", If_Match="*"), 404)
        self.client.put("/kv/c", b"value")
        self.assertEqual(self.client.get("/kv/c", If_None_Match=tag).status, 200)

    def test_writes_under_a_condition(self):
        put, key = self.client.put, "/kv/c"
        self.refused(put(key, b"1", If_Match="*"), 412, "nothing was changed")
        self.assertEqual(put(key, b"1", If_None_Match="*").status, 204)
        self.refused(put(key, b"2", If_None_Match="*"), 412)
        tag = self.client.get(key).tag
        self.assertEqual(put(key + "?ttl=50s", b"2", If_Match=tag).status, 204)
        self.refused(put(key, b"3", If_Match=tag), 412)
        self.refused(self.client.delete(key, If_Match=tag), 412)
        got = self.client.get(key)
        self.assertEqual(got.body, b"2")
        self.assertIsNotNone(got.headers["X-Shoal-Expires"])
        self.assertEqual(self.client.delete(key, If_Match=got.tag).status, 204)
        self.assertEqual(self.client.get(key).status, 404)
        self.refused(put(key, b"4", If_Match="*", X_Shoal_Context=got.context), 400, "one of them")
        self.refused(put(key + "?dw=1", b"4", If_None_Match="*"), 400, "dw")
        make_siblings(self.node, b"s", b"x", b"y")
        tag = self.client.get("/kv/s").tag
        self.assertEqual(put("/kv/s", b"z", If_Match=tag).status, 204)
        self.assertEqual(self.client.get("/kv/s?siblings=all").body, b"z")

    def test_no_update_is_lost_between_look_and_write(self):
        self.client.put("/kv/n", b"0")

        def count(_):
            client = self.connect()
            for _ in range(10):
                while True:
                    got = client.get("/kv/n")
                    answer = client.put("/kv/n", str(int(got.body) + 1), If_Match=got.tag)
                    if answer.status == 204:
                        break
                    self.assertEqual(answer.status, 412)

        in_threads(count, range(8))
        self.assertEqual(self.client.get("/kv/n").body, b"80")

    def test_of_many_who_create_or_take_one_does(self):
        created, taken = [], []

        def create(number):
            client = self.connect()
            if client.put("/kv/one", str(number), If_None_Match="*").status == 204:
                created.append(number)
            self.client_barrier.wait()
            answer = client.delete("/kv/one?return=previous")
            if answer.status == 200:
                taken.append(int(answer.body))
            else:
                self.assertEqual(answer.status, 204)

        self.client_barrier = threading.Barrier(10)
        in_threads(create, range(10))
        self.assertEqual(len(created), 1)
        self.assertEqual(taken, created)

    def test_the_old_value_is_answered(self):
        put = self.client.put
        self.assertEqual(put("/kv/p?return=previous", b"1").status, 204)
        answer = put("/kv/p?return=previous", b"2")
        self.assertEqual((answer.status, answer.body), (200, b"1"))
        context = self.client.get("/kv/p").context
        answer = put("/kv/p?return=previous", b"3", X_Shoal_Context=context)
        self.assertEqual((answer.status, answer.body), (200, b"2"))
        self.assertIsNotNone(answer.context)
        answer = self.client.delete("/kv/p?return=previous")
        self.assertEqual((answer.status, answer.body), (200, b"3"))
        self.assertEqual(self.client.delete("/kv/p?return=previous").status, 204)


class Lists(Case):
    def test_pages_of_two_hundred_keys(self):
        names = sorted(f"page/{number:03}" for number in range(200))
        for name in names:
            self.client.put(f"/kv/{name}", name)
        self.client.put("/kv/other", b"x")
        self.assertEqual(sorted(self.client.get("/keys").json()), sorted(names + ["other"]))
        self.assertEqual(sorted(self.client.get("/keys/page%2F").json()), names)
        self.assertEqual(sorted(self.client.get("/keys/page/01").json()), names[10:20])
        self.assertEqual(self.client.get("/keys/nothing").json(), [])
        found, after, pages = [], "", 0
        while after is not None:
            answer = self.client.get("/keys/page/?limit=30" + (f"&after={after}" if after else ""))
            self.assertEqual(answer.status, 200)
            self.assertLessEqual(len(answer.json()), 30)
            found += answer.json()
            after = answer.headers["X-Shoal-After"]
            pages += 1
        self.assertEqual(sorted(found), names)
        self.assertIn(pages, (7, 8))
        head = self.client.ask("HEAD", "/keys")
        self.assertEqual((head.status, head.body), (200, b""))

    def test_what_is_wrong_is_said(self):
        for method in ("GET", "DELETE"):
            self.refused(self.client.ask(method, "/keys/"), 400, "the prefix is empty")
            self.refused(self.client.ask(method, "/keys/%zz"), 400)
        for wrong in ("limit=0", "limit=10001", "limit=x", "after=x", "after=AAAA", "aftr=x", "limit=1&limit=2"):
            self.refused(self.client.get(f"/keys?{wrong}"), 400)
        self.refused(self.client.get("/keys?LIMIT=1"), 400, "did you mean limit?")
        self.refused(self.client.get("/keys?prefix=a"), 400, "known here: limit, after, timeout")
        for method in ("GET", "DELETE"):
            self.refused(self.client.ask(method, "/keys?timeout=2h"), 400, "an hour is the most")
        self.assertEqual(self.client.post("/keys", b"").status, 405)

    def test_removals_answer_what_they_removed(self):
        for number in range(1500):
            self.client.put(f"/kv/r{number % 3}/{number}", b"x")
        answer = self.client.delete("/keys/r0")
        self.assertEqual(answer.status, 200)
        self.assertEqual(sorted(answer.json()), sorted(f"r0/{n}" for n in range(0, 1500, 3)))
        self.assertEqual(self.client.delete("/keys/r0").json(), [])
        self.assertEqual(len(self.client.get("/keys").json()), 1000)
        self.assertEqual(len(set(self.client.delete("/keys").json())), 1000)
        self.assertEqual(self.client.get("/keys").json(), [])

    def test_keys_that_are_no_text(self):
        for key in (b"b\xff", b"b\x00\"", "bé".encode()):
            self.client.put("/kv/" + quoted(key), b"x")
        expected = [{"key_base64": "Yv8="}, "b\x00\"", "bé"]
        self.assertCountEqual(self.client.get("/keys/b").json(), expected)
        self.assertEqual(self.client.get("/keys/b%FF").json(), expected[:1])
        self.assertCountEqual(self.client.delete("/keys/b").json(), expected)


class Streams(Case):
    settings = {**STANDALONE, "limits": {}}
    KEYS = 15000 if os.environ.get("SHOAL_TEST_SANITIZED") else 50000

    def resident_kib(self):
        with open(f"/proc/{self.node.process.pid}/status", encoding="ascii") as file:
            return int(next(line for line in file if line.startswith("VmRSS")).split()[1])

    def fill(self, padding, count):
        with protocol.Connection(self.node.client_port) as native:
            for start in range(0, count, 1000):
                native.send(*(protocol.put(n, b"%s/%06d" % (padding, n), b"") for n in range(start, start + 1000)))
                for _ in range(1000):
                    self.assertEqual(native.receive()[2], 0)

    def test_fifty_thousand_keys_in_bounded_memory(self):
        self.fill(b"k" * 900, self.KEYS)
        page = self.client.get("/keys?limit=10000&timeout=60s")  # what a page costs is known now
        self.assertEqual((page.status, len(page.json())), (200, 10000), page)
        head = self.client.ask("HEAD", "/keys")
        self.assertEqual((head.status, head.headers["Transfer-Encoding"], head.body), (200, "chunked", b""))
        before = self.resident_kib()
        # Several who ask for 45 MB each and read nothing.
        idle = []
        for _ in range(6):
            idle.append(socket.create_connection((self.node.host, self.node.http_port)))
            idle[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            idle[-1].sendall(b"GET /keys HTTP/1.1\r\nHost: x\r\n\r\n")
        seen = set(self.client.get("/keys").json())
        self.assertEqual(len(seen), self.KEYS)
        if not os.environ.get("SHOAL_TEST_SANITIZED"):  # sanitizers keep what is freed
            self.assertLess(self.resident_kib() - before, 150 * 1024)
        for each in idle:
            each.close()
        removed = self.client.delete("/keys/k").json()
        self.assertEqual(set(removed), seen)
        self.assertEqual(self.client.get("/keys").json(), [])

    def test_who_goes_away_in_the_middle_is_not_waited_for(self):
        self.fill(b"g" * 400, 10000)
        for method in (b"GET", b"DELETE"):
            gone = socket.create_connection((self.node.host, self.node.http_port))
            gone.sendall(method + b" /keys HTTP/1.1\r\nHost: x\r\n\r\n")
            gone.recv(1000)
            gone.close()
        self.assertEqual(self.client.get("/kv/none").status, 404)
        self.client.delete("/keys")
        self.assertEqual(self.client.get("/keys").json(), [])


class Json(Case):
    """/data: any JSON comes back as it was."""

    TEXTS = ['null', 'true', '0', '-0', '1.0', '1E400', '123456789012345678901234567890', '""', '"hello"', '"12"',
             '"true"', '"{}"', '" 12 "', r'"\ud800"', r'"é\u00e9\n\u0000"', '[]', '{}', '{"a":{"b":[1,2,{"c":null}]}}',
             '{"z":1,"a":2,"z":3}', '[1, 2 ,\t3]', '"\\"quoted\\""', '{"value_base64":"x"}', "[" * 512 + "]" * 512]

    def test_values_come_back_as_they_were(self):
        for text in self.TEXTS:
            answer = self.client.post("/data", '{"key":"d","value":' + text + "}")
            self.assertEqual((answer.status, answer.body), (200, b"OK"), text)
            got = self.client.get("/data/d")
            self.assertEqual(got.headers["Content-Type"], "application/json")
            if text.startswith('"'):
                if "\\ud800" not in text:
                    self.assertEqual(got.json(), {"value": json.loads(text)})
            else:
                self.assertEqual(got.body, b'{"value":' + text.encode() + b"}")

    def test_a_missing_key(self):
        answer = self.client.get("/data/none")
        self.assertEqual((answer.status, answer.json()), (404, {"value": None}))

    def test_what_other_surfaces_hold_and_see(self):
        self.client.post("/data", {"key": "a/b", "value": "plain text"})
        self.assertEqual(self.client.get("/kv/a%2Fb").body, b"plain text")
        self.client.post("/data", {"key": "n", "value": 12})
        self.assertEqual(self.client.get("/kv/n").body, b"12")
        for stored, shown in ((b"text", {"value": "text"}), (b"[1]\n", {"value": [1]}), (b"12", {"value": 12}),
                              (b"", {"value": ""}), (b"\xff", {"value_base64": "/w=="}), (b"{", {"value": "{"})):
            self.client.put("/kv/o", stored)
            self.assertEqual(self.client.get("/data/o").json(), shown)

    def test_bytes_in_base64(self):
        key, value = base64.b64encode(b"\xfe").decode(), base64.b64encode(b"\x00\xff").decode()
        self.assertEqual(self.client.post("/data", {"key_base64": key, "value_base64": value}).status, 200)
        self.assertEqual(self.client.get("/kv/%FE").body, b"\x00\xff")
        self.assertEqual(self.client.get("/data/%FE").json(), {"value_base64": value})

    def test_options_and_contexts(self):
        self.client.post("/data?ttl=300ms&w=1", {"key": "t", "value": 1})
        self.assertIsNotNone(self.client.get("/data/t").headers["X-Shoal-Expires"])
        cluster.wait_until(lambda: self.client.get("/data/t").status == 404, "it has expired")
        first = self.client.post("/data", {"key": "c", "value": 1}).context
        for value in (2, 3):
            self.client.post("/data", {"key": "c", "value": value}, X_Shoal_Context=first)
        got = self.client.get("/data/c")
        self.assertEqual(got.headers["X-Shoal-Siblings"], "2")
        self.assertEqual(self.client.get("/data/c", If_None_Match=got.tag).status, 304)

    def test_what_is_wrong_is_said(self):
        for body, part in (("", "ends too early"), ("[]", "JSON object"), ("{", "line 1"), ('{"key":"a"}', '"value"'),
                           ('{"value":1}', '"key"'), ('{"key":1,"value":1}', "string"),
                           ('{"key":"","value":1}', "empty"), ('{"key":"a","value":1,"key":"b"}', "twice"),
                           ('{"key":"a","k\\u0065y":"b","value":1}', "twice"), ('{"key":"a","vlaue":1}', "value"),
                           ('{"key":"a","key_base64":"YQ==","value":1}', "not both"),
                           ('{"key":"a","value_base64":"!"}', "base64"), ('{"key":"a","value":1} x', "follows"),
                           ('{"key":"a\\ud800","value":1}', "string"), ("{'key':1}", "name in quotes"),
                           ('{"key":"' + "k" * 1001 + '","value":1}', "limits.key_bytes"),
                           ('{"key":"a","value":1,"KEY":2}', 'did you mean "key"?'),
                           ('{"key":"a","value":1,"expires":2}', "known here: key, key_base64, value, value_base64"),
                           ('{"key":"a","value":' + "[" * 513 + "]" * 513 + "}", "deeply")):
            self.refused(self.client.post("/data", body), 400, part)
        self.refused(self.client.post("/data", {"key": "a", "value": "v" * 100001}), 413, "limits.value_bytes")
        self.assertEqual(self.client.get("/keys").json(), [])
        self.assertEqual(self.client.get("/data").status, 405)


class Transactions(Case):
    def test_commands_see_what_those_before_them_did(self):
        answer = self.client.execute(("get", "a"), ("set", "a", 1), ("get", "a"), ("set", "a", {"x": [2.50]}),
                                     ("delete", "a"), ("get", "a"), ("delete", "a"), ("set", "b", "text"))
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body,
                         b'{"results":[null,1,1,{"x": [2.5]},{"x": [2.5]},null,null,"text"]}')
        self.assertEqual(self.client.get("/kv/a").status, 404)
        self.assertEqual(self.client.get("/kv/b").body, b"text")
        self.assertEqual(self.client.execute().json(), {"results": []})

    def test_nothing_is_applied_when_anything_is_wrong(self):
        for bad, status, part in (
                ({"cmd_type": "incr", "key": "a", "by": 1}, 400, "unknown command"),
                ({"cmd_type": "GET", "key": "a"}, 400, "unknown command"),
                ({"cmd_type": 7, "key": "a"}, 400, "unknown command"),
                ({"key": "a"}, 400, "cmd_type"), ({"cmd_type": "get"}, 400, '"key"'),
                ({"cmd_type": "set", "key": "a"}, 400, '"value"'), ({"cmd_type": "get", "key": ""}, 400, "empty"),
                ({"cmd_type": "get", "key": "k" * 1001}, 400, "limits.key_bytes"),
                ({"cmd_type": "set", "key": "a", "value": "v" * 100001}, 413, "limits.value_bytes"),
                ({"cmd_type": "get", "key": "a", "vaule": 1}, 400, "value"), ("get", 400, "object")):
            good = {"cmd_type": "set", "key": "a", "value": 1}
            answer = self.client.post("/v1/execute", {"commands": [good, bad]})
            self.refused(answer, status, part)
        self.assertEqual(self.client.post("/v1/execute", {"commands": [{"cmd_type": "x"}]}).error, "unknown command")
        for body in ("", "{}", '{"commands":{}}', '{"commands":[],"x":1}', "[]"):
            self.refused(self.client.post("/v1/execute", body), 400)
        command = '{"commands":[{"cmd_type":"set","key":"deep","value":%s}]}'
        self.refused(self.client.post("/v1/execute", command % ("[" * 513 + "]" * 513)), 400, "deeply")
        many = {"commands": [{"cmd_type": "get", "key": "a"}] * 65537}
        self.refused(self.client.post("/v1/execute", many), 413, "65536")
        self.assertEqual(self.client.get("/keys").json(), [])

    def test_values_nest_as_deep_as_anywhere(self):
        deep = "[" * 512 + "]" * 512
        answer = self.client.post("/v1/execute", '{"commands":[{"cmd_type":"set","key":"deep","value":%s}]}' % deep)
        self.assertEqual((answer.status, answer.body), (200, b'{"results":[%s]}' % deep.encode()))
        self.assertEqual(self.client.get("/data/deep").body, b'{"value":%s}' % deep.encode())

    def test_values_of_every_kind_and_many_keys(self):
        self.client.put("/kv/bytes", b"\xff")
        answer = self.client.post("/v1/execute", {"commands": [
            {"cmd_type": "get", "key": "bytes"},
            {"cmd_type": "set", "key_base64": "/g==", "value_base64": "AP8="},
            {"cmd_type": "get", "key_base64": "/g==", "value": None}]})
        self.assertEqual(answer.json()["results"],
                         [{"value_base64": "/w=="}, {"value_base64": "AP8="}, {"value_base64": "AP8="}])
        self.client.delete("/keys")
        sets = [("set", f"m{number}", number) for number in range(3000)]
        self.assertEqual(self.client.execute(*sets).json()["results"], list(range(3000)))
        gets = [("get", f"m{number}") for number in reversed(range(3000))]
        self.assertEqual(self.client.execute(*gets).json()["results"], list(reversed(range(3000))))
        self.client.execute(*(("delete", f"m{number}") for number in range(3000)))
        self.assertEqual(self.client.get("/keys").json(), [])

    def test_a_set_takes_the_expiry_away(self):
        self.client.put("/kv/t?ttl=1000s", b"1")
        self.client.execute(("set", "t", 2))
        self.assertIsNone(self.client.get("/kv/t").headers["X-Shoal-Expires"])


class Full(Case):
    settings = {**STANDALONE, "limits": {"memory_mb": 16}}

    def test_out_of_memory_is_said_and_reads_go_on(self):
        value = b"x" * 100000
        statuses = []
        for number in range(400):
            answer = self.client.put(f"/kv/{number}", value)
            statuses.append(answer.status)
            if answer.status != 204:
                break
        self.refused(answer, 503, "memory")
        self.assertIsNotNone(answer.headers["Retry-After"])
        self.assertEqual(self.client.get("/kv/0").body, value)
        self.refused(self.client.put("/kv/more", value, If_None_Match="*"), 503)
        self.refused(self.client.execute(*(("set", f"x{number}", "y" * 100000) for number in range(50))), 503)
        self.assertEqual(self.client.get("/kv/x0").status, 404)
        self.assertEqual(len(self.client.delete("/keys").json()), len(statuses) - 1)
        self.assertEqual(self.client.put("/kv/more", value).status, 204)


class Three(Case):
    count = 3
    settings = {"quorum": {"n": 3, "r": 2, "w": 2}}

    def setUp(self):
        super().setUp()
        self.clients = [self.connect(node) for node in self.group.nodes]

    def test_every_node_answers_the_same(self):
        for number, client in enumerate(self.clients):
            self.assertEqual(client.put(f"/kv/k{number}", b"v%d" % number).status, 204)
        for number in range(3):
            answers = [client.get(f"/kv/k{number}?r=all") for client in self.clients]
            self.assertEqual({answer.body for answer in answers}, {b"v%d" % number})
            self.assertEqual(len({answer.tag for answer in answers}), 1)
            for client in self.clients:
                self.assertEqual(client.get(f"/kv/k{number}", If_None_Match=answers[0].tag).status, 304)
        make_siblings(self.node, b"s", b"x", b"y", b"z")
        answers = [client.get("/kv/s?siblings=all") for client in self.clients]
        self.assertEqual({answer.status for answer in answers}, {300})
        self.assertEqual(len({answer.tag for answer in answers}), 1)
        self.clients[1].put("/kv/s", b"one", X_Shoal_Context=answers[2].context)
        self.assertEqual(self.clients[2].get("/kv/s?siblings=all").body, b"one")

    def test_what_needs_a_leader_is_refused_with_the_reason(self):
        client = self.clients[1]
        client.put("/kv/a", b"1")
        tag = client.get("/kv/a").tag
        for answer in (client.put("/kv/a", b"2", If_Match=tag), client.put("/kv/new", b"2", If_None_Match="*"),
                       client.delete("/kv/a", If_Match="*"), client.execute(("get", "a")),
                       client.execute(("set", "a", 1)), client.execute()):
            self.refused(answer, 409, "needs a linearizable key", "quorum.n = 1")
        self.refused(client.execute(("incr", "a")), 400, "unknown command")
        self.assertEqual(client.get("/kv/a").body, b"1")

    def test_the_old_value_is_answered_and_no_other_is_replaced(self):
        first, second, third = self.clients
        first.put("/kv/p", b"1")
        answer = second.put("/kv/p?return=previous", b"2")
        self.assertEqual((answer.status, answer.body), (200, b"1"))
        answer = third.delete("/kv/p?return=previous")
        self.assertEqual((answer.status, answer.body), (200, b"2"))
        self.assertEqual(first.delete("/kv/p?return=previous").status, 204)
        make_siblings(self.node, b"q", b"x", b"y")
        answer = second.put("/kv/q?return=previous", b"2")
        self.assertEqual((answer.status, answer.headers["X-Shoal-Siblings"]), (200, "2"))
        self.assertEqual(first.get("/kv/q?siblings=all").body, b"2")

    def test_lists_go_on_at_another_node(self):
        names = sorted(f"l{number}" for number in range(200))
        for number, name in enumerate(names):
            self.clients[number % 3].post("/data", {"key": name, "value": number})
        found, after, turn = [], "", 0
        while after is not None:
            answer = self.clients[turn % 3].get("/keys?limit=40" + (f"&after={after}" if after else ""))
            found += answer.json()
            after = answer.headers["X-Shoal-After"]
            turn += 1
        self.assertEqual(sorted(found), names)
        self.assertEqual(sorted(self.clients[1].delete("/keys/l1").json()), [n for n in names if n.startswith("l1")])
        self.assertEqual(len(self.clients[2].get("/keys").json()), 200 - 111)

    def test_with_a_dead_node_quorums_decide(self):
        dead = self.group.add_node().start()
        self.group.nodes.pop()  # it is ours to end
        self.addCleanup(lambda: dead.process and dead.kill())
        self.group.join(dead)
        self.group.wait_settled([*self.group.nodes, dead])
        dead.kill()
        client = self.clients[0]
        for number in range(60):
            answer = client.put(f"/kv/d{number}?timeout=60s", str(number))
            self.assertEqual(answer.status, 204, answer)
        for number in range(60):
            self.assertEqual(self.clients[1].get(f"/kv/d{number}").body, str(number).encode())
        self.assertEqual(len(self.clients[2].get("/keys/d").json()), 60)
        statuses, number = set(), 0
        while statuses < {200, 204, 503} and number < 60:
            answer = client.get(f"/kv/d{number}?pr=all&timeout=60s")
            statuses.add(answer.status)
            if answer.status != 200:
                self.refused(answer, 503)
                self.assertIsNotNone(answer.headers["Retry-After"])
            answer = client.put(f"/kv/e{number}?pw=all&timeout=60s", b"x")
            statuses.add(answer.status)
            if answer.status != 204:
                self.assertIn(answer.status, (503, 504), answer)
                self.assertEqual(answer.json().get("outcome"), "unknown" if answer.status == 504 else None)
            number += 1
        self.assertLessEqual({200, 204, 503}, statuses)
        self.assertEqual(len(client.delete("/keys/d").json()), 60)
        dead.start()
        self.group.wait_settled([*self.group.nodes, dead])
        self.assertEqual(dead.stop(), 0)


if __name__ == "__main__":
    cluster.main()
