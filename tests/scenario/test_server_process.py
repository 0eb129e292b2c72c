#!/usr/bin/python3
"""shoal-server as a process: its command line, its configuration and folder, its signals, and a peer
that falls silent without closing anything."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import protocol as p  # noqa: E402

ALONE = {"quorum": {"n": 1, "r": 1, "w": 1}}


def run(*arguments, environment=None):
    return subprocess.run(
        [os.environ["SHOAL_SERVER"], *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**cluster.plain_environment(), **(environment or {})},
        timeout=cluster.DEADLINE_S,
        check=False,
    )


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="shoal-test-")
        self.addCleanup(self.folder.cleanup)

    def config(self, **sections):
        path = os.path.join(self.folder.name, "config.json")
        content = {"listen": {"client_port": 0}, "data_dir": self.folder.name + "/data", **ALONE}
        content.update(sections)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
        return path

    def test_version_and_help(self):
        self.assertRegex(run("--version").stdout, r"^shoal-server \d+\.\d+\.\d+")
        self.assertIn("--check-config", run("--help").stdout)

    def test_wrong_usage(self):
        for arguments in (["--bogus"], ["file.json"], ["--config"]):
            self.assertEqual(run(*arguments).returncode, 2, arguments)
        for flag, nearest in (("--confg", "--config"), ("--chek-config", "--check-config"),
                              ("--verison=1", "--version")):
            bad = run(flag)
            self.assertEqual(bad.returncode, 2, bad)
            self.assertIn(f"did you mean {nearest}?", bad.stderr)

    def test_check_config_opens_nothing(self):
        good = run("--config", self.config(), "--check-config")
        self.assertEqual((good.returncode, good.stderr), (0, ""))
        self.assertFalse(os.path.exists(self.folder.name + "/data"))
        self.assertEqual(run("--config-path", self.config(), "--check-config").returncode, 0)

    def test_a_bad_configuration_is_refused_before_anything_is_opened(self):
        path = self.config(storage={"engine": "log"}, node={"nam": "x"})
        bad = run("--config", path)
        self.assertEqual(bad.returncode, 2)
        self.assertIn(f'{path}:', bad.stderr)
        self.assertIn('did you mean "node.name"?', bad.stderr)
        self.assertFalse(os.path.exists(self.folder.name + "/data"))
        bad = run("--config", self.config(), environment={"SHOAL_QUORUM_W": "3"})
        self.assertEqual(bad.returncode, 2)
        self.assertIn("SHOAL_QUORUM_W", bad.stderr)

    def test_a_port_in_use_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            outcome = run("--config", self.config(listen={"client_port": port}))
        self.assertEqual(outcome.returncode, 1)
        self.assertIn(f"127.0.0.1:{port}", outcome.stderr)
        self.assertIn("in use", outcome.stderr)

    def test_a_secret_file_that_is_not_there_is_named(self):
        path = self.config(cluster={"secret_file": "/nonexistent/secret"})
        outcome = run("--config", path)
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("/nonexistent/secret", outcome.stderr)

    def test_check_config_reads_the_secret_file(self):
        secret = self.folder.name + "/secret"
        path = self.config(cluster={"secret_file": secret})
        with open(secret, "w", encoding="utf-8") as file:
            file.write("the new secret of it\nthe old secret of it\n")
        self.assertEqual(run("--config", path, "--check-config").returncode, 0)
        with open(secret, "a", encoding="utf-8") as file:
            file.write("\nanother one that was left there\n")
        bad = run("--config", path, "--check-config")
        self.assertEqual(bad.returncode, 2)
        self.assertIn(f"{secret}:4 ", bad.stderr)
        self.assertEqual(run("--config", path).returncode, 1)

    def test_a_damaged_record_is_refused_and_kept(self):
        os.mkdir(self.folder.name + "/data")
        record = self.folder.name + "/data/node.record"
        with open(record, "wb") as file:
            file.write(b"SHOALREC but then nothing of use")
        outcome = run("--config", self.config())
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("node.record", outcome.stderr)
        with open(record, "rb") as file:
            self.assertEqual(file.read(), b"SHOALREC but then nothing of use")


class Running(unittest.TestCase):
    def test_a_second_node_on_the_same_folder_is_refused(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            second = run("--config", node.config_path, environment={
                "SHOAL_LISTEN_CLIENT_PORT": "0", "SHOAL_LISTEN_PEER_PORT": ""})
            self.assertEqual(second.returncode, 1)
            self.assertIn(f"in use by process {node.process.pid}", second.stderr)
            self.assertEqual(node.shoal("ping").status, 0)

    def test_a_restarted_node_is_the_same_node(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            with p.Connection(node.client_port) as connection:
                before = connection.welcome[4:6]
            self.assertEqual(node.stop(), 0)
            self.assertFalse(os.path.exists(node.data_dir + "/ports.json"))
            node.start()
            with p.Connection(node.client_port) as connection:
                self.assertEqual(connection.welcome[4:6], before)
            node.kill()
            node.start()
            with p.Connection(node.client_port) as connection:
                self.assertEqual(connection.welcome[4:6], before)

    def test_sigterm_answers_what_is_in_flight(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            with p.Connection(node.client_port) as connection:
                connection.send(*(p.put(n, b"k%d" % n, b"v") for n in range(2000)))
                first = connection.receive()
                self.assertEqual(first[2], 0)
                node.process.send_signal(signal.SIGTERM)
                codes = set()
                while (answer := connection.receive()) is not None:
                    codes.add(answer[2])
                self.assertLessEqual(codes, {0, 26})
            self.assertEqual(node.process.wait(cluster.DEADLINE_S), 0)
            node.process = None

    def test_sigint_ends_it_too(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            node.process.send_signal(signal.SIGINT)
            self.assertEqual(node.process.wait(cluster.DEADLINE_S), 0)
            node.process = None

    def test_sighup_changes_what_can_change_and_names_what_cannot(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            with p.Connection(node.client_port) as connection:
                self.assertEqual(connection.ask(p.put(1, b"k" * 20, b"v"))[2], 0)
                with open(node.config_path, encoding="utf-8") as file:
                    config = json.load(file)
                config["limits"] = {"key_bytes": 10}
                config["log"] = {"level": "debug"}
                config["workers"] = 3
                with open(node.config_path, "w", encoding="utf-8") as file:
                    json.dump(config, file)
                node.process.send_signal(signal.SIGHUP)
                cluster.wait_until(lambda: "reloaded" in node.log_tail(), "it has reloaded")
                self.assertIn("need a restart", node.log_tail())
                self.assertIn("workers", node.log_tail())
                self.assertEqual(connection.ask(p.put(2, b"k" * 20, b"v"))[2], p.ETOOBIG)
                with open(node.config_path, "w", encoding="utf-8") as file:
                    file.write("{ not json")
                node.process.send_signal(signal.SIGHUP)
                cluster.wait_until(lambda: "not reloaded" in node.log_tail(), "it has refused")
                self.assertEqual(connection.ask(p.put(3, b"k", b"v"))[2], 0)

    def test_a_second_signal_ends_it_at_once(self):
        with cluster.Cluster(2) as nodes:
            one, two = nodes.nodes

            def ended_by_it():
                """Unless the machine was so slow that its patience ended first; then once more."""
                two.pause()
                before = len(one.log_tail(10000))
                with p.Connection(one.client_port) as connection:
                    options = [0, 0, -2, 0, 0, 0, 600000000]
                    connection.send(p.put(1, b"k", b"v", options=options))  # waits for the other
                    self.assertEqual(connection.ask(p.frame(p.PING, 2)), [p.PONG, 2])
                    one.process.send_signal(signal.SIGTERM)
                    cluster.wait_until(lambda: "stopping: " in one.log_tail(10000)[before:], "it is stopping")
                    one.process.send_signal(signal.SIGTERM)
                    self.assertEqual(one.process.wait(cluster.DEADLINE_S), 0)
                said = one.log_tail(10000)[before:]
                two.resume()
                self.assertIn("requests in flight are given up", said)
                one.start()
                nodes.wait_settled()
                return "a second signal" in said

            cluster.wait_until(ended_by_it, "the second signal ends it")

    def test_stopping_has_an_end_even_if_requests_have_none(self):
        with cluster.Cluster(2) as nodes:
            one, two = nodes.nodes
            two.pause()
            with p.Connection(one.client_port) as connection:
                options = [0, 0, -2, 0, 0, 0, 600000000]
                connection.send(p.put(1, b"k", b"v", options=options))
                self.assertEqual(connection.ask(p.frame(p.PING, 2)), [p.PONG, 2])
                one.process.send_signal(signal.SIGTERM)
                self.assertEqual(one.process.wait(cluster.DEADLINE_S), 0)
                one.process = None
            two.resume()


class Silence(unittest.TestCase):
    def test_a_peer_that_falls_silent_is_noticed_and_found_again(self):
        with cluster.Cluster(3) as nodes:
            one, _, three = nodes.nodes
            three.pause()
            cluster.wait_until(
                lambda: "the peer does not answer" in one.log_tail(200), "the link is given up"
            )
            with p.Connection(one.client_port) as connection:
                for number in range(100):
                    answer = connection.ask(p.put(number, b"s%d" % number, b"v"))
                    self.assertEqual(answer[2], 0, answer)
            three.resume()
            nodes.wait_settled()

    def test_nodes_of_different_clusters_refuse_each_other(self):
        with cluster.Cluster(2, joined=False) as nodes:
            one, _ = nodes.nodes
            with p.Connection(one.peer_port, greet=False) as stranger:
                answer = stranger.ask(p.hello(role=1, cluster=12345, node=678))
                self.assertEqual(answer[:3], [p.RESULT, 1, p.ECLUSTER])
                self.assertTrue(stranger.closed())
            cluster.wait_until(lambda: "peer: refused" in one.log_tail(), "it says so loudly")


if __name__ == "__main__":
    cluster.main()
