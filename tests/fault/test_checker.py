#!/usr/bin/python3
"""The checker has to catch what it is there for: histories that are right pass, and each kind of doctored
history is found out under its name."""
import random
import sys
import unittest

import checker
import nodes
from history import ADD, DELETE, PUT, Damaged, History, value_decode, value_encode

KEY = b"own/1/1"
SET = b"set/1"
UNKNOWN_CODE, REFUSED_CODE = 60, 21


class Clock:
    """Ticks at every look."""

    def __init__(self):
        self.time = 0

    def __call__(self):
        self.time += 1
        return self.time


class Story:
    """A history told step by step."""

    def __init__(self):
        self.history = History(Clock())

    def write(self, key, kind, code=0):
        write = self.history.begin(key, kind)
        if code is not None:
            self.history.conclude(write, code)
        return write

    def put(self, key=KEY, code=0):
        return self.write(key, PUT, code)

    def delete(self, key=KEY, code=0):
        return self.write(key, DELETE, code)

    def add(self, key=SET, code=0):
        return self.write(key, ADD, code)

    def begin(self, key=KEY, kind=PUT):
        return self.history.begin(key, kind)

    def see(self, *siblings, key=KEY):
        """A read that found these siblings: writes, or several of a set."""
        start = self.history.now()
        values = []
        for sibling in siblings:
            writes = sibling if isinstance(sibling, tuple) else (sibling,)
            values.append(value_encode(key, [write.id for write in writes]))
        return self.history.read(key, start, values)

    def kinds(self):
        return set(checker.check(self.history).kinds())


class Case(unittest.TestCase):
    def setUp(self):
        self.story = Story()

    def good(self):
        verdict = checker.check(self.story.history)
        self.assertTrue(verdict.good, verdict)

    def bad(self, *kinds):
        self.assertEqual(self.story.kinds(), set(kinds))


