#!/usr/bin/python3
"""What a run's report says has to be so: figures of small runs that can be counted by hand, pages that show
everything that matters whatever the keys are, and very many operations in little time and space."""
import html.parser
import json
import math
import os
import random
import sys
import tempfile
import time
import unittest

import harness
import record
import scenario
from record import NOTHING, OK, TOLD, UNKNOWN, Record
from report import figures, text, timeline
from works.work import Problem, tell

HOSTILE = ["<script>window.hacked=1</script>", "</script><img src=x onerror=hacked()>", "\"'><svg onload=x>",
           "<!--", "]]>", "&lt;b&gt;", "<!--=data-->", "/*=chart*/", "\x1b[2Jclear\r\n\x00", "\u202eleft"]


class Story(Record):
    """A run whose times are given."""

    def __init__(self, **about):
        super().__init__(about)
        self.time = 0.0

    def now(self):
        return self.time

    def op(self, start, end, outcome=OK, client=1, work="set", kind="put", key="key", node="node1", why="", **given):
        self.time = start
        op = self.begin(work, client, node, kind, key, **given)
        if end is not None:
            self.time = end
            op.conclude(outcome, why)
        return op

    def fault(self, start, end, word="kill", nodes=("node1",), about="kill -9"):
        self.time = start
        trouble = self.trouble(word, nodes, about)
        trouble.end = math.inf if end is None else end
        return trouble

    def say(self, at, said):
        self.time = at
        self.note(said)


class Page(html.parser.HTMLParser):
    """What a browser makes of the page: elements, attributes, the text and the scripts."""

    VOID = {"meta", "br"}

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.attributes = []
        self.shown = ""
        self.scripts = []
        self.open = []
        self.feed(page)
        self.close()
        assert not self.open, f"not closed: {self.open}"
        (self.data,) = [json.loads(script) for kind, script in self.scripts if kind == "application/json"]

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs).get("type"), ""))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            kind, before = self.scripts[-1]
            self.scripts[-1] = (kind, before + data)
        elif self.open[-1:] != ["style"]:
            self.shown += data


class Windows(unittest.TestCase):
    def test_available_are_windows_with_a_success_of_those_in_which_something_was_wanted(self):
        story = Story()
        story.op(0.01, 0.02)
        story.op(0.11, 0.12, NOTHING)
        story.op(0.21, 0.22, UNKNOWN)
        story.op(0.23, 0.24)
        story.op(0.55, 0.56)  # in between nobody asked
        found = figures.Figures(story)
        self.assertEqual([tuple(window) for window in found.windows],
                         [(1, 0, 0, True), (0, 1, 0, True), (1, 0, 1, True), (0, 0, 0, False), (0, 0, 0, False),
                          (1, 0, 0, True)])
        self.assertEqual(found.availability(), 3 / 4)
        self.assertEqual(found.availability(0.1, 0.2), 0)
        self.assertIsNone(found.availability(0.3, 0.5))

    def test_who_waits_through_a_window_wants_it(self):
        story = Story()
        story.op(0.05, 0.45)
        found = figures.Figures(story)
        self.assertEqual([window.wanted for window in found.windows], [False, True, True, True, True])
        self.assertEqual(found.availability(), 1 / 4)

    def test_an_unanswered_request_was_waited_for_until_its_client_asked_again(self):
        story = Story()
        lost = story.op(0.05, None)
        story.op(0.02, 0.08, client=2)
        story.op(0.45, 0.46)
        found = figures.Figures(story)
        self.assertEqual(found.waited[lost.number], 0.45)
        self.assertEqual(found.windows[4], (1, 0, 1, True))
        gap = found.longest_gap()
        self.assertEqual((gap.start, gap.end), (0.08, 0.46))

    def test_a_gap_begins_when_somebody_wants_something(self):
        story = Story()
        story.op(0.0, 0.1)
        story.op(2.0, 2.1, NOTHING)
        story.op(2.2, 2.3)
        story.op(2.4, 2.5)
        gap = figures.Figures(story).longest_gap()
        self.assertAlmostEqual(gap.end - gap.start, 0.3)
        self.assertAlmostEqual(gap.start, 2.0)

    def test_a_run_that_ends_badly_has_its_gap_at_the_end(self):
        story = Story()
        story.op(0.0, 0.1)
        for start in (1.0, 2.0, 3.0):
            story.op(start, start + 0.5, NOTHING)
        gap = figures.Figures(story).longest_gap()
        self.assertEqual((gap.start, gap.end), (1.0, 3.5))

    def test_faults_are_told_from_health(self):
        story = Story()
        for tenth in range(20):
            story.op(tenth / 10 + 0.01, tenth / 10 + 0.02, NOTHING if 5 <= tenth < 8 else OK)
        story.fault(0.5, 1.0)
        found = figures.Figures(story)
        self.assertEqual(found.availability_apart(), (1.0, 2 / 5))
        self.assertEqual([found.in_trouble(op) for op in found.requests], [5 <= tenth < 10 for tenth in range(20)])

    def test_latencies_are_of_what_was_done(self):
        story = Story()
        for number in range(1, 101):
            story.op(number, number + number / 1000)
        story.op(200, 230, UNKNOWN)
        story.op(300, None)
        found = figures.latency(story.ops)
        self.assertEqual((found.count, round(found.p50, 6), round(found.p99, 6), round(found.max, 6)),
                         (100, 0.05, 0.099, 0.1))

    def test_what_is_told_unasked_is_no_request(self):
        story = Story()
        story.op(0.0, 0.0, kind=TOLD)
        self.assertEqual(figures.Figures(story).requests, [])

    def test_a_share_is_never_rounded_up(self):
        for share, said in ((1.0, "100 %"), (0.9999999, "99.999 %"), (0.5, "50 %"), (0.0, "0 %"), (None, "-")):
            self.assertEqual(figures.share_text(share), said)


