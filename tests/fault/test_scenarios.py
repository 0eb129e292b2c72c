"""Scenario files are read as written or refused with the line; schedules repeat by their seed; scenarios that are made
up are such that could have been written."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import compose  # noqa: E402
import faults  # noqa: E402
import main  # noqa: E402
import scenario  # noqa: E402
import schedule  # noqa: E402
import words  # noqa: E402
import works  # noqa: E402
from nodes import cluster  # noqa: E402

WORK = "work set\n"


def parse(text):
    return scenario.parse("trial", text)


class Language(unittest.TestCase):
    def test_every_file_is_read(self):
        self.assertTrue(scenario.names())
        for name in scenario.names():
            found = scenario.load(name)
            self.assertTrue(found.about, f"{name} says nothing about itself")
            self.assertTrue(schedule.draw(found, 1), f"in {name} nothing goes wrong")

    def test_a_cluster_is_as_it_says_and_usual_where_it_does_not(self):
        facts = parse(f"cluster 5 nodes, n 5, r 3, w 4, lsm, os, strict, 64 partitions, 1 worker\n{WORK}").facts
        self.assertEqual(facts, {"nodes": 5, "n": 5, "r": 3, "w": 4, "sloppy": False, "engine": "lsm",
                                 "durability": "os", "partitions": 64, "workers": 1})
        usual = parse(WORK).facts
        self.assertEqual((usual["nodes"], usual["n"], usual["r"], usual["w"]), (3, 3, 2, 2))

    def test_one_node_is_standalone(self):
        facts = parse("cluster 1 node\nwork bank\n").facts
        self.assertEqual((facts["n"], facts["r"], facts["w"]), (1, 1, 1))

    def test_a_workload_has_as_many_clients_as_it_says(self):
        (_, five), (_, usual) = parse("work set 5 clients, counter\n").make_works()
        self.assertEqual(five, 5)
        self.assertEqual(usual, works.KINDS["counter"].clients)

    def test_an_act_has_a_time_and_lasts(self):
        (line,) = parse(f"{WORK}at 2s..3s kill any for 500ms\n").lines
        self.assertEqual((line.every, line.at, line.words, line.lasting),
                         (False, (2, 3), ("kill", "any"), (0.5, 0.5)))

    def test_the_run_ends_after_the_last_act(self):
        self.assertEqual(parse(f"{WORK}at 4s kill any for 2s\nat 5s pause any for 0.5s\n").run_s,
                         6 + scenario.AFTER_S)

    def test_comments_and_empty_lines_say_nothing(self):
        self.assertEqual(parse(f"# work bank\n\n{WORK}  # more\n").works, [(("set",), None)])

    def test_what_cannot_be_read_is_refused_with_its_line(self):
        for text, told in (
                (f"{WORK}destroy all\n", "trial.fault:2: 'destroy' is no directive"),
                ("work nonsense\n", "trial.fault:1: 'nonsense' is no workload"),
                (f"{WORK}at 1s melt any\n", "trial.fault:2: 'melt' is no fault"),
                (f"{WORK}at 1s\n", "when and what"),
                (f"{WORK}at 1s kill\n", "whom?"),
                (f"{WORK}at soon kill any\n", "'soon' is no duration"),
                (f"{WORK}at 3s..1s kill any\n", "ends before it begins"),
                (f"{WORK}at 1s kill any gently\n", "'gently' is too much"),
                (f"{WORK}at 1s kill anybody\n", "'anybody' is nobody"),
                (f"{WORK}every 0s kill any\nrun 3s\n", "never ends"),
                (f"{WORK}every 1s kill any\n", "needs an end"),
                (f"cluster 3 nodes, big\n{WORK}", "'big' says nothing of a cluster"),
                (f"cluster 3 nodes, w 4\n{WORK}", "at most n"),
                (f"cluster 9999 nodes\n{WORK}", "at most 50 nodes"),
                (f"{WORK}at 9s kill any\nrun 9s\n", "trial.fault:2: 9 s is not before the end of the run"),
                (f"{WORK}every 1ms kill any\nrun 9s\n", "9000 acts"),
                (f"{WORK}run 0s\n", "a run of 0 s"),
                (f"{WORK}run 99min\n", "a run of 5940 s"),
                (f"{WORK}at 1s kill node1+node4\n", "there is no node4"),
                (f"{WORK}at 1s kill node0\nat 2s join\n", "there is no node0"),
                (f"cluster 3 nodes, memory\n{WORK}at 1s stop any\n", "trial.fault:3: stop ends nodes"),
                (f"{WORK}at 1s calm for 2s\n", "as long as it takes"),
                (f"{WORK}short and sweet\n", "stands alone"),
                ("about nothing\n", "nobody does anything")):
            with self.subTest(text), self.assertRaises(scenario.Refused) as caught:
                parse(text)
            self.assertIn(told, str(caught.exception))

    def test_all_lines_that_are_wrong_are_told_at_once(self):
        with self.assertRaises(scenario.Refused) as caught:
            parse("cluster three nodes\nwork sets\nat 2s pause any\nat 2 kill any\n")
        self.assertEqual([line.split(" ")[0] for line in str(caught.exception).splitlines()],
                         ["trial.fault:1:", "trial.fault:2:", "trial.fault:4:"])

    def test_words_may_be_apart_by_any_blanks(self):
        (line,) = parse(f"{WORK}\tat\t1s  pause\tany for  2s\n").lines
        self.assertEqual((line.at, line.words, line.lasting), ((1, 1), ("pause", "any"), (2, 2)))

    def test_nodes_that_may_come_can_be_named(self):
        parse(f"{WORK}at 1s join\nat 5s kill node4\n")

    def test_faults_that_end_nobody_go_with_the_engine_memory(self):
        found = parse(f"cluster 3 nodes, memory\n{WORK}at 1s pause any\nat 2s partition majority\n")
        found.cluster.engine = "log"
        scenario.complete(found)

    def test_an_engine_that_is_changed_later_is_judged_again(self):
        found = parse(f"{WORK}at 1s kill any\n")
        found.cluster.engine = "memory"
        with self.assertRaisesRegex(scenario.Refused, "forget"):
            scenario.complete(found)

    def test_data_is_not_taken_twice_without_a_calm(self):
        harmful = next(f"{kind.samples[0]}" for _, kind in sorted(faults.KINDS.items())
                       if kind.harm and kind.samples)
        parse(f"{WORK}at 1s {harmful}\nat 5s calm\nat 6s {harmful}\n")
        for text in (f"at 1s {harmful}\nat 6s {harmful}\n", f"at 1s..7s {harmful}\nat 5s calm\nat 8s {harmful}\n",
                     f"every 1s {harmful}\nrun 9s\n"):
            with self.subTest(text), self.assertRaises(scenario.Refused):
                parse(WORK + text)


class Files(unittest.TestCase):
    def test_a_file_of_ones_own_is_found_by_any_path(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "own.fault")
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"about Mine\n{WORK}")
            self.assertEqual(scenario.load(path).about, "Mine")
            before = os.getcwd()
            os.chdir(folder)
            self.addCleanup(os.chdir, before)
            self.assertEqual(scenario.load("own.fault").name, "own")

    def test_what_is_no_such_file_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            binary = os.path.join(folder, "binary.fault")
            with open(binary, "wb") as file:
                file.write(b"\xff\xfe")
            for name, told in ((os.path.join(folder, "none.fault"), "there is no file"), (binary, "can't be read"),
                               (f"{folder}/", "can't be read"), ("nobody_knows_it", "there is no scenario")):
                with self.subTest(name), self.assertRaisesRegex(scenario.Refused, told):
                    scenario.load(name)

    def test_no_scenario_hides_behind_another_name(self):
        self.assertFalse(set(scenario.names()) & {*main.stories(), *main.ALONE, main.RANDOM})


class Words(unittest.TestCase):
    def test_amounts_are_read(self):
        self.assertEqual(words.seconds("300ms"), 0.3)
        self.assertEqual(words.seconds("2min"), 120)
        self.assertEqual(words.share("0.5%"), 0.005)
        self.assertEqual(words.rate("1MB/s"), 1e6)
        self.assertEqual(words.shift("-5s"), -5)

    def test_what_is_no_amount_is_refused(self):
        for read, text in ((words.seconds, "2"), (words.seconds, "-2s"), (words.seconds, "2 s"), (words.share, "101%"),
                           (words.share, "10"), (words.rate, "1MB"), (words.rate, "0B/s"), (words.shift, "5s"),
                           (words.shift, "+"), (words.count, "0"), (words.count, "1e3")):
            with self.subTest(text), self.assertRaises(words.Wrong):
                read(text)


class Schedules(unittest.TestCase):
    TEXT = f"{WORK}at 1s..9s kill any for 1s..2s\nevery 1s..3s pause any for 100ms..1s\nrun 20s\n"

    def test_a_seed_repeats_it_and_another_does_not(self):
        found = parse(self.TEXT)
        self.assertEqual(schedule.draw(found, 7), schedule.draw(found, 7))
        self.assertNotEqual(schedule.draw(found, 7), schedule.draw(found, 8))

    def test_it_keeps_to_what_is_written(self):
        found = parse(self.TEXT)
        for seed in range(200):
            acts = schedule.draw(found, seed)
            self.assertEqual([act.at for act in acts], sorted(act.at for act in acts))
            (kill,) = [act for act in acts if act.words[0] == "kill"]
            self.assertTrue(1 <= kill.at <= 9 and 1 <= kill.end - kill.at <= 2)
            pauses = [act.at for act in acts if act.words[0] == "pause"]
            self.assertTrue(6 <= len(pauses) <= 20 and pauses[-1] < 20)
            for one, other in zip(pauses, pauses[1:]):
                self.assertTrue(1 <= other - one <= 3)


class Composed(unittest.TestCase):
    def test_made_up_ones_could_have_been_written_and_repeat(self):
        for seed in range(200):
            found = compose.compose(seed)
            self.assertEqual(found.text, compose.compose(seed).text)
            self.assertEqual(parse(found.text).facts, found.facts)

    def test_every_sample_of_a_fault_is_read(self):
        for kind in faults.KINDS.values():
            for sample in kind.samples:
                self.assertIsInstance(faults.make(tuple(sample.split())), kind)

    def test_every_kind_of_fault_and_workload_comes_up(self):
        text = "\n".join(compose.compose(seed).text for seed in range(300))
        for word, kind in faults.KINDS.items():
            self.assertTrue(not kind.samples or word in text, word)
        for word, kind in works.KINDS.items():
            self.assertIn(word, text)


if __name__ == "__main__":
    cluster.main()
