#!/usr/bin/python3
"""The HTTP port by hand: what RFC 9110 and 9112 ask of a server, what they let it refuse, and what those send who
mean it harm. Every connection is a bare socket; the node and its other connections go on."""
import gzip
import json
import os
import random
import re
import select
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import http_raw  # noqa: E402
from http_raw import chunked, request  # noqa: E402

SEED = int(os.environ.get("SHOAL_TEST_SEED", "20261122"))
LONG = bool(os.environ.get("SHOAL_TEST_LONG"))  # also what takes a minute
ORIGIN = "https://app.example"
CONNECTIONS = 40
DATE = re.compile(r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d GMT$")


def start(case, **settings):
    group = cluster.Cluster(1, quorum={"n": 1, "r": 1, "w": 1}, **settings)
    node = group.__enter__().nodes[0]
    case.addClassCleanup(group.__exit__, None)
    cluster.wait_until(node.status, "the node has founded its cluster")
    return node


class Case(unittest.TestCase):
    SETTINGS = {
        "http": {"cors": [ORIGIN], "head_kb": 8, "body_mb": 1},
        "limits": {"value_bytes": 2000000},
        "workers": 2,
    }

    @classmethod
    def setUpClass(cls):
        cls.node = start(cls, **cls.SETTINGS)

    def setUp(self):
        self.witness = self.connect()

    def tearDown(self):
        """The node still serves a connection that was there before, and new ones."""
        for connection in (self.witness, self.connect()):
            self.assertEqual(connection.call("PUT", "/kv/witness", body=b"well").status, 204)
            self.assertEqual(connection.call("GET", "/kv/witness").body, b"well")
        self.assertIsNone(self.node.process.poll())

    def connect(self):
        connection = http_raw.Connection((self.node.host, self.node.http_port))
        self.addCleanup(connection.close)
        return connection

    def assert_error(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer["content-type"], "application/json")
        content = json.loads(answer.body)
        self.assertRegex(answer.body, rb'^\{"error":".*"\}\Z')  # nothing around it
        self.assertTrue(content["error"])
        self.assertEqual(set(content), {"error"} if status < 500 else {"error", "request"}, content)
        if status >= 500:
            self.assertEqual(content["request"], answer["x-request-id"])

    def assert_refused(self, data, status):
        """Refused, and the connection ends: what follows is read by nobody as a request."""
        with self.subTest(data[:100]):
            connection = self.connect()
            connection.send(data, request("PUT", "/kv/smuggled", body=b"no"))
            answer = connection.receive()
            self.assert_error(answer, status)
            self.assertEqual(answer["connection"], "close")
            self.assertTrue(connection.closed())
            self.assertEqual(self.connect().call("GET", "/kv/smuggled").status, 404)

    def assert_taken(self, data, status=200, body=b"well"):
        with self.subTest(data[:100]):
            connection = self.connect()
            connection.call("PUT", "/kv/taken", body=b"well")
            connection.send(data)
            answer = connection.receive()
            self.assertEqual((answer.status, answer.body), (status, body))


class RequestLines(Case):
    def test_what_is_malformed_is_refused(self):
        for line in (b"GET  /kv/taken HTTP/1.1", b"GET /kv/taken  HTTP/1.1", b" GET /kv/taken HTTP/1.1",
                     b"GET /kv/taken HTTP/1.1 ", b"GET\t/kv/taken\tHTTP/1.1", b"GET /kv/taken", b"GET",
                     b"GET /kv/ta ken HTTP/1.1", b"GET /kv/taken http/1.1", b"GET /kv/taken HTTP/1",
                     b"GET /kv/taken HTTP/1.1.1", b"GET /kv/taken HTTP/11", b"GET /kv/taken HTTP/ 1.1",
                     b"GET kv/taken HTTP/1.1", b"GET /kv/taken#part HTTP/1.1", b"GET * HTTP/1.1",
                     b"GET shoal:80 HTTP/1.1", b"GET http:///kv/taken HTTP/1.1", b"G(T /kv/taken HTTP/1.1",
                     b"GET /kv/\x01 HTTP/1.1", b"GET /kv/\x00 HTTP/1.1", b"GET /kv/\x7f HTTP/1.1",
                     b"GET http://sho al/ HTTP/1.1", b"GET ?x HTTP/1.1", b"GET /kv/\xc3\xa4 HTTP/1.1", b"\x16\x03\x01\x02\x00\x01\x00"):
            self.assert_refused(line + b"\r\nHost: shoal\r\n\r\n", 400)

    def test_other_versions_than_1_x_are_505(self):
        for version in (b"HTTP/2.0", b"HTTP/0.9", b"HTTP/3.1"):
            self.assert_refused(b"GET /kv/taken " + version + b"\r\nHost: shoal\r\n\r\n", 505)
        self.assert_refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)

    def test_a_later_1_x_is_spoken_to_as_1_1(self):
        self.assert_taken(b"GET /kv/taken HTTP/1.7\r\nHost: shoal\r\n\r\n")

    def test_the_absolute_form_is_the_same(self):
        for target in (b"http://shoal/kv/taken", b"HTTP://shoal:8080/kv/taken", b"https://[::1]:1/kv/taken?timeout=5s"):
            self.assert_taken(b"GET " + target + b" HTTP/1.1\r\nHost: shoal\r\n\r\n")

    def test_empty_lines_before_a_request_are_passed_over(self):
        self.assert_taken(b"\r\n\r\nGET /kv/taken HTTP/1.1\r\nHost: shoal\r\n\r\n")
        self.assert_refused(b"\n\nGET /kv/taken HTTP/1.1\r\nHost: shoal\r\n\r\n", 400)
        self.assert_refused(b"\rGET /kv/taken HTTP/1.1\r\nHost: shoal\r\n\r\n", 400)

    def test_unknown_methods_are_501_and_known_ones_405(self):
        connection = self.connect()
        for method in ("BREW", "get", "PROPFIND", "M-SEARCH", "CONNECT"):
            target = "shoal:80" if method == "CONNECT" else "/kv/taken"
            self.assert_error(connection.call(method, target), 501)
        for method in ("PATCH", "TRACE", "POST"):
            answer = connection.call(method, "/kv/taken")
            self.assert_error(answer, 405)
            self.assertEqual(answer["allow"], "GET, HEAD, PUT, DELETE, OPTIONS")
        self.assert_error(connection.call("GET", "/no/such/path"), 404)

    def test_options_tell_the_methods(self):
        connection = self.connect()
        answer = connection.call("OPTIONS", "/kv/taken")
        self.assertEqual((answer.status, answer["allow"]), (204, "GET, HEAD, PUT, DELETE, OPTIONS"))
        self.assertEqual(connection.call("OPTIONS", "*").status, 204)
        self.assert_error(connection.call("OPTIONS", "/no/such/path"), 404)