class Text(unittest.TestCase):
    def story(self):
        story = Story(scenario="minority", seed=4711, command="scripts/fault --seed 4711 minority",
                      facts={"nodes": 3, "sloppy": True})
        story.op(0.1, 0.101)
        story.op(1.1, 1.2, NOTHING, work="register", why="code 21: quorum")
        story.op(1.3, None, work="register")
        story.fault(1.0, 3.0, "partition", ("node2", "node3"), "node1 | node2 node3")
        story.fault(3.5, None, "clock", (), "clock of node1 +60 s")
        story.say(4.0, "replicas equal after 3.4 s")
        return story

    def test_it_says_what_it_was_how_to_repeat_it_and_what_came_of_it(self):
        said = text.summary(self.story(), [])
        for part in ("minority: passed, 3 operations judged", "scripts/fault --seed 4711 minority", "4711",
                     "3 nodes, sloppy", "partition: node1 | node2 node3",
                     "clock of node1 +60 s", "until the end", "replicas equal after 3.4 s"):
            self.assertIn(part, said)
        (row,) = [line.split() for line in said.splitlines() if line.startswith("register")]
        self.assertEqual(row[1:5], ["2", "0", "1", "1"])
        self.assertEqual(said.splitlines()[0], said.splitlines()[-1])

    def test_problems_are_the_verdict(self):
        story = self.story()
        said = text.summary(story, [("set", Problem("lost", "set/1", repr(story.ops[0])))])
        self.assertIn("minority: FAILED, 1 problem\n", said)
        self.assertIn("  set: lost: set/1\n      #1 put key", said)

    def test_problems_that_are_alike_are_told_once_as_seen_first(self):
        story = self.story()
        problems = [("set", Problem("lost", "set/1", f"read {number}")) for number in range(3)]
        problems += [("set", Problem("lost", "set/2", "another key")), ("set", Problem("phantom", "set/1", "another rule"))]
        said = text.summary(story, problems)
        self.assertIn("minority: FAILED, 5 problems\n", said)
        self.assertIn("  set: lost: set/1 (and 2 more like it)\n      read 0\n  set: lost: set/2\n", said)
        self.assertNotIn("read 1", said)
        page = timeline.page(story, problems)
        self.assertEqual((page.count("more like it"), page.count("<pre>read "), "5 problems" in page), (1, 1, True))

    def test_a_terminal_is_sent_nothing_that_it_obeys(self):
        story = self.story()
        for key in HOSTILE:
            story.say(5.0, key)
        said = text.summary(story, [(key, Problem(key, key, key)) for key in HOSTILE])
        self.assertTrue(all(char.isprintable() or char == "\n" for char in said))

    def test_events_are_counted_apart(self):
        story = self.story()
        story.op(1.0, 1.0, kind=TOLD)
        self.assertIn("minority: passed, 3 operations and 1 event judged", text.summary(story, []))

    def test_an_empty_run_has_a_report(self):
        self.assertIn("run: passed, 0 operations judged", text.summary(Record(), []))


