"""One request followed through three nodes: by its spans at a collector, and by its id in their logs."""
import os
import secrets
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from support import protocol
from support.cluster import Cluster, main, wait_until
from support.collector import Collector
from support.ports import free_port


def trace_of(sampled=True):
    """A trace of a client: its id, the span that asks, and both as a request's last field."""
    trace, span = secrets.token_bytes(16), secrets.token_bytes(8)
    return trace.hex(), span.hex(), trace + span + bytes([1 if sampled else 0])


def put_natively(node, key, field, w, timeout_us=0):
    """The RESULT of a put that carries the trace."""
    request = protocol.frame(protocol.REQUEST, 1, protocol.PUT, key, b"value", None, 0,
                             [0, 0, w, 0, 0, 0, timeout_us], field)
    with protocol.Connection(node.client_port) as connection:
        return connection.ask(request)


def put(node, key, field, w=0):
    return put_natively(node, key, field, w)[2]


def curl(node, path, *arguments):
    """Status, fields (names in lower case) and body of the answer."""
    url = f"http://127.0.0.1:{node.ports['http_port']}{path}"
    answer = subprocess.run(["curl", "-sS", "-i", "--max-time", "60", *arguments, url],
                            stdout=subprocess.PIPE, check=True).stdout
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    return int(lines[0].split()[1]), fields, body


def put_by_curl(node, key, traceparent, query):
    return curl(node, f"/kv/{key}?{query}", "-X", "PUT", "--data-binary", "value",
                "-H", f"traceparent: {traceparent}")


def get(node, key, field):
    request = protocol.frame(protocol.REQUEST, 1, protocol.GET, key, None, None, 0,
                             [0, 3, 0, 0, 0, 0, 0], field)
    with protocol.Connection(node.client_port) as connection:
        return connection.ask(request)[2]


def children(spans, parent):
    return [span for span in spans if span.parent == parent]


def lines_with(node, text):
    with open(node.log_path, encoding="utf-8", errors="replace") as log:
        return [line for line in log if text in line]