class Fields(Case):
    def test_what_is_malformed_is_refused(self):
        for field in (b"Name : value", b"Name\t: value", b" Name: value", b": value", b"Name", b"Na me: value",
                      b"Name: va\x00lue", b"Name: va\x01lue", b"Name: va\rlue", b"Name: va\x7flue", b"Na\x80me: value",
                      b"Name: value\r\n folded", b"Name: value\r\n\tfolded", b"(Name): value", b"Name: value\n",
                      b"Name: value\nOther: value", b"Name: value\r\r"):
            self.assert_refused(b"GET /kv/taken HTTP/1.1\r\nHost: shoal\r\n" + field + b"\r\n\r\n", 400)
        self.assert_refused(b"GET /kv/taken HTTP/1.1\r\n Host: shoal\r\n\r\n", 400)
        self.assert_refused(b"GET /kv/taken HTTP/1.1\nHost: shoal\n\n", 400)

    def test_what_is_unusual_is_taken(self):
        for field in (b"Name:value", b"Name:", b"Name: \t value \t ", b"!#$%&'*+-.^_`|~9: value", b"Name: \xff\xfe"):
            self.assert_taken(b"GET /kv/taken HTTP/1.1\r\nHost: shoal\r\n" + field + b"\r\n\r\n")
        self.assert_taken(b"GET /kv/taken HTTP/1.1\r\nhOsT:shoal\r\nCONNECTION: Close\r\n\r\n")

    def test_the_host_is_there_once_and_is_one(self):
        head = b"GET /kv/taken HTTP/1.1\r\n"
        self.assert_refused(head + b"\r\n", 400)
        self.assert_refused(head + b"Host: shoal\r\nHost: shoal\r\n\r\n", 400)
        self.assert_refused(head + b"Host: shoal\r\nhost: other\r\n\r\n", 400)
        for host in (b"", b"sho al", b"shoal:x", b"shoal:1:2", b"user@shoal", b"shoal/", b"[::1", b"[]", b"a,b:1,c:2",
                     b"\xc3\xa4", b":80", b"shoal:123456", b"a,b", b"a%41", b"a;b"):
            self.assert_refused(head + b"Host: " + host + b"\r\n\r\n", 400)
        for host in (b"shoal", b"SHOAL.example.:8080", b"127.0.0.1:1", b"[::1]:80", b"[fe80::1]", b"shoal:", b"a_b~c"):
            self.assert_taken(head + b"Host: " + host + b"\r\n\r\n")
        self.assert_taken(b"GET /kv/taken HTTP/1.0\r\n\r\n")

    def test_more_than_a_hundred_fields_or_too_long_ones_are_431(self):
        head = b"GET /kv/taken HTTP/1.1\r\nHost: shoal\r\n"
        self.assert_taken(head + b"X: y\r\n" * 99 + b"\r\n")
        self.assert_refused(head + b"X: y\r\n" * 100 + b"\r\n", 431)
        self.assert_taken(head + b"X: " + b"y" * 8000 + b"\r\n\r\n")
        self.assert_refused(head + b"X: " + b"y" * 9000 + b"\r\n\r\n", 431)
        self.assert_refused(head + b"X" * 100000, 431)

    def test_too_long_a_target_is_414(self):
        self.assert_refused(b"GET /kv/" + b"y" * 9000 + b" HTTP/1.1\r\nHost: shoal\r\n\r\n", 414)
        self.assert_refused(b"A" * 9000, 501)
        self.assert_refused(b"GET " + b"A" * 9000, 414)