class Timeline(unittest.TestCase):
    def test_an_empty_run_has_a_page(self):
        page = Page(timeline.page(Record(), []))
        self.assertEqual((page.data["ops"], page.data["nodes"]), ([], []))
        self.assertIn("passed", page.shown)

    def test_it_has_everything_in_itself_and_asks_nobody(self):
        page = timeline.page(Story(scenario="x"), [])
        self.assertNotRegex(page, r"(src|href)\s*=|url\(|@import|https?://|fetch\(|<!--=|/\*=")
        self.assertIn("default-src 'none'", page)

    def test_operations_faults_notes_and_problems_are_there(self):
        story = Story(scenario="minority", command="scripts/fault --seed 1 minority")
        first = story.op(0.1, 0.2, node="node2")
        refused = story.op(0.3, 0.4, NOTHING, node="node10", why="code 21")
        lost = story.op(0.5, None, node="node1")
        story.fault(0.2, 0.9, "kill", ("node10",))
        story.fault(0.4, None, "delay", ())
        story.say(1.5, "calm")
        problems = [("set", Problem("lost", "key", f"{first!r}\n{lost!r}")),
                    ("set", Problem("nobody", "key", "no operations"))]
        page = Page(timeline.page(story, problems))
        self.assertEqual(page.data["nodes"], ["node1", "node2", "node10"])
        self.assertEqual([op[:4] for op in page.data["ops"]],
                         [[first.number, 0, 1, 0], [refused.number, 0, 2, 1], [lost.number, 0, 0, 2]])
        self.assertEqual([op[6] for op in page.data["ops"]], [1, 1, 0])
        self.assertIn("code 21", page.data["ops"][1][7])
        self.assertEqual((page.data["begin"], page.data["end"]), (0.1, 1.5))
        self.assertEqual([trouble[:4] for trouble in page.data["troubles"]],
                         [[0.2, 0.9, "kill", [2]], [0.4, None, "delay", []]])
        self.assertEqual(page.data["notes"], [[1.5, "calm"]])
        self.assertEqual(page.data["problems"],
                         [[0.5, "set: lost", "key", [first.number, lost.number]],
                          [None, "set: nobody", "key", []]])
        for shown in ("minority", "2 problems", "scripts/fault --seed 1 minority", "calm", repr(lost)):
            self.assertIn(shown, page.shown)

    def test_keys_and_texts_are_never_markup(self):
        quiet = self.hostile([f"harmless{number}" for number in range(len(HOSTILE))])
        page = self.hostile(HOSTILE)
        self.assertEqual(page.elements, quiet.elements)
        self.assertEqual(page.attributes, quiet.attributes)
        self.assertEqual(len(page.scripts), 2)
        self.assertEqual(page.scripts[1], quiet.scripts[1])
        self.assertEqual([note for _, note in page.data["notes"]], HOSTILE)
        for key in HOSTILE[:5]:
            self.assertIn(key, page.shown)

    @staticmethod
    def hostile(keys):
        story = Story(scenario=keys[0], text=f"about {keys[1]}", command=keys[2], facts={keys[3]: keys[4]},
                      fallen=keys[5])
        for number, key in enumerate(keys):
            story.op(number, number + 0.5, work=key, key=key, node=key, why=key, value=key)
            story.fault(number, number + 0.4, key, (key,), key)
            story.say(number, key)
        return Page(timeline.page(story, [(key, Problem(key, key, key)) for key in keys]))

    def test_of_very_many_operations_the_usual_are_thinned_out_and_no_others(self):
        story, chosen = Story(scenario="long"), random.Random(7)
        for number in range(50000):
            roll = chosen.random()
            story.op(number / 1000, number / 1000 + 0.0005 + (0.5 if roll > 0.999 else roll / 1000),
                     OK if roll > 0.02 else NOTHING if roll > 0.01 else UNKNOWN, client=number % 8,
                     node=f"node{number % 3}", value="x" * chosen.randrange(400))
        named = story.ops[11111]
        began = time.process_time()
        page = Page(timeline.page(story, [("set", Problem("lost", "key", repr(named)))]))
        said = text.summary(story, [])
        self.assertLess(time.process_time() - began, 20)
        self.assertLess(len(json.dumps(page.data)), 8e6)
        drawn = {op[0] for op in page.data["ops"]}
        self.assertLess(len(drawn), 20000)
        for op in story.ops:
            if op.outcome != OK or op.end - op.start > 0.1 or op is named:
                self.assertIn(op.number, drawn, op)
        self.assertIn("50000", said)
        self.assertEqual(sum(sum(window[:3]) for window in page.data["windows"]), 50000)

    def test_a_saved_run_looks_the_same(self):
        story = Story(scenario="minority", facts={"n": 3})
        story.op(0.1, 0.2)
        story.op(0.3, None)
        story.fault(0.2, None)
        story.say(0.5, "note")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "history.jsonl")
            story.save(path)
            again = record.load(path)
        self.assertEqual(timeline.page(again, []), timeline.page(story, []))
        self.assertEqual(text.summary(again, []), text.summary(story, []))

    def test_what_was_not_saved_is_refused_with_its_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "history.jsonl")
            for content, told in ((b'{"about": {}}\nhello\n', ":2: "), (b'{"op": 1}\n', ":1: .*work"),
                                  (b"[]\n", ":1: "), (b"\xff\n", "no line of a history")):
                with open(path, "wb") as file:
                    file.write(content)
                with self.subTest(content), self.assertRaisesRegex(record.NoHistory, told):
                    record.load(path)
            with self.assertRaisesRegex(record.NoHistory, "can't be read"):
                record.load(os.path.join(folder, "none"))

    def test_what_nodes_did_wrong_is_judged_again(self):
        story = Story(facts={"n": 3}, node_problems=["node2 ended by itself"])
        found = harness.judge(story, scenario.parse("trial", "work set\n"))
        self.assertEqual([(word, problem.text) for word, problem in found], [("node", "node2 ended by itself")])

    def test_a_long_operation_is_told_with_its_time_and_place(self):
        story = Story()
        op = story.op(0.1, 0.25)
        op.got = {"values": [list(range(1000))]}
        told = tell(op)
        self.assertLess(len(told), 500)
        self.assertTrue(told.startswith(f"#{op.number} ") and " ... " in told)
        self.assertIn(f"[0.100, 0.250] client {op.client} at {op.node}", told)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
