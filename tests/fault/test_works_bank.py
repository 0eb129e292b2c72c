#!/usr/bin/python3
"""The checker of transactions: right histories pass, and each way of spoiling one is found under its name."""
import random
import sys
import unittest

import works
from record import NOTHING, OK, UNKNOWN
from stories import ALONE, HISTORIES, Case, Story
from works import bank


class Bank(Case):
    """Histories are made by carrying transactions out one after another, each at a moment between its being asked and
    answered."""

    word = "bank"
    ACCOUNTS = ["a", "b", "c", "d"]
    MONEY = 4000

    def make(self, chosen, count=60):
        self.story = story = Story()
        busy = [0.0] * 5
        plans = []
        for number in range(count):
            client = 0 if number == 0 else chosen.randrange(len(busy))
            start = busy[client] + chosen.random() * 0.1
            end = start + 0.001 + chosen.random()
            busy = [end] * len(busy) if number == 0 else busy[:client] + [end] + busy[client + 1:]
            kind = bank.SHARE if number == 0 else chosen.choice((bank.SHARE, bank.TRANSFER, bank.LOOK))
            fate = OK if number == 0 else chosen.choices((OK, NOTHING, UNKNOWN), (16, 2, 2))[0]
            plans.append((chosen.uniform(start, end), client, kind, start, end, fate))
        ops, held = [], {account: [None, None] for account in self.ACCOUNTS}
        for _, client, kind, start, end, fate in sorted(plans):
            ops.append(self.act(story, chosen, held, client, kind, start, end, fate))
        return sorted(ops, key=lambda op: op.start)

    def act(self, story, chosen, held, client, kind, start, end, fate):
        accounts = chosen.sample(self.ACCOUNTS, 2) if kind == bank.TRANSFER else self.ACCOUNTS
        found = {account: list(held[account]) for account in accounts}
        given = {}
        if kind == bank.SHARE:
            cuts = sorted(chosen.randrange(self.MONEY) for _ in accounts[1:])
            given["writes"] = dict(zip(accounts, [high - low for low, high in zip([0, *cuts], [*cuts, self.MONEY])]))
        if kind == bank.TRANSFER:
            amount = chosen.randrange(1, 300)
            given["writes"] = {accounts[0]: found[accounts[0]][0] - amount, accounts[1]: found[accounts[1]][0] + amount}
            given["found"] = found
        else:
            given["money"] = self.MONEY
        got = {"found": found} if fate == OK and kind != bank.TRANSFER else {}
        op = story.op("bank", client, kind, "a", start, None if fate == UNKNOWN else end, fate, got=got, **given)
        if fate == OK or (fate == UNKNOWN and chosen.random() < 0.5):
            held.update({account: [amount, op.number] for account, amount in given.get("writes", {}).items()})
        return op

    @staticmethod
    def done(ops, *kinds):
        return [op for op in ops if op.outcome == OK and op.kind in kinds]

    def test_what_one_order_explains_passes(self):
        for seed in range(HISTORIES):
            self.passes(self.make(random.Random(seed)))

    def test_what_is_found_long_after_it_was_overwritten(self):
        def change(ops, chosen):
            late = self.done(ops, bank.LOOK)[-1]
            early = [op for op in self.done(ops, bank.LOOK) if op["found"] != late["found"] and op.before(late) and
                     any(share.outcome == OK and op.before(share) and share.before(late)
                         for share in self.done(ops, bank.SHARE))]
            if early:
                late.got["found"] = early[0]["found"]
            return bool(early)
        self.spoil(self.make, change, "no order explains")

    def test_what_is_found_half(self):
        def change(ops, chosen):
            looks = self.done(ops, bank.LOOK)
            for look, other in zip(looks, looks[1:]):
                if all(look["found"][account][1] != other["found"][account][1] for account in "ab"):
                    other.got["found"] = {**other["found"], "a": look["found"]["a"]}
                    return True
            return False
        self.spoil(self.make, change, "no order explains", "money")

    def test_an_update_that_is_lost(self):
        def change(ops, chosen):
            transfers = self.done(ops, bank.TRANSFER)
            for one in transfers:
                for other in transfers:
                    both = set(one["writes"]) & set(other["writes"])
                    if one.number != other.number and both and one.before(other):
                        account = min(both)
                        other.given["found"] = {**other["found"], account: one["found"][account]}
                        return True
            return False
        self.spoil(self.make, change, "two overwrote the same version")

    def test_an_acknowledged_transaction_that_is_gone(self):
        def change(ops, chosen):
            share = self.done(ops, bank.SHARE)[-1]
            last = max(op.end for op in ops if op.outcome != UNKNOWN)
            ops.append(self.story.op("bank", 1, bank.LOOK, "a", last + 1, last + 2, got={"found": share["found"]},
                                     money=self.MONEY))
            return len(self.done(ops, bank.SHARE)) > 1
        self.spoil(self.make, change, "no order explains")

    def test_money_that_is_made(self):
        def change(ops, chosen):
            found = chosen.choice(self.done(ops, bank.LOOK))["found"]
            found["b"] = [found["b"][0] + 1, found["b"][1]]
            return True
        self.spoil(self.make, change, "money")
        self.spoil(self.make, change, "another amount")

    def test_what_was_refused_and_yet_found(self):
        def change(ops, chosen):
            refused = [op for op in ops if op.outcome == NOTHING and op["writes"] and "a" in op["writes"]]
            late = [op for op in self.done(ops, bank.LOOK) if refused and op.start > refused[0].end]
            if late:
                late[0]["found"]["a"] = [refused[0]["writes"]["a"], refused[0].number]
            return bool(late)
        self.spoil(self.make, change, "found what nobody wrote")

    def test_what_is_no_amount(self):
        def change(ops, chosen):
            chosen.choice(self.done(ops, bank.LOOK))["found"]["c"] = ["rubbish", -1]
            return True
        self.spoil(self.make, change, "found what nobody wrote")

    def test_half_of_one_that_nobody_was_answered(self):
        """One of unknown outcome that was carried out for one account and not for another."""
        def change(ops, chosen):
            for unknown in ops:
                if unknown.outcome != UNKNOWN or unknown.kind != bank.SHARE:
                    continue
                for op in self.done(ops, bank.LOOK):
                    if op["found"]["a"][1] == unknown.number == op["found"]["b"][1]:
                        for other in self.done(ops, bank.LOOK):
                            if other.before(unknown):
                                op["found"]["b"] = other["found"]["b"]
                                return True
            return False
        found = 0
        for seed in range(HISTORIES * 4):
            chosen = random.Random(seed)
            ops = self.make(chosen)
            if change(ops, chosen):
                found += 1
                self.assertTrue(self.rules(ops) & {"no order explains", "money"}, seed)
        self.assertGreater(found, 5)

    def test_an_exec_that_was_carried_out_in_part(self):
        def change(ops, chosen):
            chosen.choice(self.done(ops, bank.TRANSFER)).got["odd"] = ["('-', b'ERR')"]
            return True
        self.spoil(self.make, change, "in part")

    def test_a_transaction_that_answers_for_a_part_only(self):
        def change(ops, chosen):
            look = chosen.choice(self.done(ops, bank.LOOK))
            look.got.update(found={}, odd=bank._missing([], self.ACCOUNTS))
            return True
        self.spoil(self.make, change, "in part")
        self.assertEqual(bank._missing(["+OK", "+OK"], {"a": 1, "b": 2}), [])

    def test_only_a_node_alone_is_asked(self):
        made = works.make(("bank",))
        self.assertIsNone(made.refuse(ALONE))
        self.assertIsNotNone(made.refuse({"nodes": 3, "n": 3}))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
