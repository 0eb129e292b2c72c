#!/usr/bin/python3
"""How nodes find each other: seeds by name that don't resolve yet, names with several addresses, nodes that
come back elsewhere, a whole cluster that does, advertised addresses and ports, IPv6."""
import contextlib
import os
import socket
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
from dns import NameServer  # noqa: E402
from ports import free_port  # noqa: E402

DURABLE = {"engine": "log", "durability": "sync"}


def log_lines(node, *parts):
    """Lines of its log with all of these in them."""
    with open(node.log_path, encoding="utf-8", errors="replace") as file:
        return [line for line in file if all(part in line for part in parts)]


class Case(unittest.TestCase):
    def put(self, node, key, value):
        """Until it is taken: just after a change of addresses an owner may not be reached yet."""
        cluster.wait_until(lambda: node.shoal("put", key, value).status == 0, f"{key} is written")

    def has(self, node, key, value):
        cluster.wait_until(
            lambda: node.shoal("get", key, "--raw").out == value.encode(), f"{key} is {value}"
        )

    def addresses(self, node):
        """What the node thinks where the others are, by name."""
        status = node.status()
        return {} if status is None else {
            member["name"]: (member["host"], member["client_port"]) for member in status["nodes"]
        }


class SeedsByName(Case):
    def test_a_name_that_does_not_resolve_yet_is_asked_for_again_and_complained_of_once(self):
        with NameServer() as names, cluster.Cluster(
            0, joined=False, cluster={"name": "test", "partitions": 64, "resolver": names.address}
        ) as group:
            first = group.add_node().start()
            seeds = [f"first.test:{first.peer_port}"]
            about = {"name": "test", "partitions": 64, "resolver": names.address, "seeds": seeds}
            second = group.add_node(cluster=about).start()
            third = group.add_node(cluster=about).start()
            cluster.wait_until(lambda: names.asked.get("first.test", 0) >= 8, "both ask again")
            names.records["first.test"] = [first.host]
            group.wait_settled()
            for node in (second, third):
                said = log_lines(node, "first.test", "can't be looked up")
                self.assertEqual(len(said), 1, said)

    def test_all_addresses_of_a_name_are_tried_and_a_node_never_asks_itself(self):
        # Nobody is at the first two, the joiner itself at the third; with ports that are all the same.
        port = free_port("127.0.0.1")
        with NameServer(all_test=["127.0.0.7", "::1", "127.0.0.2", "127.0.0.1"]) as names:
            about = {"name": "test", "partitions": 64, "resolver": names.address}
            with cluster.Cluster(0, joined=False, cluster=about) as group:
                first = group.add_node(listen={"peer_port": port}).start()
                seeded = {**about, "seeds": [f"all.test:{port}"]}
                second = group.add_node(
                    listen={"host": "127.0.0.2", "peer_port": port}, cluster=seeded
                ).start()
                group.wait_settled()
                self.assertEqual(self.addresses(first), self.addresses(second))

    def test_nodes_with_the_same_seeds_make_one_cluster_also_when_the_first_is_known_by_a_name(self):
        ports = [free_port("127.0.0.1") for _ in range(3)]
        with NameServer(**{f"n{n}_test": ["127.0.0.1"] for n in range(3)}) as names:
            about = {"name": "test", "partitions": 64, "resolver": names.address,
                     "seeds": [f"n{n}.test:{ports[n]}" for n in range(3)]}
            with cluster.Cluster(0, joined=False, cluster=about) as group:
                for port in ports:
                    group.add_node(listen={"peer_port": port}).launch()
                for node in group.nodes:
                    node.wait_ready()
                group.wait_settled()
                founded = [log_lines(node, "cluster: founded") for node in group.nodes]
                self.assertEqual([len(lines) for lines in founded], [1, 0, 0])

    def test_a_silent_name_server_stops_nothing_else(self):
        with NameServer(first_test=["127.0.0.1"]) as names:
            names.silent.add("never.test")
            about = {"name": "test", "partitions": 64, "resolver": names.address}
            with cluster.Cluster(0, joined=False, cluster=about) as group:
                first = group.add_node().start()
                seeds = [f"never.test:{first.peer_port}", f"first.test:{first.peer_port}"]
                group.add_node(cluster={**about, "seeds": seeds}).start()
                group.wait_settled()
            with cluster.Cluster(0, joined=False, cluster={**about, "seeds": seeds[:1]}) as group:
                lonely = group.add_node().start()
                cluster.wait_until(lambda: log_lines(lonely, "never.test"), "it says so")
                self.assertEqual(lonely.stop(), 0)  # in the middle of asking


