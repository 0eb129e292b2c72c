"""What main.py is asked for is done or refused, and its status says which; whoever judges a saved run hears of
everything that was wrong with it; and no report of an earlier run is taken for that of this one."""
import contextlib
import io
import os
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import enclosure  # noqa: E402
import main  # noqa: E402
import record  # noqa: E402
import scenario  # noqa: E402
from nodes import cluster  # noqa: E402

TEXT = "about Trial\nwork set\nat 1s pause any for 1s\n"


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def path(self, name):
        return os.path.join(self.folder, name)

    def call(self, *arguments):
        """(status, what was said)"""
        with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
            try:
                status = main.main(list(arguments))
            except SystemExit as end:
                status = end.code
        return status, said.getvalue()


class Judging(Case):
    @staticmethod
    def story(**about):
        return record.Record({"scenario": "trial", "text": TEXT, "facts": {"n": 3, "r": 2, "w": 2}, **about})

    def judge(self, **about):
        self.story(**about).save(self.path(main.HISTORY))
        return self.call("--judge", self.path(main.HISTORY))

    def test_what_was_right_is_right_again_and_drawn(self):
        status, said = self.judge()
        self.assertEqual((status, "trial: passed" in said), (main.PASSED, True))
        self.assertTrue(os.path.exists(self.path("history.html")))

    def test_a_run_that_fell_has_not_passed(self):
        status, said = self.judge(fallen="owners are not identical")
        self.assertEqual((status, "owners are not identical" in said), (main.FAILED, True))

    def test_a_node_that_did_wrong_is_told_again(self):
        status, said = self.judge(node_problems=["node2 ended by itself"])
        self.assertEqual((status, "node2 ended by itself" in said), (main.FAILED, True))

    def test_what_can_not_have_been_is_no_right_history(self):
        def backwards(op, _):
            op.start, op.end = op.end + 1, op.start

        def with_the_number_of_another(op, other):
            op.number = other.number

        def begun_before_the_one_before_was_answered(op, other):
            op.start = (other.start + other.end) / 2

        def answered_without_an_end(op, _):
            op.end = float("inf")

        def as_it_was(op, _):
            pass

        for change in (backwards, with_the_number_of_another, begun_before_the_one_before_was_answered,
                       answered_without_an_end, as_it_was):
            with self.subTest(change.__name__):
                story = self.story()
                for _ in range(3):
                    story.begin("set", 1, "node1", "put", "set/1", on=None).conclude(record.OK, owners=2, fallbacks=0)
                _, other, op = story.ops
                change(op, other)
                story.save(self.path(main.HISTORY))
                status, said = self.call("--judge", self.path(main.HISTORY))
                passes = change is as_it_was
                self.assertEqual((status, "record: impossible" in said),
                                 (main.PASSED if passes else main.FAILED, not passes), said)

    def test_what_is_no_history_is_refused(self):
        with open(self.path("empty"), "w", encoding="utf-8"):
            pass
        story = self.story()
        story.begin("set", 1, "node1", "put", "set/1", on=None).conclude("perhaps")
        story.save(self.path("odd"))
        for path in (self.path("empty"), self.path("none"), self.path("odd"), self.folder):
            with self.subTest(path), self.assertRaises(record.NoHistory):
                self.call("--judge", path)


class Asking(Case):
    def test_what_makes_no_sense_is_refused(self):
        for arguments in ((), ("--judge",), ("--times", "0", "islands"), ("--jobs", "0", "islands"),
                          ("--seed", "x", "islands"), ("--engine", "sled", "islands")):
            with self.subTest(arguments):
                self.assertEqual(self.call(*arguments)[0], 2)

    def test_what_is_everything_stands_alone(self):
        for names in (("all", "islands"), ("islands", "short"), ("soak", "all")):
            with self.subTest(names), self.assertRaisesRegex(scenario.Refused, "stands alone"):
                self.call(*names)

    def test_a_name_says_which_of_all_is_meant(self):
        everything = [*scenario.names(), *main.stories(), main.RANDOM, *main.ALONE]
        self.assertEqual(sorted(set(everything)), sorted(everything))

    def test_of_the_short_ones_the_longest_are_begun_first_and_several_at_once(self):
        options = main.options_of([main.SHORT])
        self.assertGreater(options.jobs, len(os.sched_getaffinity(0)))
        self.assertEqual(main.options_of(["islands"]).jobs, 1)
        names = [name for name, _ in main.plan_of(options)]
        self.assertEqual(sorted(names[:len(main.LONGEST)]), sorted(main.LONGEST))
        self.assertEqual(sorted(names), sorted([*main.stories(), *scenario.names(short=True)]))

    def test_all_names_are_listed(self):
        status, said = self.call("--list")
        self.assertEqual(status, main.PASSED)
        for name in (*scenario.names(), *main.stories()):
            self.assertRegex(said, rf"(?m)^ *{name}\b")
        self.assertRegex(said, r"(?m)^\* flip N TARGET")  # done in an instant
        self.assertRegex(said, r"(?m)^  kill TARGET")


class Reports(Case):
    def test_an_earlier_report_is_forgotten_and_nothing_else(self):
        for name in (main.PAGE, main.SUMMARY, main.HISTORY, "node1.log", "mine.txt"):
            with open(self.path(name), "w", encoding="utf-8"):
                pass
        main.forget_report(self.folder)
        self.assertEqual(os.listdir(self.folder), ["mine.txt"])
        main.forget_report(None)  # as of a story
        main.forget_report(self.path("none"))


class Folders(Case):
    def setUp(self):
        super().setUp()
        self.enterContext(unittest.mock.patch.object(tempfile, "tempdir", self.folder))

    def test_what_was_forsaken_is_removed_and_what_is_in_use_is_not(self):
        forsaken = self.path(f"{enclosure.PREFIX}forsaken")
        os.makedirs(os.path.join(forsaken, "node1"))
        for name in (enclosure.LOCK, "node1/data", "node1.log"):
            with open(os.path.join(forsaken, name), "w", encoding="utf-8"):
                pass
        with enclosure.place() as used:
            self.assertFalse(os.path.exists(forsaken))
            with enclosure.place():
                self.assertTrue(os.path.exists(used))
        self.assertEqual(os.listdir(self.folder), [])

    def test_who_is_killed_while_removing_leaves_the_lock(self):
        path = self.path(f"{enclosure.PREFIX}half")
        os.makedirs(path)
        for name in (enclosure.LOCK, "node1.log"):
            with open(os.path.join(path, name), "w", encoding="utf-8"):
                pass
        with unittest.mock.patch.object(os, "unlink", side_effect=MemoryError), self.assertRaises(MemoryError):
            with enclosure.place():
                pass
        self.assertIn(enclosure.LOCK, os.listdir(path))


if __name__ == "__main__":
    cluster.main()