class Traces(unittest.TestCase):
    def whole(self, collector, trace, root_parent, complete):
        """The trace's spans once they say all: every one below another, or below the client's."""
        def found():
            spans = collector.of(trace)
            known = {span.id for span in spans} | {root_parent}
            return spans if all(span.parent in known for span in spans) and complete(spans) else None

        spans = wait_until(found, f"the whole of trace {trace} is there: {collector.of(trace)}")
        self.assertEqual(collector.problems, [])
        self.assertEqual(len({span.id for span in spans}), len(spans), spans)
        return spans

    def check_calls(self, spans, coordinator, name):
        """Each of the coordinator's calls has the span of the node that it went to, and no other."""
        calls = [span for span in children(spans, coordinator.id) if span.kind == "client"]
        self.assertEqual({span.name for span in calls}, {name})
        self.assertEqual(len(calls), 2)
        for call in calls:
            self.assertEqual(call.node, coordinator.node)
            self.assertEqual(call.attributes["rpc.system"], "shoal")
            self.assertEqual(call.attributes["server.address"], "127.0.0.1")
            served, = children(spans, call.id)
            self.assertEqual((served.kind, served.name), ("server", name))
            self.assertEqual(served.node, call.attributes["shoal.peer"])
            self.assertNotEqual(served.node, coordinator.node)
        self.assertEqual(len({call.attributes["shoal.peer"] for call in calls}), 2)

    def check_tree(self, spans, asked, parent, op, call, surface="native"):
        """From the node asked, perhaps over one that it passed the request on to, to the others."""
        root, = children(spans, parent)
        self.assertEqual((root.kind, root.name, root.node), ("server", op, asked.name))
        self.assertEqual(root.attributes["db.system.name"], "shoal")
        self.assertEqual(root.attributes["db.operation.name"], op)
        self.assertEqual(root.attributes["shoal.surface"], surface)
        self.assertIn("shoal.key.hash", root.attributes)
        forwards = [span for span in children(spans, root.id) if span.name == "FORWARD"]
        coordinator = root
        if forwards:
            coordinator, = children(spans, forwards[0].id)
            self.assertEqual(coordinator.node, forwards[0].attributes["shoal.peer"])
            self.assertEqual(coordinator.attributes["shoal.surface"], "peer")
            self.assertEqual(coordinator.attributes["shoal.key.hash"],
                             root.attributes["shoal.key.hash"])
        self.check_calls(spans, coordinator, call)
        self.assertEqual(len({span.node for span in spans}), 3)
        return bool(forwards)

    def test_one_request_is_a_tree_of_spans_from_all_three_nodes(self):
        with Collector(answers=[503]) as collector, \
                Cluster(3, tracing={"endpoint": collector.endpoint, "sample": 0}) as cluster:
            asked = cluster.nodes[0]
            self.check_http(collector, asked)
            puts = [trace_of() for _ in range(24)]
            unasked, _, field = trace_of(sampled=False)
            self.assertEqual(put(asked, b"quiet", field, w=3), 0)
            self.assertEqual(put(asked, b"quiet", None, w=3), 0)
            for number, (_, _, field) in enumerate(puts):
                self.assertEqual(put(asked, f"secret-key-{number}".encode(), field, w=3), 0)
            trace, parent, field = trace_of()
            self.assertEqual(get(asked, b"secret-key-0", field), 0)

            spans = self.whole(collector, trace, parent,
                               lambda spans: sum(s.name == "FETCH" for s in spans) == 4)
            self.check_tree(spans, asked, parent, "get", "FETCH")
            self.check_puts(collector, asked, puts)
            self.assertEqual(collector.of(unasked), [])
            told = {self.by_http, trace} | {trace for trace, _, _ in puts}
            self.assertEqual({span.trace for span in collector.spans}, told)

    def check_http(self, collector, asked):
        self.by_http, parent, _ = trace_of()
        status, fields, _ = put_by_curl(asked, "cart", f"00-{self.by_http}-{parent}-01", "w=3")
        self.assertEqual(status // 100, 2)
        self.assertEqual(fields["x-request-id"], self.by_http)
        spans = self.whole(collector, self.by_http, parent,
                           lambda spans: sum(s.name == "STORE" for s in spans) == 4)
        self.check_tree(spans, asked, parent, "put", "STORE", "http")

    def check_puts(self, collector, asked, puts):
        passed_on = set()
        for trace, parent, _ in puts:
            spans = self.whole(collector, trace, parent,
                               lambda spans: sum(s.name == "STORE" for s in spans) == 4)
            passed_on.add(self.check_tree(spans, asked, parent, "put", "STORE"))
            self.assertFalse(any("secret-key" in str(value) for span in spans
                                 for value in span.attributes.values()))
        self.assertEqual(passed_on, {True, False})  # some keys are another node's to coordinate

    def test_by_chance_and_without_a_client_that_asks(self):
        with Collector() as collector, \
                Cluster(1, quorum={"n": 1, "r": 1, "w": 1},
                        tracing={"endpoint": collector.endpoint, "sample": 1}) as cluster:
            node, = cluster.nodes
            self.assertEqual(node.shoal("put", "key", "value").status, 0)
            self.assertEqual(node.shoal("get", "none").status, 1)
            wait_until(lambda: len(collector.spans) >= 2, "two requests are told")
            self.assertEqual(node.stop(), 0)
            self.assertEqual(collector.problems, [])
            roots = {span.name: span for span in collector.spans if span.kind == "server"}
            self.assertEqual(set(roots), {"put", "get"})
            self.assertIsNone(roots["put"].parent)
            self.assertFalse(roots["get"].error)
            self.assertFalse(roots["get"].attributes["shoal.found"])

    def test_a_collector_that_is_away_costs_spans_and_nothing_else(self):
        endpoint = f"http://127.0.0.1:{free_port()}/v1/traces"
        with Cluster(1, quorum={"n": 1, "r": 1, "w": 1},
                     tracing={"endpoint": endpoint, "sample": 1}) as cluster:
            node, = cluster.nodes
            with protocol.Connection(node.client_port) as connection:
                for number in range(1, 10001):
                    connection.send(protocol.put(number, b"key", b"value"))
                self.assertEqual([connection.receive()[2] for _ in range(10000)], [0] * 10000)
            wait_until(lambda: lines_with(node, "tracing: the collector did not take spans"),
                       "it is said that spans are lost")
            self.assertEqual(node.stop(), 0)


class Logs(unittest.TestCase):
    def test_one_id_is_in_the_logs_of_the_node_asked_and_of_the_coordinator(self):
        # What is silent is only waited for until it is taken for dead, which here it never is.
        with Cluster(3, log={"slow_ms": 100}, heartbeat={"interval_ms": 2000}) as cluster:
            asked, coordinator, silent = cluster.nodes
            silent.pause()
            try:
                self.follow(asked, coordinator)
            finally:
                silent.resume()

    def follow(self, asked, coordinator):
        key = next(key for key in map("key-{}".format, range(1000))
                   if asked.shoal("ring", "-k", key, "--json").json()["owners"][0] == coordinator.name)
        trace, parent, _ = trace_of(sampled=False)
        status, fields, body = put_by_curl(asked, key, f"00-{trace}-{parent}-00", "w=3&timeout=3s")
        self.assertGreaterEqual(status, 500)
        self.assertEqual(fields["x-request-id"], trace)
        self.assertIn(trace, body.decode())
        wait_until(lambda: lines_with(coordinator, trace), "the coordinator tells of it")
        told = wait_until(lambda: lines_with(asked, trace), "the node asked tells of it, too")
        self.assertRegex(told[0], r"request: (slow|failed) op=put key=key-\d+ surface=http ms=\d+")
        there, = lines_with(coordinator, trace)
        self.assertRegex(there, r"request: slow op=put key=key-\d+ surface=peer ms=\d+")
        self.assertRegex(there, rf"waited=silence .*request={trace}$")
        trace, _, field = trace_of(sampled=False)
        result = put_natively(asked, b"key", field, 3, timeout_us=3000000)
        self.assertNotEqual(result[2], 0)
        self.assertTrue(result[3].endswith(f"; request {trace}"), result)


if __name__ == "__main__":
    main()