class OtherAddresses(Case):
    def test_a_member_that_comes_back_elsewhere_is_followed_there(self):
        with cluster.Cluster(3, storage=DURABLE) as group:
            one, two, three = group.nodes
            self.put(one, "before", "v")
            before = {member["name"]: member["id"] for member in one.status()["nodes"]}
            for end in (three.stop, three.kill):
                end()
                self.put(two, f"during/{end.__name__}", "v")
                three.move("127.0.0.3" if three.host == "127.0.0.1" else "127.0.0.1")
                three.start()
                group.wait_settled()
                for node in group.nodes:
                    here = (three.host, three.ports["client_port"])
                    self.assertEqual(self.addresses(node)["node3"], here)
                self.has(three, f"during/{end.__name__}", "v")
                self.put(three, f"after/{end.__name__}", "v")
                self.has(one, f"after/{end.__name__}", "v")
            self.has(three, "before", "v")
            after = {member["name"]: member["id"] for member in two.status()["nodes"]}
            self.assertEqual(before, after)

    def test_a_whole_cluster_at_other_addresses_finds_itself_again_by_its_seeds(self):
        ports = [free_port("127.0.0.1") for _ in range(3)]
        with NameServer(**{f"n{n}_test": ["127.0.0.1"] for n in range(3)}) as names:
            about = {"name": "test", "partitions": 64, "resolver": names.address,
                     "seeds": [f"n{n}.test:{ports[n]}" for n in range(3)]}
            with cluster.Cluster(0, joined=False, cluster=about, storage=DURABLE) as group:
                for port in ports:
                    group.add_node(listen={"peer_port": port}).launch()
                for node in group.nodes:
                    node.wait_ready()
                group.wait_settled()
                for number in range(50):
                    self.put(group.nodes[number % 3], f"k{number}", f"v{number}")
                for node in group.nodes:
                    node.stop()
                for number, node in enumerate(group.nodes):
                    node.move(f"127.0.0.{11 + number}")
                    node.ports = {"peer_port": ports[number]}
                    names.records[f"n{number}.test"] = [node.host]
                for node in group.nodes:
                    node.launch()
                for node in group.nodes:
                    node.wait_ready()
                group.wait_settled()
                helped = [log_lines(node, "seed: tells where the others are") for node in group.nodes]
                self.assertTrue(any(helped))
                for number in range(50):
                    self.has(group.nodes[number % 3], f"k{number}", f"v{number}")
                self.assertEqual(len(group.nodes[0].status()["nodes"]), 3)

    def test_a_link_to_a_name_follows_the_name(self):
        port = free_port("127.0.0.1")
        with NameServer(three_test=["127.0.0.1"]) as names:
            about = {"name": "test", "partitions": 64, "resolver": names.address}
            with cluster.Cluster(2, cluster=about, storage=DURABLE) as group:
                three = group.add_node(
                    listen={"peer_port": port}, advertise={"host": "three.test"}
                ).start()
                group.join(three)
                group.wait_settled()
                client_port = three.ports["client_port"]
                three.kill()
                three.move("127.0.0.4")
                three.ports = {"peer_port": port, "client_port": client_port}
                names.records["three.test"] = [three.host]
                three.start()
                group.wait_settled()
                # By its number: a node that is only just starting doesn't say its name yet.
                ids = {member["name"]: member["id"] for member in three.status()["nodes"]}
                for node in group.nodes[:2]:  # each by a link of its own
                    cluster.wait_until(
                        lambda: len(log_lines(node, "link: up", ids["node3"])) > 0,
                        "the link is up again",
                    )
                for node in group.nodes:
                    self.assertEqual(self.addresses(node)["node3"], ("three.test", client_port))


class Forwarder:
    """A port in front of another, as a router has one: use as a context manager."""

    def __init__(self, port, host="127.0.0.5"):
        self.socket = socket.create_server((host, 0))
        self.address = self.socket.getsockname()
        self.passed = 0
        self._port = port
        self._ends = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.socket.close()
        for end in self._ends:
            end.close()

    def _accept(self):
        while True:
            try:
                outside, _ = self.socket.accept()
            except OSError:
                return
            try:
                inside = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                outside.close()
                continue
            self.passed += 1
            self._ends += [outside, inside]
            for pair in ((outside, inside), (inside, outside)):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    @staticmethod
    def _copy(source, target):
        with contextlib.suppress(OSError):
            while True:
                some = source.recv(65536)
                if not some:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(some)


