#!/usr/bin/python3
"""Does the disk fail as it is told, and only so? A program's own calls on it, and a real node that
stores as fast on it as a disk allows, refuses when it is full, and gives up when a sync fails. As
root with FUSE, else skipped.
"""
import contextlib
import errno
import mmap
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import clients  # noqa: E402
import disks  # noqa: E402
import nodes  # noqa: E402
import run  # noqa: E402
from disks import FaultyDisk, Wish  # noqa: E402
from nodes import cluster, wait_until  # noqa: E402

KIB = 1024
MIB = 1024 * KIB
SLOW_MAX = 3.0  # how much longer than it should, on a machine that is busy with other things


class OnADisk(unittest.TestCase):
    def setUp(self):
        with contextlib.ExitStack() as stack:
            self.folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="shoal-disk-"))
            self.disk = stack.enter_context(FaultyDisk(self.folder, "disk"))
            self.addCleanup(stack.pop_all().close)

    def path(self, name="file"):
        return os.path.join(self.disk.path, name)

    def open(self, name="file"):
        descriptor = os.open(self.path(name), os.O_RDWR | os.O_CREAT, 0o600)
        self.addCleanup(os.close, descriptor)
        return descriptor

    def fails(self, error, call, *arguments):
        with self.assertRaises(OSError) as caught:
            call(*arguments)
        self.assertEqual(errno.errorcode[caught.exception.errno], errno.errorcode[error])


class PassesOn(OnADisk):
    def test_files_are_what_they_are_elsewhere(self):
        file = self.open("a")
        self.assertEqual(os.pwrite(file, b"hello" * 1000, 10), 5000)
        self.assertEqual(os.pread(file, 7, 8), b"\0\0hello")
        os.ftruncate(file, 12)
        self.assertEqual(os.stat(self.path("a")).st_size, 12)
        os.posix_fallocate(file, 0, MIB)
        self.assertEqual(os.fstat(file).st_size, MIB)
        os.fdatasync(file)
        os.rename(self.path("a"), self.path("b"))
        os.link(self.path("b"), self.path("c"))
        os.mkdir(self.path("d"))
        self.assertEqual(sorted(os.listdir(self.disk.path)), ["b", "c", "d"])
        self.assertEqual(os.stat(self.path("c")).st_ino, os.fstat(file).st_ino)
        os.unlink(self.path("b"))
        os.unlink(self.path("c"))
        os.rmdir(self.path("d"))
        self.assertEqual(os.listdir(self.disk.path), [])
        self.assertEqual(os.pread(file, 2, 10), b"he", "an open file stays")

    def test_many_names_are_all_listed(self):
        wanted = [f"{number:0100}" for number in range(500)]
        for name in wanted:
            os.close(self.open_once(name))
        self.assertEqual(sorted(os.listdir(self.disk.path)), wanted)

    def open_once(self, name):
        return os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def test_a_name_is_created_once(self):
        os.close(self.open_once("a"))
        self.fails(errno.EEXIST, self.open_once, "a")

    def test_a_mapped_file_is_the_file(self):
        file = self.open()
        os.posix_fallocate(file, 0, 64 * KIB)
        with mmap.mmap(file, 64 * KIB) as memory:
            memory[5:10] = b"hello"
            self.assertEqual(os.pread(file, 5, 5), b"hello")
            os.fdatasync(file)
            os.pwrite(file, b"j", 5)
            self.assertEqual(memory[5:10], b"jello")

    def test_a_file_with_the_number_of_one_that_is_gone_is_another(self):
        seen = set()
        for _ in range(50):
            os.close(self.open_once("a"))
            seen.add(os.stat(self.path("a")).st_ino)
            os.unlink(self.path("a"))
        self.assertEqual(len(seen), 50)

    def test_many_threads_at_once(self):
        def work(number):
            file = os.open(self.path(f"file{number}"), os.O_RDWR | os.O_CREAT, 0o600)
            for block in range(200):
                os.pwrite(file, bytes([number]) * 4096, block * 4096)
                if block % 20 == 0:
                    os.fdatasync(file)
            self.assertEqual(os.pread(file, 200 * 4096, 0), bytes([number]) * 200 * 4096)
            os.close(file)
            done.append(number)

        done = []
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(done), list(range(8)))


