#!/usr/bin/python3
"""Durable storage with real processes: what was confirmed is there after kill -9 and after clean stops,
who a holding is survives the latter alone, what doesn't fit is refused with the right words, backups
come back as backups, and damage is found. SHOAL_TEST_ENGINE (log, lsm) says of which engine."""
import contextlib
import ctypes
import ctypes.util
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import protocol as p  # noqa: E402

ENGINE = os.environ.get("SHOAL_TEST_ENGINE", "log")
# What a context grows by for one more actor: 9 to 18 bytes (docs/protocol.md), in base64.
ACTOR_CHARACTERS, ACTOR_CHARACTERS_MAX = 12, 24
DURABLE = {"storage": {"engine": ENGINE, "durability": "sync"}}
ALONE = {**DURABLE, "quorum": {"n": 1, "r": 1, "w": 1}}


def run_server(*arguments):
    """The server's tools."""
    return subprocess.run(
        [os.environ["SHOAL_SERVER"], *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=cluster.plain_environment(),
        timeout=cluster.DEADLINE_S,
        check=False,
    )


def value_of(number, size=100):
    return random.Random(number).randbytes(size)


def fill(node, first, count, size=100):
    """Puts so many keys, pipelined; all must be confirmed."""
    with p.Connection(node.client_port) as connection:
        for start in range(first, first + count, 200):
            numbers = range(start, min(start + 200, first + count))
            connection.send(*(p.put(n + 1, b"key-%d" % n, value_of(n, size)) for n in numbers))
            for _ in numbers:
                answer = connection.receive()
                assert answer[2] == 0, answer


def missing(node, numbers, size=100):
    """Those of the keys that are not there with their value."""
    lost = []
    with p.Connection(node.client_port) as connection:
        numbers = list(numbers)
        for start in range(0, len(numbers), 200):
            some = numbers[start:start + 200]
            connection.send(*(p.get(n + 1, b"key-%d" % n) for n in some))
            for _ in some:
                answer = connection.receive()
                values = [value for value, _ in answer[5]] if answer[2] == 0 else []
                if values != [value_of(answer[1] - 1, size)]:
                    lost.append(answer[1] - 1)
    return lost


def xxh3(data):
    """In hex, by the library that the server uses."""
    library = ctypes.CDLL(ctypes.util.find_library("xxhash"))
    library.XXH3_64bits.restype = ctypes.c_uint64
    library.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return f"{library.XXH3_64bits(data, len(data)):016x}"


def files_below(folder):
    """Every file's content by its name."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            full = os.path.join(path, name)
            with open(full, "rb") as file:
                found[os.path.relpath(full, folder)] = file.read()
    return found


class Case(unittest.TestCase):
    def good(self, node, *arguments):
        outcome = node.shoal(*arguments)
        self.assertEqual(outcome.status, 0, outcome)
        return outcome

    def context(self, node, key):
        return self.good(node, "get", key, "--json").json()["context"]

    def refused(self, node, *parts):
        """The node doesn't start, and its log says why."""
        before = len(node.log_tail(10000))
        node.launch()
        self.assertEqual(node.process.wait(cluster.DEADLINE_S), 1)
        node.process = None
        said = node.log_tail(10000)[before:]
        for part in parts:
            self.assertIn(part, said)

    def ended_well(self, tool):
        """It has no more to say than how far it has come, if it takes a while."""
        self.assertEqual(tool.returncode, 0, tool)
        for line in tool.stderr.splitlines():
            self.assertRegex(line, "^[^ ]+ info ", tool)

    def end_well(self, node):
        self.assertEqual(node.stop(), 0, node.log_tail())


class Alone(Case):
    def test_everything_confirmed_is_there_after_kill_9(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            for turn in range(4):
                fill(node, turn * 1000, 1000)
                self.good(node, "delete", f"key-{turn}")
                node.kill()
                node.start()
                for number in range(turn + 1):
                    self.assertEqual(node.shoal("get", f"key-{number}").status, 1)
                self.assertEqual(missing(node, range(turn + 1, (turn + 1) * 1000)), [])

    def test_killed_in_the_middle_of_writes(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            confirmed = []
            with p.Connection(node.client_port) as connection:
                connection.send(*(p.put(n + 1, b"key-%d" % n, value_of(n)) for n in range(20000)))
                while (answer := connection.receive()) is not None:
                    self.assertEqual(answer[2], 0)
                    confirmed.append(answer[1] - 1)
                    if len(confirmed) == 5000:
                        node.kill()
            self.assertGreaterEqual(len(confirmed), 5000)
            node.start()
            self.assertEqual(missing(node, confirmed), [])

    def test_a_clean_stop_goes_on_with_the_same_actors_and_a_kill_does_not(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            self.good(node, "put", "k", "0")
            first = len(self.context(node, "k"))
            for turn in range(3):
                context = self.context(node, "k")
                self.end_well(node)
                node.start()
                self.assertIn("a clean stop", node.log_tail())
                self.good(node, "put", "k", str(turn), "-c", context)
                self.assertLess(len(self.context(node, "k")), first + ACTOR_CHARACTERS)
            context = self.context(node, "k")
            node.kill()
            node.start()
            self.good(node, "put", "k", "new", "-c", context)
            got = self.good(node, "get", "k", "--json").json()
            self.assertEqual([value["value"] for value in got["values"]], ["new"])
            self.assertGreaterEqual(len(got["context"]), first + ACTOR_CHARACTERS)

    def test_a_start_that_fails_does_not_spoil_the_clean_stop_before_it(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            self.good(node, "put", "k", "0")
            first = len(self.context(node, "k"))
            self.end_well(node)
            taken = p.socket.create_server(("127.0.0.1", int(node.client_port)))
            with taken:
                self.refused(node, "in use")
            node.start()
            self.good(node, "put", "k", "1")
            self.assertLess(len(self.context(node, "k")), first + ACTOR_CHARACTERS)

    def test_the_number_of_workers_may_change(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            fill(node, 0, 2000)
            for workers, how in ((1, "stop"), (4, "kill"), (3, "stop"), (2, "kill")):
                node.settings = {**node.settings, "workers": workers}
                if how == "stop":
                    self.end_well(node)
                else:
                    node.kill()
                node.start()
                self.assertEqual(missing(node, range(2000)), [])
                fill(node, 0, 200)

    def test_what_is_deleted_stays_deleted_and_counts_stay_true(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            fill(node, 0, 500)
            for number in range(0, 500, 5):
                self.good(node, "delete", f"key-{number}")
            node.kill()
            node.start()
            left = [n for n in range(500) if n % 5 != 0]
            self.assertEqual(missing(node, left), [])
            listed = self.good(node, "list").out.splitlines()
            self.assertEqual(sorted(listed), sorted(b"key-%d" % n for n in left))

    def test_status_says_how_the_storage_is(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            self.assertEqual(node.status()["nodes"][0]["storage"], "ok")
            self.assertIn(b"STORAGE", self.good(node, "status").out)


class Refusals(Case):
    def test_data_of_another_engine(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            self.good(node, "put", "k", "v")
            self.end_well(node)
            node.settings = {**node.settings, "storage": {"engine": "memory"}}
            self.refused(node, f"holds data of engine '{ENGINE}', config says 'memory'")
            node.settings = {**node.settings, **DURABLE}
            node.start()
            self.assertEqual(self.good(node, "get", "k", "--raw").out, b"v")

    def test_memory_may_become_durable(self):
        settings = {**ALONE, "storage": {"engine": "memory"}}
        with cluster.Cluster(1, **settings) as nodes:
            node = nodes.nodes[0]
            self.good(node, "put", "k", "v")
            self.end_well(node)
            node.settings = {**node.settings, **DURABLE}
            node.start()
            self.assertEqual(node.shoal("get", "k").status, 1)
            self.good(node, "put", "k", "v2")
            node.kill()
            node.start()
            self.assertEqual(self.good(node, "get", "k", "--raw").out, b"v2")

    def test_another_number_of_partitions(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            self.end_well(node)
            node.settings = {**node.settings, "cluster": {"name": "test", "partitions": 128}}
            self.refused(node, "128")

    def test_a_newer_format_and_a_damaged_or_missing_description(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            self.good(node, "put", "k", "v")
            self.end_well(node)
            path = os.path.join(node.data_dir, "storage.json")
            with open(path, "rb") as file:
                whole = file.read()
            with open(path, "wb") as file:
                file.write(whole.replace(b'"behind": false', b'"behind": true'))
            self.refused(node, "storage.json can't be used: it is damaged")
            # As a later version would write it: a format beyond ours under its checksum.
            newer = json.loads(whole)
            newer["format"] = 99
            del newer["checksum"]
            text = json.dumps(newer, sort_keys=True, separators=(",", ":"))
            newer["checksum"] = xxh3(text.encode())
            with open(path, "w", encoding="utf-8") as file:
                json.dump(newer, file)
            self.refused(node, "was written by a newer version of Shoal")
            os.unlink(path)
            self.refused(node, f"has data in {ENGINE}/ but no storage.json")
            with open(path, "wb") as file:
                file.write(whole)
            node.start()
            self.assertEqual(self.good(node, "get", "k", "--raw").out, b"v")

    def test_a_full_memory_says_so(self):
        settings = {
            "quorum": {"n": 1, "r": 1, "w": 1},
            "storage": {"engine": "memory"},
            "limits": {"memory_mb": 16},
        }
        with cluster.Cluster(1, **settings) as nodes:
            node = nodes.nodes[0]
            outcome = None
            for number in range(100):
                outcome = node.shoal("put", f"k{number}", "-v", "-", stdin=b"x" * 1000000)
                if outcome.status != 0:
                    break
            self.assertEqual(outcome.status, 4)
            self.assertIn(b"node1: out of memory: limits.memory_mb = 16 is used up", outcome.err)
            self.assertIn(b"nothing is evicted", outcome.err)
            self.assertEqual(self.good(node, "get", "k0", "--raw").out, b"x" * 1000000)
            backup = node.shoal("backup", os.path.join(node.folder, "backup"))
            self.assertEqual(backup.status, 2)
            self.assertIn(b"memory", backup.err)


class Tools(Case):
    def test_verify_data_finds_a_flipped_byte(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            fill(node, 0, 3000, 1000)
            busy = run_server("--verify-data", node.data_dir)
            self.assertEqual(busy.returncode, 1)
            self.assertIn(f"in use by process {node.process.pid}", busy.stderr)
            self.end_well(node)
            before = files_below(node.data_dir)
            fine = run_server("--verify-data", node.data_dir)
            self.ended_well(fine)
            self.assertIn("all fine", fine.stdout)
            after = files_below(node.data_dir)
            self.assertEqual({**before, "lock": b""}, {**after, "lock": b""})
            self.flip(node, b"key-1000")
            bad = run_server("--verify-data", node.data_dir)
            self.assertEqual(bad.returncode, 8, bad)
            self.assertIn("DAMAGED", bad.stdout)
            # What is damaged is not served; the rest is.
            node.start()
            lost = missing(node, range(3000), 1000)
            if ENGINE == "log":
                self.assertIn(1000, lost)
            self.assertLess(len(lost), 1000)

    def flip(self, node, key):
        """One bit of the value behind the key; in the middle of the largest file where keys can't be
        seen."""
        folder = os.path.join(node.data_dir, ENGINE)
        if ENGINE == "lsm":
            name, content = max(files_below(folder).items(), key=lambda file: len(file[1]))
            key = content[len(content) // 2:len(content) // 2 + 40]
        for name, content in files_below(folder).items():
            at = content.find(key)
            if at >= 0:
                with open(os.path.join(folder, name), "r+b") as file:
                    file.seek(at + len(key) + 50)
                    byte = file.read(1)[0]
                    file.seek(at + len(key) + 50)
                    file.write(bytes([byte ^ 0x04]))
                return
        self.fail(f"{key} is in no file")

    def test_compact_makes_it_smaller_and_keeps_everything(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            self.good(node, "put", "k", "0")
            context = len(self.context(node, "k"))
            for _ in range(3):
                fill(node, 0, 3000, 4000)
            self.end_well(node)
            done = run_server("--compact", node.data_dir)
            self.ended_well(done)
            self.assertRegex(done.stdout, r"\d+ bytes before, \d+ after")
            size = sum(len(content) for name, content in files_below(node.data_dir).items()
                       if not name.startswith("feed" + os.sep))  # which has a bound of its own
            self.assertLess(size, 3000 * 4000 * 2)
            fine = run_server("--verify-data", node.data_dir)
            self.assertEqual(fine.returncode, 0, fine)
            node.start()
            self.assertEqual(missing(node, range(3000), 4000), [])
            self.good(node, "put", "k", "1")
            self.assertLess(len(self.context(node, "k")), context + ACTOR_CHARACTERS)

    def test_usage(self):
        for arguments in (
            ["--verify-data"],
            ["--verify-data", "/x", "--compact", "/x"],
            ["--verify-data", "/x", "--config", "/x"],
        ):
            self.assertEqual(run_server(*arguments).returncode, 2, arguments)
        self.assertEqual(run_server("--verify-data", "/nonexistent").returncode, 1)
        self.assertEqual(run_server("--compact", "/tmp").returncode, 1)
        self.assertIn("--verify-data", run_server("--help").stdout)


class Backups(Case):
    def backup(self, node, name="backup"):
        folder = os.path.join(node.folder, name)
        counts = self.good(node, "backup", folder, "--json").json()
        self.assertEqual(counts["message"], "Ok")
        self.assertEqual(counts["path"], folder)
        self.assertGreater(counts["files"], 1)
        self.assertGreater(counts["bytes"], 0)
        with open(os.path.join(folder, "backup.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        self.assertEqual(len(manifest["files"]), counts["files"])
        for listed in manifest["files"]:
            size = os.path.getsize(os.path.join(folder, listed["name"]))
            self.assertEqual(size, listed["bytes"])
        return folder

    def restore(self, node, folder):
        """A copy of the backup becomes the node's data_dir."""
        shutil.rmtree(node.data_dir)
        shutil.copytree(folder, node.data_dir)

    def test_a_backup_comes_back_as_it_was(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            fill(node, 0, 2000, 1000)
            self.good(node, "put", "k", "old")
            old = self.context(node, "k")
            folder = self.backup(node)
            fine = run_server("--verify-data", folder)
            self.assertEqual(fine.returncode, 0, fine)
            fill(node, 2000, 500, 1000)
            self.good(node, "put", "k", "newer", "-c", old)
            newer = self.context(node, "k")
            self.end_well(node)
            self.restore(node, folder)
            node.start()
            self.assertTrue(os.path.exists(os.path.join(node.data_dir, "restored.json")))
            self.assertFalse(os.path.exists(os.path.join(node.data_dir, "backup.json")))
            self.assertEqual(missing(node, range(2000), 1000), [])
            self.assertEqual(len(missing(node, range(2000, 2500), 1000)), 500)
            self.assertEqual(self.good(node, "get", "k", "--raw").out, b"old")
            # A context from after the backup names dots that this node no longer knows: what it
            # writes now must not be taken for them.
            self.good(node, "put", "k", "after")
            outcome = node.shoal("put", "k", "from the past", "-c", newer)
            self.assertEqual(outcome.status, 0, outcome)
            got = self.good(node, "get", "k", "--json").json()
            self.assertEqual(
                sorted(value["value"] for value in got["values"]), ["after", "from the past"]
            )
            # And it is an ordinary folder from now on.
            self.end_well(node)
            node.start()
            self.assertEqual(missing(node, range(2000), 1000), [])

    def test_a_copy_that_is_not_whole_is_refused_by_name(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            fill(node, 0, 500)
            folder = self.backup(node)
            self.end_well(node)
            with open(os.path.join(folder, "backup.json"), encoding="utf-8") as file:
                names = [listed["name"] for listed in json.load(file)["files"]]
            data = max(
                (name for name in names if name.startswith(ENGINE + "/")),
                key=lambda name: os.path.getsize(os.path.join(folder, name)),
            )
            self.restore(node, folder)
            path = os.path.join(node.data_dir, data)
            with open(path, "r+b") as file:
                file.seek(os.path.getsize(path) // 2)
                byte = file.read(1)[0]
                file.seek(os.path.getsize(path) // 2)
                file.write(bytes([byte ^ 1]))
            self.refused(node, f"{data} is damaged")
            bad = run_server("--verify-data", node.data_dir)
            self.assertEqual(bad.returncode, 8, bad)
            os.unlink(path)
            self.refused(node, f"{data} is missing")
            self.restore(node, folder)
            os.unlink(os.path.join(node.data_dir, "backup.json"))
            self.refused(node, "backup.json is missing")
            self.restore(node, folder)
            node.start()
            self.assertEqual(missing(node, range(500)), [])

    def test_a_start_on_the_backup_itself_leaves_the_original_alone(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            for _ in range(3):
                fill(node, 0, 3000, 2000)
            folder = self.backup(node)
            self.end_well(node)
            before = files_below(node.data_dir)
            copy = cluster.Node(node.folder, "copy", {**ALONE, "data_dir": folder})
            copy.start()
            try:
                fill(copy, 0, 3000, 2000)
                for number in range(100):
                    self.good(copy, "delete", f"key-{number}")
            finally:
                self.end_well(copy)
            run_server("--compact", folder)
            self.assertEqual(files_below(node.data_dir), before)
            fine = run_server("--verify-data", node.data_dir)
            self.assertEqual(fine.returncode, 0, fine)
            node.start()
            self.assertEqual(missing(node, range(3000), 2000), [])

    def test_folders_that_cannot_be(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            self.good(node, "put", "k", "v")
            for path, words in (
                (node.folder, b"not empty"),
                (os.path.join(node.folder, "no/such/parent"), b"parent isn't there"),
                (os.path.join(node.data_dir, "inside"), b"inside the node's data_dir"),
            ):
                outcome = node.shoal("backup", path)
                self.assertEqual(outcome.status, 2, outcome)
                self.assertIn(words, outcome.err)
            self.assertFalse(os.path.exists(os.path.join(node.data_dir, "inside")))
            empty = os.path.join(node.folder, "empty")
            os.mkdir(empty)
            self.good(node, "backup", empty)
            again = node.shoal("backup", empty)
            self.assertEqual(again.status, 2)
            self.assertEqual(run_server("--verify-data", empty).returncode, 0)

    def test_backups_while_it_is_written_to(self):
        with cluster.Cluster(1, **ALONE) as nodes:
            node = nodes.nodes[0]
            fill(node, 0, 2000, 1000)
            over = threading.Event()

            def write():
                turn = 0
                while not over.is_set():
                    fill(node, 10000 + turn * 200, 200, 1000)
                    turn += 1

            writer = threading.Thread(target=write)
            writer.start()
            try:
                folders = [self.backup(node, f"backup-{turn}") for turn in range(3)]
            finally:
                over.set()
                writer.join()
            self.end_well(node)
            for folder in folders:
                fine = run_server("--verify-data", folder)
                self.assertEqual(fine.returncode, 0, fine)
            self.restore(node, folders[1])
            node.start()
            self.assertEqual(missing(node, range(2000), 1000), [])


class Three(Case):
    def test_all_killed_in_the_middle_of_writes(self):
        with cluster.Cluster(3, **DURABLE) as nodes:
            confirmed = [[], [], []]

            def write(index, node):
                """Until the node is gone, with some hundred writes always on their way."""
                first, some = index * 100000, 250
                with p.Connection(node.client_port) as connection, contextlib.suppress(OSError):
                    for start in range(first, first + 100000, some):
                        connection.send(*(p.put(n + 1, b"key-%d" % n, value_of(n))
                                          for n in range(start, start + some)))
                        for _ in range(some if start > first else 0):
                            answer = connection.receive()
                            if answer is None:
                                return
                            if answer[2] == 0:
                                confirmed[index].append(answer[1] - 1)

            writers = [
                threading.Thread(target=write, args=(index, node))
                for index, node in enumerate(nodes.nodes)
            ]
            for writer in writers:
                writer.start()
            cluster.wait_until(lambda: min(map(len, confirmed)) > 300, "each has confirmed some")
            for node in nodes.nodes:
                node.kill()
            for writer in writers:
                writer.join()
            for node in nodes.nodes:
                node.start()
            nodes.wait_settled()
            for node, keys in zip(nodes.nodes[1:] + nodes.nodes[:1], confirmed):
                self.assertEqual(missing(node, keys), [])

    def test_clean_stops_of_all_keep_the_actors(self):
        with cluster.Cluster(3, **DURABLE) as nodes:
            fill(nodes.nodes[0], 0, 300)
            sizes = {n: len(self.context(nodes.nodes[0], f"key-{n}")) for n in range(30)}
            for _ in range(4):
                for node in nodes.nodes:
                    self.end_well(node)
                for node in nodes.nodes:
                    node.start()
                    self.assertIn("a clean stop", node.log_tail())
                nodes.wait_settled()
                fill(nodes.nodes[0], 0, 300)
            # Each of three owners may have coordinated once the first was slow; five lives of one
            # would have left five actors.
            for number, size in sizes.items():
                grown = len(self.context(nodes.nodes[0], f"key-{number}"))
                self.assertLess(grown, size + 2 * ACTOR_CHARACTERS_MAX + ACTOR_CHARACTERS)

    def test_a_node_restored_from_an_old_backup_catches_up_before_it_counts(self):
        with cluster.Cluster(3, **DURABLE) as nodes:
            one, two, three = nodes.nodes
            fill(one, 0, 500)
            folder = os.path.join(three.folder, "backup")
            self.good(three, "backup", folder)
            for number in range(50):
                self.good(one, "put", f"key-{number}", "newer")
            for number in range(50, 100):
                self.good(one, "delete", f"key-{number}")
            self.end_well(three)
            shutil.rmtree(three.data_dir)
            shutil.copytree(folder, three.data_dir)
            three.start()
            nodes.wait_settled()
            for number in range(50):
                for flags in ((), ("--r", "1")):
                    got = self.good(three, "get", f"key-{number}", "--raw", *flags)
                    self.assertEqual(got.out, b"newer", (number, flags))
            for number in range(50, 100):
                for flags in ((), ("--r", "1")):
                    self.assertEqual(three.shoal("get", f"key-{number}", *flags).status, 1)
            self.assertEqual(missing(three, range(100, 500)), [])
            # The other two alone agree with it.
            self.end_well(one)
            self.assertEqual(missing(two, range(100, 500)), [])
            one.start()


if __name__ == "__main__":
    cluster.main()