class Values(unittest.TestCase):
    def test_a_value_tells_its_writes(self):
        for padding in (b"", b" ", b"some more, 7 8", bytes(range(256))):
            value = value_encode(KEY, (7, 12), padding)
            self.assertEqual(value_decode(KEY, value), (7, 12))

    def test_any_changed_bit_is_seen(self):
        value = value_encode(KEY, (7, 12), b"padding")
        for bit in range(len(value) * 8):
            changed = bytearray(value)
            changed[bit // 8] ^= 1 << bit % 8
            with self.assertRaises(Damaged):
                value_decode(KEY, bytes(changed))

    def test_a_cut_value_and_a_value_of_another_key_are_damaged(self):
        value = value_encode(KEY, (7,), b"padding")
        for cut in (value[:-1], value[:9], b""):
            with self.assertRaises(Damaged):
                value_decode(KEY, cut)
        with self.assertRaises(Damaged):
            value_decode(b"own/1/2", value)


class OwnKeys(Case):
    def test_the_last_write_read_is_good(self):
        self.story.put()
        self.story.see(self.story.put())
        self.good()

    def test_a_lost_write_is_found(self):
        self.story.put()
        self.story.see()
        self.bad("lost")

    def test_an_old_value_is_found(self):
        old = self.story.put()
        self.story.put()
        self.story.see(old)
        self.bad("stale")

    def test_a_value_that_a_delete_removed_is_found_when_it_returns(self):
        old = self.story.put()
        self.story.delete()
        self.story.see(old)
        self.bad("stale")

    def test_absence_after_a_delete_is_good(self):
        self.story.put()
        self.story.delete()
        self.story.see()
        self.good()

    def test_absence_after_a_delete_that_a_put_followed_is_a_loss(self):
        self.story.delete()
        self.story.put()
        self.story.see()
        self.bad("lost")

    def test_a_delete_of_unknown_outcome_excuses_absence(self):
        self.story.delete(code=UNKNOWN_CODE)
        self.story.put()
        self.story.see()
        self.good()

    def test_a_refused_delete_excuses_nothing(self):
        self.story.put()
        self.story.delete(code=REFUSED_CODE)
        self.story.see()
        self.bad("lost")

    def test_a_write_of_unknown_outcome_may_be_there_or_not(self):
        first = self.story.put()
        second = self.story.put(code=UNKNOWN_CODE)
        self.story.see(first)
        self.story.see(second)
        self.good()

    def test_an_unanswered_write_may_cover_a_newer_one(self):
        held_up = self.story.begin()
        self.story.put()
        self.story.see(held_up)
        self.good()

    def test_a_write_of_unknown_outcome_is_no_excuse_for_an_older_value(self):
        first = self.story.put()
        self.story.put()
        self.story.put(code=UNKNOWN_CODE)
        self.story.see(first)
        self.bad("stale")

    def test_a_refused_write_that_is_there_is_found(self):
        self.story.see(self.story.put(code=REFUSED_CODE))
        self.bad("refused")

    def test_an_id_nobody_wrote_is_foreign(self):
        self.story.put()
        start = self.story.history.now()
        self.story.history.read(KEY, start, [value_encode(KEY, (999,))])
        self.assertIn("foreign", self.story.kinds())

    def test_a_write_of_another_key_is_foreign(self):
        other = self.story.put(key=b"own/1/2")
        self.story.see(other)
        self.bad("foreign")

    def test_damage_is_found_and_is_not_taken_for_a_loss(self):
        self.story.put()
        self.story.history.read(KEY, self.story.history.now(), [b"00000000 1 "])
        self.bad("damaged")

    def test_a_value_from_the_future_is_foreign(self):
        start = self.story.history.now()
        read = self.story.history.read(KEY, start, [value_encode(KEY, (1,))])
        self.story.put()
        self.assertLess(read.end, self.story.history.writes[1].start)
        self.bad("foreign")

    def test_a_write_that_left_what_it_had_to_replace_is_found(self):
        first = self.story.put()
        second = self.story.put()
        self.story.see(first, second)
        self.bad("unreplaced", "stale")

    def test_a_write_of_unknown_outcome_may_stand_beside_what_it_was_to_replace(self):
        first = self.story.put()
        second = self.story.begin()
        self.story.see(first, second)
        self.good()

    def test_concurrent_writes_may_stand_side_by_side(self):
        first = self.story.begin()
        second = self.story.begin()
        self.story.history.conclude(first, 0)
        self.story.history.conclude(second, 0)
        self.story.see(first, second)
        self.good()

    def test_a_read_is_judged_by_what_had_ended_when_it_began(self):
        first = self.story.put()
        start = self.story.history.now()
        self.story.put()
        self.story.history.read(KEY, start, [value_encode(KEY, (first.id,))])
        self.good()


class Sets(Case):
    def test_elements_over_several_siblings_are_good(self):
        one, two, three = self.story.add(), self.story.add(), self.story.add()
        self.story.see((one, two), (one, three), key=SET)
        self.good()

    def test_a_lost_element_is_found(self):
        one, two = self.story.add(), self.story.add()
        self.story.see((one,), key=SET)
        self.bad("lost")
        self.story.see((two,), key=SET)
        self.assertEqual(checker.check(self.story.history).kinds()["lost"], 2)

    def test_a_set_that_is_gone_lost_all(self):
        for _ in range(5):
            self.story.add()
        self.story.see(key=SET)
        self.assertEqual(checker.check(self.story.history).kinds()["lost"], 5)

    def test_an_element_of_unknown_outcome_may_be_there_or_not_and_a_refused_one_may_not(self):
        one, two = self.story.add(), self.story.add(code=UNKNOWN_CODE)
        self.story.see((one,), key=SET)
        self.story.see((one, two), key=SET)
        self.good()
        three = self.story.add(code=REFUSED_CODE)
        self.story.see((one, three), key=SET)
        self.bad("refused")

    def test_damage_in_one_sibling_is_found(self):
        one = self.story.add()
        start = self.story.history.now()
        self.story.history.read(SET, start, [value_encode(SET, (one.id,)), b"rubbish"])
        self.bad("damaged")


class Listing(Case):
    def listing(self, listed, found):
        verdict = checker.check(self.story.history)
        checker.check_listing(self.story.history, verdict, set(listed), set(found))
        return set(verdict.kinds())

    def test_a_listing_agrees_with_the_reads(self):
        self.story.put()
        self.assertEqual(self.listing([KEY], [KEY]), set())
        self.assertEqual(self.listing([], [KEY]), {"unlisted"})
        self.assertEqual(self.listing([KEY], []), {"stale"})
        self.assertEqual(self.listing([KEY, b"other"], [KEY]), {"foreign"})

    def test_a_listing_may_see_an_unknown_write_that_a_read_does_not_and_the_other_way_round(self):
        self.story.put(code=UNKNOWN_CODE)
        self.assertEqual(self.listing([KEY], []), set())
        self.assertEqual(self.listing([], [KEY]), set())


class Doctored(unittest.TestCase):
    """Random histories of a store that works, and then the same with one answer falsified."""

    def tell(self, rng):
        """A story, and its last writes: (write, all before it on that key)."""
        story = Story()
        holds = {}
        told = {b"own/1/%d" % number: [] for number in range(5)}
        for _ in range(60):
            key = rng.choice(list(told))
            code = rng.choice((0, 0, 0, 0, REFUSED_CODE, UNKNOWN_CODE))
            kind = rng.choice((PUT, PUT, PUT, DELETE))
            write = story.write(key, kind, code)
            told[key].append(write)
            if code == 0 or code == UNKNOWN_CODE and rng.random() < 0.5:
                holds[key] = write if kind == PUT else None
            if rng.random() < 0.3:
                story.see(*([holds[key]] if holds.get(key) else []), key=key)
        return story, told, holds

    def test_a_store_that_works_passes_and_one_forged_answer_is_found(self):
        forged = 0
        for seed in range(400):
            rng = random.Random(seed)
            story, told, holds = self.tell(rng)
            for key in told:
                story.see(*([holds[key]] if holds.get(key) else []), key=key)
            verdict = checker.check(story.history)
            self.assertTrue(verdict.good, f"seed {seed}: {verdict}")
            for key, writes in told.items():
                acknowledged = [write for write in writes if write.outcome == "acknowledged"]
                if len(acknowledged) < 2 or any(w.outcome == "unknown" for w in writes):
                    continue
                last = acknowledged[-1]
                old = [write for write in acknowledged[:-1] if write.kind == PUT]
                if last.kind == PUT:
                    story.see(key=key)
                    self.assertEqual(story.kinds(), {"lost"}, f"seed {seed}, {key}")
                    story.history.reads.pop()
                    forged += 1
                if old:
                    story.see(rng.choice(old), key=key)
                    self.assertEqual(story.kinds(), {"stale"}, f"seed {seed}, {key}")
                    story.history.reads.pop()
                    forged += 1
        self.assertGreater(forged, 100)


if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    nodes.cluster.main()