class Fails(OnADisk):
    def test_a_full_disk_gives_what_was_reserved_and_nothing_more(self):
        file = self.open()
        os.posix_fallocate(file, 0, MIB)
        self.disk.want(self, Wish(full=True))
        self.assertEqual(os.pwrite(file, b"x" * MIB, 0), MIB)
        self.fails(errno.ENOSPC, os.pwrite, file, b"x", MIB)
        self.fails(errno.ENOSPC, os.posix_fallocate, file, 0, 2 * MIB)
        self.assertEqual(os.statvfs(self.disk.path).f_bavail, 0)
        other = self.open("other")
        self.fails(errno.ENOSPC, os.write, other, b"x")
        self.disk.unwant(self)
        self.assertEqual(os.write(other, b"x"), 1)
        self.assertGreater(os.statvfs(self.disk.path).f_bavail, 0)

    def test_what_is_freed_on_a_full_disk_can_be_used(self):
        file = self.open()
        os.write(file, b"x" * MIB)
        os.close(os.open(self.path("old"), os.O_WRONLY | os.O_CREAT))
        with open(self.path("old"), "wb") as old:
            old.write(b"x" * MIB)
        self.disk.want(self, Wish(full=True))
        os.unlink(self.path("old"))
        self.assertEqual(os.pwrite(file, b"x" * MIB, MIB), MIB)
        self.fails(errno.ENOSPC, os.pwrite, file, b"x" * KIB, 2 * MIB)
        os.ftruncate(file, MIB)
        self.assertEqual(os.pwrite(file, b"x" * MIB, MIB), MIB)

    def test_a_share_of_writes_fails(self):
        file = self.open()
        self.disk.want(self, Wish(writes=0.3))
        failed = self.failures(1000, lambda number: os.pwrite(file, b"x", number))
        self.assertTrue(200 < failed < 400, failed)
        self.assertEqual(self.failures(100, lambda _: self.read_cold(file)), 0)

    def test_a_share_of_reads_fails(self):
        file = self.open()
        os.write(file, b"x" * 4096)
        os.fsync(file)
        self.disk.want(self, Wish(reads=0.3))
        failed = self.failures(500, lambda _: self.read_cold(file))
        # The kernel asks for more than was wanted, and when that fails for this once more.
        self.assertTrue(15 < failed < 210, failed)
        self.assertGreater(self.disk.counts()["failed"], 90)
        self.assertEqual(self.failures(100, lambda _: os.pwrite(file, b"x", 0)), 0)

    def test_only_files_of_a_suffix_fail(self):
        good, bad, renamed = self.open("a.good"), self.open("a.bad"), self.open("b.good")
        os.rename(self.path("b.good"), self.path("b.bad"))
        self.disk.want(self, Wish(writes=1.0, suffix=".bad"))
        self.assertEqual(self.failures(10, lambda _: os.write(good, b"x")), 0)
        self.assertEqual(self.failures(10, lambda _: os.write(bad, b"x")), 10)
        self.assertEqual(self.failures(10, lambda _: os.write(renamed, b"x")), 10)

    def test_syncs_fail_until_told_otherwise_or_once(self):
        file = self.open()
        folder = os.open(self.disk.path, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        self.disk.want(self, Wish(syncs_fail=True))
        for sync in (os.fsync, os.fdatasync):
            os.write(file, b"x")
            self.fails(errno.EIO, sync, file)
        self.fails(errno.EIO, os.fsync, folder)
        self.disk.unwant(self)
        os.fsync(file)
        self.disk.fail_next_sync()
        self.fails(errno.EIO, os.fsync, file)
        os.fsync(file)

    def test_wishes_of_several_come_together(self):
        file = self.open()
        self.disk.want("one", Wish(syncs_fail=True))
        self.disk.want("other", Wish(syncs_fail=True, full=True))
        self.disk.unwant("one")
        self.fails(errno.EIO, os.fsync, file)
        self.fails(errno.ENOSPC, os.write, file, b"x")
        self.disk.unwant("other")
        self.assertFalse(self.disk.troubled)
        os.write(file, b"x")
        os.fsync(file)

    @staticmethod
    def read_cold(file):
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.pread(file, 10, 0)

    @staticmethod
    def failures(count, call):
        failed = 0
        for number in range(count):
            try:
                call(number)
            except OSError as error:
                assert error.errno == errno.EIO, error
                failed += 1
        return failed


class Slow(OnADisk):
    def took(self, call):
        begun = time.monotonic()
        call()
        return time.monotonic() - begun

    def sometimes(self, measure, what):
        """A busy machine is late now and then; a disk that is slower than wished always is."""
        wait_until(measure, f"{what}, once")

    def test_what_is_written_is_paid_for_by_the_sync(self):
        file = self.open()
        self.disk.want(self, Wish(rate=MIB / 2))

        def paid():
            begun = time.monotonic()
            written_s = self.took(lambda: os.pwrite(file, b"x" * MIB, 0))
            os.fsync(file)
            both_s = time.monotonic() - begun
            self.assertGreater(both_s, 1.9)
            again_s = self.took(lambda: os.fsync(file))
            return written_s < 1 and both_s < 2 * SLOW_MAX and again_s < 1.5

        self.sometimes(paid, "the sync takes what the write was to, and the next one nothing")

    def test_what_is_written_without_end_is_held_up(self):
        file = self.open()
        self.disk.want(self, Wish(rate=16 * MIB))

        def held_up():
            took_s = self.took(lambda: [os.pwrite(file, b"x" * MIB, 0) for _ in range(24)])
            self.assertGreater(took_s, 0.9)
            return took_s < 2 * SLOW_MAX

        self.sometimes(held_up, "24 MiB take as long as they should")

    def test_reads_take_their_time_and_a_sync_its_latency(self):
        file = self.open()
        os.write(file, b"x" * MIB)
        os.fsync(file)
        self.disk.want(self, Wish(rate=2 * MIB, latency_ms=600))

        def read():
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            took_s = self.took(lambda: os.pread(file, MIB, 0))
            self.assertGreater(took_s, 0.4)
            return took_s < SLOW_MAX

        def synced():
            took_s = self.took(lambda: os.fsync(file))
            self.assertGreaterEqual(took_s, 0.6)
            return took_s < 0.6 * SLOW_MAX

        self.sometimes(read, "a read takes as long as it should")
        self.sometimes(synced, "a sync takes as long as it should")
        self.disk.unwant(self)
        self.sometimes(lambda: self.took(lambda: os.fsync(file)) < 0.5, "it is as fast as before")


class PowerCut(OnADisk):
    def put(self, content, name="file", sync=True):
        """A whole file and, with `sync`, its name, durable."""
        with open(self.path(name), "wb") as file:
            file.write(content)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if sync:
            self.sync_folder()

    def sync_folder(self):
        folder = os.open(self.disk.path, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def change(self, call, sync=False, name="file"):
        """Something is done to the file that is there."""
        with open(self.path(name), "r+b") as file:
            call(file.fileno())
            if sync:
                os.fsync(file.fileno())

    def read(self, name="file"):
        with open(self.path(name), "rb") as file:
            return file.read()

    def map_and_write(self, file):
        with mmap.mmap(file, 0) as memory:
            memory[0:3] = b"NEW"

    def test_what_was_not_synced_is_gone(self):
        old = b"old" * 5000
        for change in (lambda file: os.pwrite(file, b"NEW", 6000),
                       lambda file: os.pwrite(file, b"NEW" * 5000, 15000),
                       lambda file: os.ftruncate(file, 10),
                       lambda file: os.posix_fallocate(file, 0, 100000),
                       lambda file: os.pwrite(file, b"NEW" * 10000, 0), self.map_and_write):
            self.put(old)
            self.change(change)
            self.assertNotEqual(self.read(), old)
            self.disk.power_cut()
            self.assertEqual(self.read(), old)

    def test_what_was_synced_stays(self):
        self.put(b"old" * 5000)
        self.change(lambda file: os.pwrite(file, b"NEW" * 5000, 100), sync=True)
        self.change(self.map_and_write, sync=True)
        new = self.read()
        self.change(lambda file: os.ftruncate(file, 10000), sync=True)
        self.change(lambda file: os.pwrite(file, b"newer", 50))
        self.disk.power_cut()
        self.assertEqual(self.read(), new[:10000])
        self.disk.power_cut()
        self.assertEqual(self.read(), new[:10000])

    def test_names_are_durable_by_their_folder(self):
        self.put(b"a", "a")
        self.put(b"b", "b")
        self.put(b"c", "c")
        os.mkdir(self.path("folder"))
        self.put(b"d", "d", sync=False)
        os.rename(self.path("a"), self.path("folder/a"))
        os.rename(self.path("b"), self.path("c"))
        os.unlink(self.path("c"))
        self.assertEqual(sorted(os.listdir(self.disk.path)), ["d", "folder"])
        self.disk.power_cut()
        self.assertEqual(sorted(os.listdir(self.disk.path)), ["a", "b", "c"])
        self.assertEqual([self.read(name) for name in "abc"], [b"a", b"b", b"c"])
        os.rename(self.path("b"), self.path("c"))
        os.unlink(self.path("a"))
        self.sync_folder()
        self.disk.power_cut()
        self.assertEqual([os.listdir(self.disk.path), self.read("c")], [["c"], b"b"])

    def test_a_file_whose_name_alone_is_durable_is_empty(self):
        self.put(b"x" * 5000, sync=False)
        self.sync_folder()
        self.disk.power_cut()
        self.assertEqual(self.read(), b"")

    def test_a_folder_is_removed_only_when_it_is_empty(self):
        os.mkdir(self.path("folder"))
        self.put(b"x", "folder/x")
        self.fails(errno.ENOTEMPTY, os.rmdir, self.path("folder"))
        os.unlink(self.path("folder/x"))
        os.rmdir(self.path("folder"))
        self.disk.power_cut()
        self.assertEqual(self.read("folder/x"), b"x")

    def test_what_a_sync_failed_for_is_lost_until_it_is_written_again(self):
        old = b"o" * 3 * 4096
        self.put(old)

        def fail(file):
            os.pwrite(file, b"1" * len(old) * 2, 0)
            self.disk.fail_next_sync()
            self.fails(errno.EIO, os.fsync, file)
            os.pwrite(file, b"2" * 4096, 4096)
            os.fsync(file)

        self.change(fail)
        self.disk.power_cut()
        self.assertEqual(self.read(), old[:4096] + b"2" * 4096 + old[8192:] + b"\0" * len(old))

    def test_a_torn_one_leaves_some_pages(self):
        self.put(b"o" * 100 * 4096)
        self.change(lambda file: os.pwrite(file, b"N" * 100 * 4096, 0))
        self.disk.power_cut(torn=True)
        content = self.read()
        pages = [content[place:place + 4096] for place in range(0, len(content), 4096)]
        new = pages.count(b"N" * 4096)
        self.assertEqual(new + pages.count(b"o" * 4096), 100)
        self.assertTrue(20 < new < 80, new)

    def test_memory_is_given_back(self):
        """Of what was synced, and of what is gone."""
        for number in range(50):
            self.put(b"x" * MIB, str(number))
            os.unlink(self.path(str(number)))
        self.sync_folder()
        self.assertEqual(os.listdir(os.path.join(self.folder, "disk.disk", "gone")), [])


class Ends(unittest.TestCase):
    def test_nothing_is_left_though_a_file_is_open(self):
        with tempfile.TemporaryDirectory(prefix="shoal-disk-") as folder:
            with FaultyDisk(folder, "disk") as disk:
                file = os.open(os.path.join(disk.path, "file"), os.O_RDWR | os.O_CREAT)
            self.assertFalse(os.path.ismount(disk.path))
            with self.assertRaises(OSError):
                os.write(file, b"x")
            with self.assertRaises(OSError):
                os.close(file)

    def test_it_ends_with_who_made_it(self):
        """Also when that is killed."""
        code = "import sys, time\nsys.path.insert(0, sys.argv[1])\nimport disks\n" \
               "with disks.FaultyDisk(sys.argv[2], 'disk') as disk:\n" \
               "    print(disk.path, flush=True)\n    time.sleep(600)"
        with tempfile.TemporaryDirectory(prefix="shoal-disk-") as folder:
            with subprocess.Popen([sys.executable, "-c", code, HERE, folder],
                                  stdout=subprocess.PIPE, text=True) as maker:
                path = maker.stdout.readline().strip()
                self.assertTrue(os.path.ismount(path))
                maker.kill()
            wait_until(lambda: not os.path.ismount(path), "it is unmounted")


class UnderANode(OnADisk):
    """A node alone, its data on the disk."""

    WRITES_A_SECOND = 500  # many thousand where nothing else runs and nothing is instrumented
    VALUE_BYTES = 100 * KIB

    def setUp(self):
        super().setUp()
        self.history = run.History()
        self.rounds = 0
        group = nodes.group(1, "log", data_dir=self.disk.path)
        (self.node,) = group.__enter__().nodes
        self.addCleanup(group.__exit__, None, None, None)

    def codes(self, size, count=4):
        """Of so many puts of new keys at once."""
        self.rounds += 1
        return set(clients.put_round(self.node, self.history, b"own/%d" % self.rounds,
                                     [os.urandom(size)] * count))

    def test_it_stores_durably_as_fast_as_a_disk(self):
        before = self.disk.counts()["syncs"]
        said = self.node.shoal("bench", "--json", "--mix", "1:0", "--duration", "2s",
                               "--keys", "1000")
        self.assertEqual(said.status, 0, said)
        self.assertGreater(said.json()["puts"]["per_second"], self.WRITES_A_SECOND, said)
        self.assertGreater(self.disk.counts()["syncs"] - before, 100)

    def test_it_refuses_when_it_is_full_and_goes_on_when_it_is_not(self):
        self.assertEqual(self.codes(self.VALUE_BYTES), {0})
        self.disk.want(self, Wish(full=True))
        wait_until(lambda: self.codes(self.VALUE_BYTES) == {clients.ENOSPC}, "it is full")
        nodes.wait_health(self.node, nodes.FULL)
        self.assertTrue(run.judge(self.node, self.history).good)
        self.disk.unwant(self)
        wait_until(lambda: self.codes(self.VALUE_BYTES) == {0}, "it takes writes again")
        nodes.wait_health(self.node, nodes.OK)

    def test_it_confirms_nothing_after_a_failed_sync_until_it_is_restarted(self):
        self.assertEqual(self.codes(100), {0})
        self.disk.fail_next_sync()
        nodes.wait_health(self.node, nodes.FAILED, lambda: self.codes(100))
        self.assertNotIn(0, self.codes(100))
        self.node.kill()
        self.node.start()
        self.assertEqual(self.codes(100), {0})
        self.assertTrue(run.judge(self.node, self.history).good)

    def test_pages_of_the_feed_that_it_cant_give_back_end_no_node(self):
        self.assertEqual(self.codes(100), {0})
        feed = os.path.join(self.node.data_dir, "feed")
        files = [os.path.join(feed, name) for name in os.listdir(feed)]
        self.disk.want(self, Wish(reads=1, suffix=".tail"))
        for file in files:  # the pages are dropped, so that touching one has it read
            size = os.path.getsize(file)
            os.truncate(file, 0)
            os.truncate(file, size)
        self.assertEqual(self.codes(100, 64), {0})
        self.disk.unwant(self)
        self.assertIsNone(self.node.process.poll())
        self.assertIn("pages of a file in use are gone", self.node.log_tail(10000))
        self.assertEqual(self.node.stop(), 0)
        self.node.start()
        self.assertEqual(self.codes(100), {0})
        self.assertTrue(run.judge(self.node, self.history).good)


if __name__ == "__main__":
    REASON = disks.lacking()
    if REASON is not None:
        print(f"disks that fail can't be had here: {REASON}: skipped")
        sys.exit(run.CANT)
    run.find_programs()
    cluster.main()
