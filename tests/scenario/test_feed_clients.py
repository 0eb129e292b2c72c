"""The live feed as others read it: Python's websockets, ws of Node.js, and a C program with libshoal."""
import asyncio
import json
import os
import subprocess
import sys
import unittest

import websockets

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import node_clients  # noqa: E402
from support.cluster import DEADLINE_S, Cluster, main, plain_environment, wait_until  # noqa: E402

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients", "feed")
NODE_FOLDER = os.environ.get("SHOAL_NODE_FEED", "/tmp/shoal-node-feed")


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1, quorum={"n": 1, "r": 1, "w": 1})
        cls.cluster.__enter__()
        cls.node = cls.cluster.nodes[0]
        cls.port = cls.node.ports["http_port"]

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None)

    def put(self, key, value="v"):
        self.assertEqual(self.node.shoal("put", key, value).status, 0)

    def test_websockets_of_python(self):
        async def read():
            url = f"ws://127.0.0.1:{self.port}/wal?prefix=py/&heartbeat=100ms"
            async with websockets.connect(url) as feed:
                self.put("py/1", "ü" * 40000)
                await (await feed.ping(b"hello"))
                async for message in feed:
                    event = json.loads(message)
                    if event["op"] == "put":
                        self.assertEqual((event["key"], event["value"]), ("py/1", "ü" * 40000))
                        break
                await feed.close(4001, "enough")
                self.assertEqual(feed.close_code, 4001)

        asyncio.run(asyncio.wait_for(read(), DEADLINE_S))

    def test_ws_of_node_js(self):
        try:
            node_clients.node_version()
            folder = node_clients.install(NODE_FOLDER, SOURCES)
        except node_clients.Missing as missing:
            self.skipTest(str(missing))
        process = subprocess.Popen(["node", "ws.js", str(self.port)], cwd=folder,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.assertEqual(process.stdout.readline(), b"open\n")
            self.put("js/other")
            self.put("js/ä/last")
            _, err = process.communicate(timeout=DEADLINE_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        self.assertEqual((process.returncode, err), (0, b""))

    def test_the_example_in_c(self):
        process = subprocess.Popen(
            [os.environ["EXAMPLE_WATCH"], f"127.0.0.1:{self.node.client_port}", "c/", "2"],
            env=plain_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.assertEqual(process.stdout.readline(), b"watching\n")
            self.put("c/1", "one")
            self.assertEqual(process.stdout.readline(), b"put c/1 = one (by node1)\n")
            self.assertEqual(self.node.shoal("delete", "c/1").status, 0)
            out, err = process.communicate(timeout=DEADLINE_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        self.assertEqual((process.returncode, err), (0, b""))
        self.assertRegex(out, rb"^delete c/1 \(by node1\)\nthe cursor has \d+ bytes\n$")

    def test_a_c_program_goes_on_when_the_node_has_restarted(self):
        with Cluster(1, quorum={"n": 1, "r": 1, "w": 1}, storage={"engine": "log"}) as cluster:
            node = cluster.nodes[0]
            process = subprocess.Popen(
                [os.environ["EXAMPLE_WATCH"], f"127.0.0.1:{node.client_port}", "r/", "2"],
                env=plain_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                self.assertEqual(process.stdout.readline(), b"watching\n")
                self.assertEqual(node.shoal("put", "r/1", "v").status, 0)
                self.assertEqual(process.stdout.readline(), b"put r/1 = v (by node1)\n")
                self.assertEqual(node.stop(), 0)
                node.start()
                wait_until(lambda: node.shoal("put", "r/2", "v").status == 0, "it serves again")
                out, err = process.communicate(timeout=DEADLINE_S)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.communicate()
            self.assertEqual((process.returncode, err), (0, b""))
            self.assertTrue(out.startswith(b"put r/2 = v (by node1)\n"), out)


if __name__ == "__main__":
    main()
