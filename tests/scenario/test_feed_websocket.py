"""The live feed's WebSocket by the book: the handshake, and every rule of frames, on raw sockets."""
import os
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.cluster import Cluster, main, wait_until  # noqa: E402
from support.websocket import (  # noqa: E402
    BINARY, CLOSE, PING, PONG, TEXT, Refused, WebSocket, frame)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1, http={"cors": ["https://a.example"]})
        cls.cluster.__enter__()
        cls.node = cls.cluster.nodes[0]
        cls.port = cls.node.ports["http_port"]

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None)

    def refused(self, status, **options):
        with self.assertRaises(Refused) as caught:
            WebSocket(self.port, **options)
        self.assertEqual(caught.exception.status, status, caught.exception)
        self.assertIn(b'"error":', caught.exception.body)
        return caught.exception

    def broken(self, code, *frames):
        """What is sent ends the connection with this code."""
        with WebSocket(self.port) as ws:
            for data in frames:
                ws.send(data)
            return ws.expect_close(code)

    def passes(self, *frames):
        """What is sent is taken: a ping behind it is answered."""
        with WebSocket(self.port) as ws:
            for data in frames:
                ws.send(data)
            ws.send(frame(PING, b"still there"))
            self.assertEqual(ws.receive(), (PONG, b"still there"))

    # ---- the handshake

    def test_the_sample_key_of_the_rfc_is_proved(self):
        with WebSocket(self.port, key=KEY) as ws:
            self.assertEqual(ws.fields["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            self.assertEqual(ws.fields["upgrade"].lower(), "websocket")
            self.assertEqual(ws.fields["connection"].lower(), "upgrade")
            self.assertNotIn("sec-websocket-extensions", ws.fields)

    def test_the_key_that_the_rfc_spells_with_stray_bits_is_taken(self):
        WebSocket(self.port, key="AQIDBAUGBwgJCgsMDQ4PEC==").socket.close()

    def test_http_1_0_has_no_upgrades(self):
        with socket.create_connection(("127.0.0.1", self.port)) as plain:
            plain.sendall(b"GET /wal HTTP/1.0\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                          b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY.encode() + b"\r\n\r\n")
            self.assertIn(b" 426 ", plain.recv(4096).split(b"\r\n")[0])

    def test_a_handshake_has_no_body(self):
        self.refused(400, fields={"Content-Length": "2"})

    def test_tokens_are_found_in_lists_and_in_any_case(self):
        fields = {"Connection": "keep-alive, UPGRADE", "Upgrade": "WebSocket"}
        WebSocket(self.port, fields=fields).socket.close()

    def test_extensions_and_subprotocols_are_offered_in_vain(self):
        fields = {"Sec-WebSocket-Extensions": "permessage-deflate", "Sec-WebSocket-Protocol": "x"}
        with WebSocket(self.port, fields=fields) as ws:
            self.assertNotIn("sec-websocket-extensions", ws.fields)
            self.assertNotIn("sec-websocket-protocol", ws.fields)

    def test_a_plain_get_is_told_to_upgrade(self):
        refusal = self.refused(426, fields={"Upgrade": None, "Connection": None})
        self.assertIn("websocket", refusal.fields["upgrade"])
        self.assertIn("Upgrade", refusal.fields["connection"])
        self.assertEqual(refusal.fields["sec-websocket-version"], "13")
        self.refused(426, fields={"Upgrade": "h2c"})

    def test_other_versions_are_told_which_one_is_spoken(self):
        for version in ("8", "14", "13, 8"):
            refusal = self.refused(426, version=version)
            self.assertEqual(refusal.fields["sec-websocket-version"], "13")
        self.refused(400, version=None)

    def test_a_malformed_handshake_is_refused(self):
        self.refused(400, fields={"Connection": "keep-alive"})
        self.refused(400, fields={"Sec-WebSocket-Key": None})
        for key in ("", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==AAAA", "?" * 24):
            self.refused(400, key=key)

    def test_other_methods_are_not_allowed(self):
        with socket.create_connection(("127.0.0.1", self.port)) as plain:
            plain.sendall(b"POST /wal HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            self.assertIn(b" 405 ", plain.recv(4096).split(b"\r\n")[0])

    def test_pages_of_other_origins_are_kept_out(self):
        self.refused(403, fields={"Origin": "https://evil.example"})
        self.refused(403, fields={"Origin": "null"})
        for origin in ("https://a.example", f"http://127.0.0.1:{self.port}"):
            WebSocket(self.port, fields={"Origin": origin}).socket.close()

    def test_what_is_asked_for_must_make_sense(self):
        for query, text in (
                ("ops=pit", b"did you mean put?"), ("ops=", b"op"), ("ops=put,,get", b"op"),
                ("ops=gap", b"gap"), ("op=put", b"ops"), ("after=%21", b"cursor"), ("after=", b"cursor"),
                ("after=AAAA", b"cursor"), ("heartbeat=soon", b"heartbeat"), ("heartbeat=1ms", b"100ms"),
                ("heartbeat=2h", b"1h"), ("prefix=%zz", b"prefix"), ("prefix=a&prefix=b", b"prefix")):
            refusal = self.refused(400, path=f"/wal?{query}")
            self.assertIn(text, refusal.body, query)

    # ---- frames

    def test_what_a_client_says_is_passed_over(self):
        self.passes(frame(TEXT, "hello"), frame(BINARY, b"\xff\x00"), frame(TEXT), frame(PONG, b"?"))
        self.passes(frame(BINARY, b"x" * 65536))
        self.passes(frame(TEXT, b"\xe2", fin=False), frame(PONG), frame(0, b"\x82\xac"))

    def test_pings_are_answered_with_what_they_carry(self):
        with WebSocket(self.port) as ws:
            for payload in (b"", b"hello", bytes(range(125))):
                ws.send(frame(PING, payload))
                self.assertEqual(ws.receive(), (PONG, payload))
            ws.send(frame(TEXT, "a", fin=False) + frame(PING, "between") + frame(0, "b"))
            self.assertEqual(ws.receive(), (PONG, b"between"))
            ws.send(b"".join(frame(PING, str(i)) for i in range(10)))
            self.assertEqual([ws.receive() for i in range(10)],
                             [(PONG, str(i).encode()) for i in range(10)])

    def test_frames_may_come_byte_by_byte(self):
        with WebSocket(self.port) as ws:
            for byte in frame(PING, b"slowly"):
                ws.send(bytes([byte]))
            self.assertEqual(ws.receive(), (PONG, b"slowly"))

    def test_frames_may_come_with_the_handshake(self):
        with WebSocket(self.port, early=frame(PING, b"early")) as ws:
            self.assertEqual(ws.receive(), (PONG, b"early"))

    def test_offences_against_the_protocol_end_it_with_1002(self):
        for offence in (
                frame(TEXT, "x", mask=None), frame(PING, mask=None), frame(TEXT, "x", rsv=4),
                frame(TEXT, "x", rsv=2), frame(PING, rsv=1), frame(3), frame(7, "x"), frame(11),
                frame(15, "x"), frame(PING, b"x" * 126), frame(PING, "x", fin=False),
                frame(CLOSE, fin=False), frame(0, "of nothing"), frame(0, "x", fin=False),
                frame(TEXT, "a", fin=False) + frame(TEXT, "b"),
                frame(BINARY, length=125), b"\x81\xfe\x00\x7d", frame(BINARY, length=1 << 63),
                frame(CLOSE, b"\x03")):
            self.broken(1002, offence)

    def test_texts_that_are_not_utf_8_end_it_with_1007(self):
        for text in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
            self.broken(1007, frame(TEXT, text))
        self.broken(1007, frame(TEXT, b"\xe2", fin=False), frame(0, b"\x28"))
        self.broken(1007, frame(CLOSE, b"\x03\xe8\xff"))
        self.broken(1007, frame(TEXT, b"\xf4\x90", fin=False))

    def test_messages_that_are_too_long_end_it_with_1009(self):
        self.broken(1009, frame(BINARY, length=65537))
        self.broken(1009, frame(BINARY, length=1 << 62))
        self.broken(1009, frame(TEXT, "x" * 40000, fin=False), frame(0, "x" * 40000))

    def test_a_close_is_answered_with_its_own_code(self):
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
            self.broken(code, frame(CLOSE, struct.pack(">H", code) + b"why"))
        self.broken(None, frame(CLOSE))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1100, 2000, 2999, 5000, 65535):
            self.broken(1002, frame(CLOSE, struct.pack(">H", code)))

    def test_nothing_is_answered_behind_a_close(self):
        with WebSocket(self.port) as ws:
            ws.send(frame(CLOSE, b"\x03\xe8") + frame(PING, b"late") + frame(3))
            self.assertEqual(ws.receive(), (CLOSE, b"\x03\xe8"))
            with self.assertRaises(EOFError):
                ws.receive()

    def test_readers_that_vanish_are_forgotten(self):
        def readers():
            with socket.create_connection(("127.0.0.1", self.port)) as plain:
                plain.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                text = b""
                while data := plain.recv(65536):
                    text += data
            for line in text.splitlines():
                if line.startswith(b'shoal_feed_readers{surface="http"}'):
                    return int(line.split()[-1])
            raise AssertionError("there is no such metric")

        sockets = [WebSocket(self.port) for _ in range(20)]
        self.assertGreaterEqual(readers(), 20)
        for ws in sockets:
            ws.socket.close()
        wait_until(lambda: readers() == 0, "all readers are gone")


class Stopping(unittest.TestCase):
    def test_a_node_that_stops_says_so(self):
        with Cluster(1) as cluster:
            node = cluster.nodes[0]
            with WebSocket(node.ports["http_port"]) as ws:
                node.process.terminate()
                ws.expect_close(1001)
            self.assertEqual(node.stop(), 0)


if __name__ == "__main__":
    main()