class Bodies(Case):
    PUT = b"PUT /kv/body HTTP/1.1\r\nHost: shoal\r\n"

    def put(self, rest, status=204):
        connection = self.connect()
        connection.send(self.PUT, rest)
        self.assertEqual(connection.receive().status, status)
        return connection

    def assert_stored(self, value):
        self.assertEqual(self.connect().call("GET", "/kv/body").body, value)

    def test_where_a_body_ends_must_be_clear(self):
        for fields in (b"Content-Length: 2\r\nContent-Length: 2", b"Content-Length: 2\r\nContent-Length: 3",
                       b"Content-Length: 2, 2", b"Content-Length: +2", b"Content-Length: -2", b"Content-Length: 0x2",
                       b"Content-Length: 2 2", b"Content-Length:", b"Content-Length: 2.0", b"Content-Length: \"2\"", b"Content-Length: 02", b"Content-Length: 2_0", b"Content-Length: 0o2",
                       b"Content-Length: 2\r\nTransfer-Encoding: chunked",
                       b"Transfer-Encoding: chunked\r\nContent-Length: 0",
                       b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                       b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: chunked, identity",
                       b"Transfer-Encoding: identity", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked;q=1",
                       b"Transfer-Encoding: \"chunked\"", b"Transfer-Encoding:", b"Transfer-Encoding: ,",
                       b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding : chunked",
                       b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"):
            self.assert_refused(self.PUT + fields + b"\r\n\r\nno", 400)
        self.assert_refused(self.PUT + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501)
        self.assert_refused(b"PUT /kv/body HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)

    def test_lengths_and_codings_as_they_may_be(self):
        self.put(b"Content-Length: \t4 \r\n\r\nfour")
        self.assert_stored(b"four")
        self.put(b"transfer-encoding: CHUNKED\r\n\r\n" + chunked(b"fo", b"ur!"))
        self.assert_stored(b"four!")
        self.put(b"Transfer-Encoding: , chunked ,\r\n\r\n" + chunked(b"x"))
        self.assert_stored(b"x")
        self.put(b"\r\n")
        self.assert_stored(b"")
        self.put(b"Content-Length: 0\r\n\r\n")
        self.put(b"Transfer-Encoding: chunked\r\n\r\n" + chunked())
        self.assert_stored(b"")

    def test_extensions_and_trailers_are_passed_over(self):
        self.put(b"Transfer-Encoding: chunked\r\n\r\n"
                 b"2;name=value;other=\"quoted; text\"\r\nab\r\n0002 ; x\r\ncd\r\n00;last\r\nTrailer: x\r\nX:\r\n\r\n")
        self.assert_stored(b"abcd")

    def test_broken_chunks_are_refused(self):
        for chunks in (b"x\r\nab\r\n0\r\n\r\n", b"\r\nab\r\n", b"-2\r\nab\r\n", b"0x2\r\nab\r\n", b" 2\r\nab\r\n",
                       b"2 \r\nab\r\n0\r\n\r\n", b"2;\r\nab\r\n0\r\n\r\n", b"2\nab\n0\n\n", b"2\r\nab0\r\n\r\n", b"2\r\nabc\r\n0\r\n\r\n",
                       b"2;\x00\r\nab\r\n0\r\n\r\n", b"2;a\nb\r\nab\r\n0\r\n\r\n", b"2\rab", b"2\r\r\nab",
                       b"00000000000000002\r\nab\r\n", b"2_0\r\nab\r\n", b"0\r\nno trailer\r\n\r\n",
                       b"0\r\nName : x\r\n\r\n", b"0\r\n folded\r\n\r\n", b"0\r\nX: \x01\r\n\r\n", b"0\r\nX: y\n\r\n"):
            self.assert_refused(self.PUT + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, 400)
        self.assert_refused(self.PUT + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 5000, 400)
        self.assert_refused(self.PUT + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;xxxxxxx\r\na\r\n" * 5000, 400)
        self.assert_refused(self.PUT + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 9000, 431)
        for size in (b"ffffffffffffffff", b"8000000000000000", b"7fffffffffffffff"):
            self.assert_refused(self.PUT + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n", 413)

    def test_a_byte_at_a_time_is_as_good(self):
        connection = self.connect()
        for data in (self.PUT + b"Content-Length: 5\r\n\r\nwhole", self.PUT + b"Transfer-Encoding: chunked\r\n\r\n" +
                     chunked(b"pie", b"ces")):
            for byte in data:
                connection.send(bytes([byte]))
            self.assertEqual(connection.receive().status, 204)
        self.assert_stored(b"pieces")

    def test_large_bodies_of_both_kinds_come_whole(self):
        chosen = random.Random(SEED)
        value = chosen.randbytes(1900000)
        connection = self.connect()
        self.assertEqual(connection.call("PUT", "/kv/body", body=value).status, 204)
        self.assertEqual(connection.call("GET", "/kv/body").body, value)
        pieces, at = [], 0
        while at < len(value):
            size = chosen.choice((1, 10, 1000, 70000))
            pieces.append(value[at:at + size])
            at += size
        connection.send(self.PUT, b"Transfer-Encoding: chunked\r\n\r\n", chunked(*pieces),
                        request("GET", "/kv/body"))
        self.assertEqual(connection.receive().status, 204)
        self.assertEqual(connection.receive().body, value)

    def test_too_long_a_body_is_413_before_it_has_come(self):
        for target, size in (("/kv/body", 2000001), ("/data", 1048577)):
            method = "PUT" if target.startswith("/kv") else "POST"
            connection = self.connect()
            connection.send(f"{method} {target} HTTP/1.1\r\nHost: shoal\r\nContent-Length: {size}\r\n\r\n".encode())
            self.assert_error(connection.receive(), 413)
            self.assertTrue(connection.closed())
        self.assert_refused(self.PUT + b"Content-Length: 99999999999999999999999\r\n\r\n", 413)
        connection = self.connect()
        connection.send(self.PUT, b"Transfer-Encoding: chunked\r\n\r\n", b"fffff\r\n", b"x" * 0xfffff, b"\r\n" + b"fffff\r\n")
        self.assert_error(connection.receive(), 413)

    def test_a_refused_body_that_is_all_there_costs_only_its_request(self):
        connection = self.connect()
        connection.send(request("DELETE", "/keys", body=b"what for"), request("PUT", "/kv/body", body=b"next"))
        self.assert_error(connection.receive(), 400)
        self.assertEqual(connection.receive().status, 204)
        connection.send(request("POST", "/no/such/path", body=b"x" * 100), request("GET", "/kv/body"))
        self.assert_error(connection.receive(), 404)
        self.assertEqual(connection.receive().body, b"next")

    def test_a_body_that_means_nothing_is_passed_over(self):
        inner = request("PUT", "/kv/smuggled", body=b"no")
        for method, target, status in (("GET", "/kv/body", 200), ("HEAD", "/kv/body", 200), ("OPTIONS", "*", 204),
                                       ("OPTIONS", "/kv/body", 204), ("GET", "/ping", 200), ("DELETE", "/kv/gone", 204)):
            with self.subTest(method, target=target):
                connection = self.connect()
                head = f"{method} {target} HTTP/1.1\r\nHost: shoal\r\nContent-Encoding: gzip\r\n".encode()
                connection.send(request("PUT", "/kv/body", body=b"next"), request(method, target, body=inner),
                                head, b"Transfer-Encoding: chunked\r\n\r\n", chunked(inner[:9], inner[9:]),
                                request("GET", "/kv/body"))
                for wanted, was_head in ((204, False), (status, method == "HEAD"), (status, method == "HEAD")):
                    self.assertEqual(connection.receive(was_head).status, wanted)
                self.assertEqual(connection.receive().body, b"next")
        self.assertEqual(self.connect().call("GET", "/kv/smuggled").status, 404)

    def test_a_long_body_that_means_nothing_is_413(self):
        head = b"DELETE /kv/body HTTP/1.1\r\nHost: shoal\r\n"
        self.assert_refused(head + b"Content-Length: 65537\r\n\r\n", 413)
        self.assert_refused(head + b"Transfer-Encoding: chunked\r\n\r\n10001\r\n", 413)

    def test_where_a_body_could_be_taken_for_a_choice_it_is_refused(self):
        connection = self.connect()
        connection.call("PUT", "/kv/kept/1", body=b"x")
        for target in ("/keys", "/keys/kept"):
            self.assert_error(connection.call("DELETE", target, body=b'{"prefix":"other"}'), 400)
        self.assertEqual(connection.call("GET", "/kv/kept/1").body, b"x")
        self.assertEqual(connection.call("DELETE", "/keys/kept", body=b"").status, 200)

    def test_compressed_bodies_are_415(self):
        answer = self.connect().call("PUT", "/kv/body", [("Content-Encoding", "gzip")], b"zzz")
        self.assert_error(answer, 415)
        self.assertEqual(answer["accept-encoding"], "identity")
        identity, gzip = ("Content-Encoding", "identity"), ("Content-Encoding", "gzip")
        for fields, status in (([identity, gzip], 415), ([("Content-Encoding", "identity, gzip")], 415),
                               ([identity, identity], 204), ([("Content-Encoding", "")], 204)):
            self.assertEqual(self.connect().call("PUT", "/kv/body", fields, b"zzz").status, status, fields)

    def test_continue_is_said_when_it_is_waited_for(self):
        head = self.PUT + b"Expect: 100-Continue\r\n"
        for rest, body in ((b"Content-Length: 4\r\n\r\n", b"body"), (b"Transfer-Encoding: chunked\r\n\r\n", chunked(b"body"))):
            connection = self.connect()
            connection.send(head, rest)
            self.assertEqual(connection.receive().status, 100)
            connection.send(body)
            self.assertEqual(connection.receive().status, 204)
            connection.send(head, rest, body)  # not when the body is there already
            self.assertEqual(connection.receive().status, 204)

    def test_a_refusal_comes_instead_of_continue(self):
        for method, target, length, status in (("PUT", "/kv/body", 3000000, 413), ("POST", "/nowhere", 4, 404),
                                               ("POST", "/kv/body", 4, 405)):
            connection = self.connect()
            connection.send(f"{method} {target} HTTP/1.1\r\nHost: shoal\r\nContent-Length: {length}\r\n"
                            "Expect: 100-continue\r\n\r\n".encode())
            self.assert_error(connection.receive(), status)
            self.assertTrue(connection.closed())

    def test_other_expectations_are_417_and_old_clients_have_none(self):
        self.assert_refused(self.PUT + b"Expect: miracles\r\nContent-Length: 2\r\n\r\nno", 417)
        self.assert_taken(b"GET /kv/taken HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")


class Connections(Case):
    def test_1_1_goes_on_and_1_0_ends_unless_asked(self):
        connection = self.connect()
        for _ in range(3):
            self.assertIsNone(connection.call("GET", "/ping")["connection"])
        self.assertEqual(connection.call("GET", "/ping", [("Connection", "TE, close")])["connection"], "close")
        self.assertTrue(connection.closed())
        connection = self.connect()
        for _ in range(3):
            answer = connection.call("GET", "/ping", [("Connection", "Keep-Alive")], version="1.0")
            self.assertEqual(answer["connection"], "keep-alive")
        self.assertEqual(connection.call("GET", "/ping", version="1.0")["connection"], "close")
        self.assertTrue(connection.closed())

    def test_a_long_pipeline_is_answered_in_order(self):
        connection = self.connect()
        count = 2000
        parts = []
        for number in range(count):
            parts += [request("PUT", f"/kv/p{number % 7}", body=b"%d" % number), request("GET", f"/kv/p{number % 7}"),
                      request("GET", "/nowhere"), request("HEAD", f"/kv/p{number % 7}")]
        connection.send(*parts)
        for number in range(count):
            self.assertEqual(connection.receive().status, 204)
            self.assertEqual(connection.receive().body, b"%d" % number)
            self.assertEqual(connection.receive().status, 404)
            self.assertEqual(connection.receive(head=True)["content-length"], str(len(str(number))))

    def test_who_sends_all_before_reading_anything_gets_it_all(self):
        connection = self.connect()
        value = random.Random(SEED).randbytes(200000)
        connection.call("PUT", "/kv/big", body=value)
        count = 150  # 30 MB of answers
        connection.send(*[request("GET", "/kv/big")] * count)
        for _ in range(count):
            self.assertEqual(connection.receive().body, value)

    def test_who_has_sent_its_last_still_gets_what_is_due(self):
        connection = self.connect()
        connection.send(request("PUT", "/kv/half", body=b"closed"), *[request("GET", "/kv/half")] * 50)
        connection.end()
        self.assertEqual(connection.receive().status, 204)
        for _ in range(50):
            self.assertEqual(connection.receive().body, b"closed")
        self.assertTrue(connection.closed())

    def test_half_a_request_that_ends_is_no_request(self):
        for data in (b"GET /kv/x HT", b"PUT /kv/cut HTTP/1.1\r\nHost: shoal\r\nContent-Length: 5\r\n\r\nfour",
                     b"PUT /kv/cut HTTP/1.1\r\nHost: shoal\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n"):
            connection = self.connect()
            connection.send(data)
            connection.end()
            self.assertTrue(connection.closed())
        self.assertEqual(self.connect().call("GET", "/kv/cut").status, 404)

    def test_a_long_answer_to_who_reads_slowly_is_not_cut(self):
        """Nor when it is the connection's last; the reader takes its time, but goes on."""
        value = random.Random(SEED).randbytes(1900000)
        self.connect().call("PUT", "/kv/big", body=value)
        connection = self.connect()
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.send(request("GET", "/kv/big", version="1.0"))
        time.sleep(4 if LONG else 0.2)
        self.assertEqual(connection.receive().body, value)
        self.assertTrue(connection.closed())

    def test_clients_that_vanish_leave_nothing(self):
        for number in range(50):
            connection = http_raw.Connection((self.node.host, self.node.http_port))
            connection.send(*[request("GET", "/kv/big")] * (number % 5), b"PUT /kv/x HTTP/1.1\r\nHo"[:number % 24])
            if number % 2:
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()

    def test_a_stop_ends_idle_connections_and_says_goodbye(self):
        node = start(self, **self.SETTINGS)
        idle = http_raw.Connection((node.host, node.http_port))
        self.addCleanup(idle.close)
        self.assertEqual(idle.call("GET", "/ping").status, 200)
        self.assertEqual(node.stop(), 0)
        self.assertTrue(idle.closed())


class Answers(Case):
    def test_every_answer_says_when_who_and_to_what(self):
        connection = self.connect()
        for method, target in (("GET", "/ping"), ("GET", "/nowhere"), ("PUT", "/kv/x"), ("OPTIONS", "*"), ("BREW", "/")):
            answer = connection.call(method, target)
            self.assertTrue(DATE.match(answer["date"]), answer)
            self.assertEqual(answer["server"], "shoal")
            self.assertTrue(re.match("^[0-9a-f]{32}$", answer["x-request-id"]), answer)

    def test_requests_keep_their_names(self):
        connection = self.connect()
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
        answer = connection.call("GET", "/nowhere", [("traceparent", trace)])
        self.assertEqual(answer["x-request-id"], "0af7651916cd43dd8448eb211c80319c")
        answer = connection.call("BREW", "/", [("traceparent", trace)])  # 501
        self.assertEqual(json.loads(answer.body)["request"], "0af7651916cd43dd8448eb211c80319c")
        answer = connection.call("GET", "/ping", [("X-Request-Id", "Mine-1.2_3")])
        self.assertEqual(answer["x-request-id"], "Mine-1.2_3")
        for wrong in ("", "x" * 65, "a b", "a\"b"):
            answer = connection.call("GET", "/ping", [("X-Request-Id", wrong), ("traceparent", wrong)])
            self.assertTrue(re.match("^[0-9a-f]{32}$", answer["x-request-id"]), answer)

    def test_head_is_get_without_its_body(self):
        connection = self.connect()
        connection.call("PUT", "/kv/head", body=b"x" * 3000)
        for target in ("/kv/head", "/ping", "/metrics", "/nowhere", "/stats"):
            got, head = connection.call("GET", target), connection.call("HEAD", target)
            self.assertEqual(head.status, got.status)
            self.assertEqual(head["content-type"], got["content-type"])
            if target != "/metrics":  # it has changed in between
                self.assertEqual(head["content-length"] is None, got["content-length"] is None)
        self.assertEqual(connection.call("HEAD", "/kv/head")["content-length"], "3000")

    def test_conditions_on_what_the_client_has(self):
        connection = self.connect()
        connection.call("PUT", "/kv/tagged", body=b"one")
        tag = connection.call("GET", "/kv/tagged")["etag"]
        for has in (tag, f'"other", {tag}', f"W/{tag}", "*", f'"a,b" , {tag}'):
            answer = connection.call("GET", "/kv/tagged", [("If-None-Match", has)])
            self.assertEqual((answer.status, answer["etag"]), (304, tag))
        for has in ('"other"', tag[:-1], tag.strip('"'), '"'):
            self.assertEqual(connection.call("GET", "/kv/tagged", [("If-None-Match", has)]).status, 200, has)
        self.assertEqual(connection.call("PUT", "/kv/tagged", [("If-Match", '"other"')], b"two").status, 412)
        self.assertEqual(connection.call("PUT", "/kv/tagged", [("If-Match", f"W/{tag}")], b"two").status, 412)
        self.assertEqual(connection.call("PUT", "/kv/tagged", [("If-None-Match", "*")], b"two").status, 412)
        self.assertEqual(connection.call("PUT", "/kv/tagged", [("If-Match", tag)], b"two").status, 204)
        self.assert_error(connection.call("GET", "/kv/missing", [("If-Match", "*")]), 404)
        page = connection.call("GET", "/")["etag"]
        self.assertEqual(connection.call("GET", "/", [("If-Match", page)]).status, 200)
        self.assert_error(connection.call("GET", "/", [("If-Match", '"other"')]), 412)
        asset = re.search(rb"/page/[^\"]+\.js", connection.call("GET", "/").body).group().decode()
        self.assertIn("immutable", connection.call("GET", asset)["cache-control"])
        other = connection.call("GET", asset, [("If-Match", '"other"')])
        self.assert_error(other, 412)
        self.assertIsNone(other["cache-control"])  # or caches would keep it in the file's place

    def test_a_condition_that_nobody_would_look_at_is_refused(self):
        connection = self.connect()
        connection.call("PUT", "/kv/tagged", body=b"one")
        entry = b'{"key":"tagged","value":2}'
        for method, target, body in (("POST", "/data", entry), ("DELETE", "/keys/tagged", None),
                                     ("POST", "/v1/execute", b'{"commands":[]}')):
            for field in (("If-Match", '"other"'), ("If-None-Match", "*")):
                self.assert_error(connection.call(method, target, [field], body), 400)
        self.assertEqual(connection.call("GET", "/kv/tagged").body, b"one")

    def test_not_modified_has_the_fields_of_what_it_stands_for(self):
        connection = self.connect()
        for words, packed in ((1000, True), (1, False)):
            connection.call("POST", "/data", body=json.dumps({"key": "text", "value": ["word"] * words}).encode())
            accept = ("Accept-Encoding", "gzip")
            got = connection.call("GET", "/data/text", [accept])
            self.assertEqual(got["content-encoding"], "gzip" if packed else None)
            again = connection.call("GET", "/data/text", [accept, ("If-None-Match", got["etag"])])
            self.assertEqual(again.status, 304)
            for name in ("etag", "vary", "x-shoal-context"):
                self.assertEqual(again[name], got[name])
            self.assertIsNone(again["content-encoding"])

    def test_text_is_compressed_for_who_takes_it(self):
        connection = self.connect()
        for coding in ("gzip", "br, gzip;q=0.5", "*", "GZIP", "gzip;q=1.000, identity;q=0.5", "x-gzip", "deflate, *;q=0.1"):
            answer = connection.call("GET", "/metrics", [("Accept-Encoding", coding)])
            self.assertEqual(answer["content-encoding"], "gzip", coding)
            self.assertIn(b"shoal_", gzip.decompress(answer.body))
            self.assertIn("Accept-Encoding", answer["vary"])
        for coding in ("", "identity", "gzip;q=0", "br", "*;q=0", "gzip;q=0, *", "gzip;q=0.2, identity;q=0.9", "gzip;q=x"):
            answer = connection.call("GET", "/metrics", [("Accept-Encoding", coding)])
            self.assertIsNone(answer["content-encoding"], coding)
            self.assertIn("Accept-Encoding", answer["vary"])
            self.assertIn(b"shoal_", answer.body)
        self.assertIsNone(connection.call("GET", "/metrics")["content-encoding"])
        head = connection.call("HEAD", "/metrics", [("Accept-Encoding", "gzip")])
        self.assertEqual(head["content-encoding"], "gzip")

    def test_values_and_short_answers_are_sent_as_they_are(self):
        connection = self.connect()
        connection.call("PUT", "/kv/long", body=b"text " * 1000)
        for target in ("/kv/long", "/ping"):
            self.assertIsNone(connection.call("GET", target, [("Accept-Encoding", "gzip")])["content-encoding"])

    def test_long_lists_come_in_chunks_and_compressed(self):
        connection = self.connect()
        keys = [f"list/{number:06}/" + "x" * 200 for number in range(6000)]  # more than a page
        connection.send(*[request("PUT", f"/kv/{key}", body=b"") for key in keys])
        for _ in keys:
            self.assertEqual(connection.receive().status, 204)
        target = "/keys/list%2F"
        plain = connection.call("GET", target)
        self.assertEqual(sorted(json.loads(plain.body)), keys)
        self.assertEqual(plain["transfer-encoding"], "chunked")
        packed = connection.call("GET", target, [("Accept-Encoding", "gzip")])
        self.assertEqual(packed["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.assertEqual(connection.call("HEAD", target).body, b"")
        old = self.connect().call("GET", target, version="1.0")
        self.assertIsNone(old["transfer-encoding"])
        self.assertEqual(old.body, plain.body)


class Pages(Case):
    """Of other origins."""

    def test_the_allowed_one_may_read(self):
        connection = self.connect()
        answer = connection.call("GET", "/ping", [("Origin", ORIGIN)])
        self.assertEqual(answer["access-control-allow-origin"], ORIGIN)
        self.assertIn("ETag", answer["access-control-expose-headers"])
        self.assertIn("Origin", answer["vary"])
        for origin in ("https://other.example", "null", ORIGIN + ".evil.example", ORIGIN.upper()):
            answer = connection.call("GET", "/ping", [("Origin", origin)])
            self.assertIsNone(answer["access-control-allow-origin"])
            self.assertIn("Origin", answer["vary"])
        self.assertIn("Origin", connection.call("GET", "/ping")["vary"])

    def test_it_is_told_what_it_may_do(self):
        asks = [("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "x-shoal-context,if-match")]
        answer = self.connect().call("OPTIONS", "/kv/x", [("Origin", ORIGIN), *asks])
        self.assertEqual(answer.status, 204)
        self.assertEqual(answer["access-control-allow-origin"], ORIGIN)
        self.assertIn("PUT", answer["access-control-allow-methods"])
        self.assertEqual(answer["access-control-allow-headers"], "x-shoal-context,if-match")
        answer = self.connect().call("OPTIONS", "/kv/x", [("Origin", "https://other.example"), *asks])
        self.assertIsNone(answer["access-control-allow-methods"])

    def test_others_change_nothing(self):
        connection = self.connect()
        for method, target in (("PUT", "/kv/page"), ("DELETE", "/kv/page"), ("POST", "/data")):
            answer = connection.call(method, target, [("Origin", "https://other.example")], b"{}")
            self.assert_error(answer, 403)
        for origin in (ORIGIN, "http://shoal", "http://SHOAL"):  # the second is its own, and so is the third
            self.assertEqual(connection.call("PUT", "/kv/page", [("Origin", origin)], b"x").status, 204)


class Bounded(Case):
    """No connection is kept in reserve: it might be the one too many."""

    def setUp(self):
        pass

    def tearDown(self):
        def serves():
            try:
                return self.connect().call("GET", "/ping").status == 200
            except (http_raw.Broken, OSError):
                return False
        cluster.wait_until(serves, "new connections are served")


class Idle(Bounded):
    SETTINGS = {"http": {"idle_ms": 300}, "workers": 2}

    def test_who_says_nothing_is_closed(self):
        self.assertTrue(self.connect().closed())

        def used():
            connection = self.connect()
            try:
                return connection if connection.call("GET", "/ping").status == 200 else None
            except (http_raw.Broken, OSError):
                return None  # it came too late for once
        self.assertTrue(cluster.wait_until(used, "who asks in time is answered").closed())


class Limits(Bounded):
    SETTINGS = {
        "http": {"request_ms": 300},
        "limits": {"connections": CONNECTIONS},
        "workers": 2,
    }

    def test_slow_requests_are_408(self):
        put = b"PUT /kv/slow HTTP/1.1\r\nHost: shoal\r\n"
        for data in (b"G", b"GET / HTTP/1.1\r\nHost: shoal\r\n", put + b"Content-Length: 5\r\n\r\n",
                     put + b"Content-Length: 5\r\n\r\nfour", put + b"Transfer-Encoding: chunked\r\n\r\n",
                     put + b"Transfer-Encoding: chunked\r\n\r\n5\r\nfour"):
            with self.subTest(data):
                connection = self.connect()
                connection.send(data)
                self.assert_error(connection.receive(), 408)
                self.assertTrue(connection.closed())

    def test_a_drop_now_and_then_does_not_help(self):
        connection = self.connect()
        connection.send(b"GET / HTTP/1.1\r\n")
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < cluster.DEADLINE_S:
                connection.send(b"X-Drop: 1\r\n")
                time.sleep(0.05)
                connection.socket.setblocking(False)
                try:
                    if connection.socket.recv(1, socket.MSG_PEEK):
                        break
                except BlockingIOError:
                    pass
                connection.socket.settimeout(http_raw.TIMEOUT_S)
        except (BrokenPipeError, ConnectionResetError):
            return
        connection.socket.settimeout(http_raw.TIMEOUT_S)
        self.assert_error(connection.receive(), 408)

    def test_a_long_body_that_keeps_coming_has_its_time(self):
        def arrives():
            connection = self.connect()
            pieces, size = 12, 4096
            try:
                connection.send(
                    f"PUT /kv/long HTTP/1.1\r\nHost: shoal\r\nContent-Length: {pieces * size}\r\n\r\n".encode())
                for _ in range(pieces):
                    connection.send(b"x" * size)
                    time.sleep(0.05)  # 600 ms in all, of 300
                return connection.receive().status == 204
            except (http_raw.Broken, OSError):
                return False  # a busy machine had it pause for too long
        cluster.wait_until(arrives, "a body that keeps coming is taken")

    def test_one_too_many_is_told_so(self):
        def fill():
            """Whichever of them the workers come to last is the one."""
            kept = {connection.socket: connection
                    for connection in (self.connect() for _ in range(CONNECTIONS + 1))}
            told = select.select(kept, [], [], 5)[0]
            try:
                answer = kept[told[0]].receive() if told else None
            except (http_raw.Broken, ConnectionResetError):
                answer = None
            for connection in kept.values():
                connection.close()
            return answer if answer is not None and answer.status == 503 else None
        answer = cluster.wait_until(fill, "a client more than the limit is refused")
        self.assert_error(answer, 503)
        self.assertEqual(answer["retry-after"], "1")

    def test_thousands_at_the_limit_cost_nobody_who_is_served(self):
        served = self.connect()
        count = 5000 if LONG else 1000
        refused = 0
        kept = []
        for number in range(count):
            self.assertEqual(served.call("GET", "/ping").status, 200)
            connection = http_raw.Connection((self.node.host, self.node.http_port))
            kept.append(connection)
            if len(kept) > 300:
                first = kept.pop(0)
                if select.select([first.socket], [], [], 0)[0]:  # else it is one of those within the limit
                    refused += not first.closed()  # some are told so, and the others closed at once
                first.close()
        for connection in kept:
            connection.close()
        self.assertGreater(refused, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