class Advertised(Case):
    def test_others_and_clients_are_told_the_advertised_host_and_ports(self):
        ports = {"client_port": free_port("127.0.0.1"), "peer_port": free_port("127.0.0.1")}
        with Forwarder(ports["client_port"]) as client, Forwarder(ports["peer_port"]) as peer:
            with cluster.Cluster(2) as group:
                hidden = group.add_node(
                    listen=ports,
                    advertise={"host": "127.0.0.5", "client_port": client.address[1],
                               "peer_port": peer.address[1]},
                ).start()
                group.join(hidden)
                group.wait_settled()
                self.assertGreater(peer.passed, 0)
                for node in group.nodes:
                    self.assertEqual(self.addresses(node)["node3"], client.address)
                    self.assertIn("127.0.0.5:%d" % client.address[1],
                                  node.shoal("status").out.decode())
                begun = client.passed
                figures = group.nodes[0].shoal("bench", "--requests", "2000", "--keys", "200", "--json").json()
                self.assertEqual(figures["errors"], {})
                self.assertGreater(client.passed, begun)  # straight to the owner, by what it said


def have_ipv6():
    try:
        free_port("::1")
        return True
    except OSError:
        return False


@unittest.skipUnless(have_ipv6(), "there is no IPv6 on this machine (::1 can't be bound)")
class Ipv6(Case):
    def test_a_cluster_on_the_loopback_address_needs_no_secret_and_prints_its_addresses_right(self):
        with cluster.Cluster(2, listen={"host": "::1"}, storage=DURABLE) as group:
            one, two = group.nodes
            seeds = {"name": "test", "partitions": 64, "seeds": [one.peer_address]}
            three = group.add_node(cluster=seeds).start()
            group.wait_settled()
            self.put(one, "k", "v")
            for node in group.nodes:
                self.has(node, "k", "v")
                shown = node.shoal("status").out.decode()
                for other in group.nodes:
                    self.assertIn(f"[::1]:{other.client_port}", shown)
                self.assertEqual({host for host, _ in self.addresses(node).values()}, {"::1"})
            spelt = [
                ["-H", "::1", "-p", two.client_port],
                ["-H", "[::1]", "-p", two.client_port],
                ["-H", f"[::1]:{two.client_port}"],
                ["-H", f"[::1]:{two.client_port},[::1]:{one.client_port}"],
            ]
            for flags in spelt:
                # Of several hosts each is given two seconds only.
                cluster.wait_until(lambda: cluster.shoal("get", *flags, "k", "--raw").out == b"v", f"{flags}")
            outcome = cluster.shoal("get", "k", "--raw", *cluster.PATIENTLY,
                                    environment={"SHOAL_HOSTS": f"[::1]:{three.client_port}"})
            self.assertEqual((outcome.status, outcome.out), (0, b"v"), outcome)
            figures = one.shoal("bench", "--requests", "1000", "--keys", "200", "--json").json()
            self.assertEqual(figures["errors"], {})
            two.kill()
            self.put(one, "k", "w")
            two.start()
            group.wait_settled()
            self.has(two, "k", "w")

    def test_both_kinds_of_addresses_in_one_cluster(self):
        with tempfile.NamedTemporaryFile("w", suffix=".secret") as secret:
            secret.write("0123456789abcdef" * 2)
            secret.flush()
            about = {"name": "test", "partitions": 64, "secret_file": secret.name}
            with cluster.Cluster(1, cluster=about) as group:
                group.add_node(listen={"host": "::1"}).start()
                group.add_node(listen={"host": "::"}, advertise={"host": "127.0.0.1"}).start()
                group.nodes[2].host = "::1"  # it listens there, too
                for node in group.nodes[1:]:
                    group.join(node)
                group.wait_settled()
                hosts = {name: host for name, (host, _) in self.addresses(group.nodes[0]).items()}
                self.assertEqual(hosts, {"node1": "127.0.0.1", "node2": "::1", "node3": "127.0.0.1"})
                for number, node in enumerate(group.nodes):
                    self.put(node, f"k{number}", "v")
                    self.has(group.nodes[number - 1], f"k{number}", "v")


if __name__ == "__main__":
    cluster.main()
