#!/usr/bin/python3
"""The node and its cluster over HTTP, as monitors, tools and the admin page ask for them: /health, /ready, /ping,
/stats, /metrics, /v1/status, /v1/ring, /v1/plan and /v1/repair; alone, while in no cluster, and with three nodes of
which one dies. What docs/openapi.yaml says of them is held against what they answer."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import openapi  # noqa: E402
import resp  # noqa: E402
from cluster import wait_until  # noqa: E402
from web import Client  # noqa: E402

STANDALONE = {"quorum": {"n": 1, "r": 1, "w": 1}}
ROW = {"name", "address", "state", "keys", "memory", "partitions", "ops", "zone", "bytes", "hints", "storage", "id"}


def numbers(text):
    """The samples of a page of metrics: {'name{labels}': value}."""
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.decode().splitlines() if not line.startswith("#")}


class Case(unittest.TestCase):
    def connect(self, node):
        client = Client(node)
        self.addCleanup(client.close)
        return client

    def answered(self, client, target, status=200, method="GET"):
        """The answer, which is as the description has it."""
        answer = client.ask(method, target)
        self.assertEqual(answer.status, status, f"{target}: {answer}")
        openapi.check(self, method, target, answer)
        return answer


class Alone(Case):
    @classmethod
    def setUpClass(cls):
        cls.group = cluster.Cluster(1, storage={"engine": "log"}, **STANDALONE)
        cls.group.__enter__()
        cls.addClassCleanup(cls.group.__exit__, None)
        cls.node = cls.group.nodes[0]
        wait_until(cls.node.status, "the node has founded its cluster")

    def setUp(self):
        self.client = self.connect(self.node)

    def test_it_lives_is_ready_and_answers(self):
        self.assertEqual(self.answered(self.client, "/health").json(), {"status": "ok"})
        wait_until(lambda: self.client.get("/ready").status == 200, "the node is ready")
        self.assertEqual(self.answered(self.client, "/ready").json(), {"status": "ready", "state": "up"})
        self.assertEqual(self.answered(self.client, "/ping").body, b"pong")
        head = self.client.ask("HEAD", "/ping")
        self.assertEqual((head.status, head.body, head.headers["Content-Length"]), (200, b"", "4"))
        self.assertEqual(self.client.post("/health", b"").status, 405)

    def test_status_ring_and_plan_are_what_the_command_line_prints(self):
        self.node.shoal("put", "a", "1")
        # What changes by itself from one look to the next is left out.
        moving = {"memory", "ops", "ops_rate", "sync_rate", "rate", "keys", "bytes", "bytes_in"}

        def still(value):
            if isinstance(value, dict):
                return {name: still(inner) for name, inner in value.items() if name not in moving}
            return [still(inner) for inner in value] if isinstance(value, list) else value

        for target, arguments in [("/v1/status", ["status"]), ("/v1/ring", ["ring"]),
                                  ("/v1/ring?key=a", ["ring", "a"]), ("/v1/ring?key=%FF%00", None),
                                  ("/v1/plan", ["cluster", "plan"]),
                                  ("/v1/plan?nodes=3", ["cluster", "plan", "--nodes", "3"])]:
            answer = self.answered(self.client, target).json()
            if arguments is not None:
                self.assertEqual(still(answer), still(self.node.shoal(*arguments, "--json").json()), target)
        self.assertEqual(self.answered(self.client, "/v1/ring?key=%FF%00").json()["key_base64"], "/wA=")

    def test_what_makes_no_sense_is_refused_by_name(self):
        for target, part in [("/v1/ring?keys=a", "key"), ("/v1/ring?key=%F", "key"), ("/v1/ring?key=a&key=b", "key"),
                             ("/v1/plan?nodes=0", "nodes"), ("/v1/plan?nodes=many", "nodes"),
                             ("/v1/plan?nodes=", "nodes"), ("/v1/status?a=b", "unknown parameter a; there are none"),
                             ("/stats?node=a", "unknown parameter node")]:
            self.assertIn(part, self.answered(self.client, target, 400).error)

    def test_repair_of_one_node_is_none_of_its_business(self):
        self.assertEqual(self.answered(self.client, "/v1/repair", method="POST").json(),
                         {"message": "Ok", "told": 1, "nodes": 1})

    def test_operations_are_counted_by_surface_operation_and_result(self):
        def counts():
            return numbers(self.answered(self.client, "/metrics").body)

        def since(before, *labels):
            name = 'shoal_requests_total{surface="%s",op="%s",result="%s"}' % labels
            return counts()[name] - before[name]

        before = counts()
        self.client.put("/kv/b", b"1")
        self.client.get("/kv/b")
        self.client.get("/kv/none")
        self.client.get("/kv/b?r=none")
        self.node.shoal("get", "b")
        self.node.shoal("get", "none")
        with resp.Connection((self.node.host, self.node.redis_port)) as redis:
            for command in [("SET", "c", "1"), ("GET", "c"), ("GET", "none"), ("GET",), ("INCR", "n"), ("DEL", "c"),
                            ("EXPIRE", "n", "100"), ("KEYS", "*"), ("PING",)]:
                redis.ask(*command)
        for labels, count in [(("http", "put", "ok"), 1), (("http", "get", "ok"), 1), (("http", "get", "missing"), 1),
                              (("http", "get", "refused"), 1), (("native", "get", "ok"), 1),
                              (("native", "get", "missing"), 1), (("redis", "put", "ok"), 1),
                              (("redis", "get", "ok"), 1), (("redis", "get", "missing"), 1),
                              (("redis", "add", "ok"), 1), (("redis", "delete", "ok"), 1),
                              (("redis", "expire", "ok"), 1), (("redis", "list", "ok"), 1)]:
            self.assertEqual(since(before, *labels), count, labels)
        self.assertEqual(counts()['shoal_request_seconds_count{surface="http",op="put"}'] -
                         before['shoal_request_seconds_count{surface="http",op="put"}'], 1)

    def test_the_row_shows_what_was_done(self):
        before = self.answered(self.client, "/stats").json()[0]
        for i in range(20):
            self.client.put(f"/kv/row-{i}", b"value")
        row = wait_until(lambda: [row for row in self.answered(self.client, "/stats").json()
                                  if row["ops"] >= before["ops"] + 20 and row["keys"] >= 20],
                         "the row tells of the writes")[0]
        self.assertGreater(row["memory"], 1 << 20)
        self.assertEqual(row["partitions"], 64)

    def test_what_is_written_shows_in_the_storages_numbers(self):
        self.client.put("/kv/durable?dw=1", b"1")
        counts = numbers(self.client.get("/metrics").body)
        self.assertGreater(counts["shoal_storage_fsync_seconds_count"], 0)
        self.assertGreater(counts["shoal_process_resident_memory_bytes"], 1 << 20)
        self.assertGreater(counts["shoal_process_open_fds"], 3)
        build = [name for name in counts if name.startswith("shoal_build_info{")]
        self.assertIn('engine="log"', build[0])
        wait_until(lambda: numbers(self.client.get("/metrics").body)["shoal_engine_segments"] >= 1,
                   "the engine tells of its segments")

    def test_every_route_is_described_and_every_description_has_a_route(self):
        openapi.check_routes(self, self.client)

    def test_the_description_is_served(self):
        answer = self.client.get("/openapi.yaml")
        self.assertEqual(answer.status, 200)
        with open(openapi.PATH, "rb") as file:
            self.assertEqual(answer.body, file.read())


class InNoCluster(Case):
    def test_it_lives_but_is_not_ready_and_says_why(self):
        with cluster.Cluster(1, joined=False, cluster={"seeds": ["127.0.0.1:9"]}) as group:
            client = self.connect(group.nodes[0])
            self.answered(client, "/health")
            self.assertIn("in no cluster", self.answered(client, "/ready", 503).error)
            rows = self.answered(client, "/stats").json()
            self.assertEqual([(row["name"], row["state"], row["keys"]) for row in rows], [("node1", "joining", 0)])
            for target in ["/v1/status", "/v1/ring", "/v1/ring?key=a"]:
                self.assertIn("in no cluster", self.answered(client, target, 503).error)
            self.assertEqual(client.get("/kv/a").status, 503)
            self.assertEqual(numbers(self.answered(client, "/metrics").body)["shoal_layout_version"], 0)
            client.close()


class Together(Case):
    def test_all_nodes_tell_the_same_and_see_who_is_down(self):
        with cluster.Cluster(3, node={"zone": "a"}) as group:
            clients = [self.connect(node) for node in group.nodes]
            for i in range(30):
                self.assertEqual(clients[i % 3].put(f"/kv/key-{i}", b"value").status, 204)

            def same():
                rows = [client.get("/stats").body for client in clients]
                content = json.loads(rows[0])
                return (rows if rows[0] == rows[1] == rows[2] and sum(row["ops"] for row in content) == 30 else None)

            rows = json.loads(wait_until(same, "all nodes tell the same")[0])
            self.assertEqual([row["name"] for row in rows], ["node1", "node2", "node3"])
            for row in rows:
                self.assertLessEqual(ROW, set(row))
                self.assertEqual((row["state"], row["partitions"], row["keys"]), ("up", 64, 30))
            self.assertEqual(self.answered(clients[1], "/v1/repair", method="POST").json()["told"], 3)

            group.nodes[2].kill()
            for client in clients[:2]:
                wait_until(lambda: {row["name"]: row["state"] for row in client.get("/stats").json()}["node3"] == "down",
                           "node3 is seen as down")
                self.answered(client, "/stats")
                self.answered(client, "/v1/status")
                self.assertEqual(self.answered(client, "/ready").json()["state"], "up")
            counts = numbers(self.answered(clients[0], "/metrics").body)
            self.assertEqual(counts['shoal_members{state="up"}'], 2)
            self.assertEqual(counts['shoal_members{state="down"}'], 1)
            self.assertGreaterEqual(counts["shoal_suspicions_total"], 1)
            self.assertGreater(counts["shoal_gossip_sent_bytes_total"], 0)
            repair = self.answered(clients[0], "/v1/repair", method="POST").json()
            self.assertEqual((repair["told"], repair["nodes"]), (2, 3))
            self.assertIn("node3", repair["text"])
            for client in clients:
                client.close()

    def test_while_data_moves_the_ring_shows_the_older_layouts_too(self):
        with cluster.Cluster(2) as group:
            client = self.connect(group.nodes[0])
            self.assertNotIn("older", self.answered(client, "/v1/ring").json())
            group.nodes[1].pause()  # it does not say that it knows the next layout
            third = group.add_node().start()
            third.shoal("join-cluster", "--known-cluster-node", group.nodes[0].peer_address, "--timeout", "5s")
            ring = wait_until(lambda: [ring for ring in [self.answered(client, "/v1/ring").json()] if "older" in ring],
                              "two layouts are in force")[0]
            self.assertEqual(len(ring["older"][0]["owners"]), 64)
            self.assertLess(ring["older"][0]["layout"]["version"], ring["layout"]["version"])
            self.assertNotIn("node3", {name for owners in ring["older"][0]["owners"] for name in owners})
            group.nodes[1].resume()
            client.close()


if __name__ == "__main__":
    cluster.main()
