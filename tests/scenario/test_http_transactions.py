#!/usr/bin/python3
"""Transactions over HTTP (/v1/execute) are serializable, also when the node is killed in the middle: shown by
histories that are checked, over the memory engine and over the log, with several workers and many connections."""
import http.client
import math
import os
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import serializable  # noqa: E402
from threads import in_threads  # noqa: E402
from web import Client  # noqa: E402

SEED = int(os.environ.get("SHOAL_TEST_SEED", str(random.SystemRandom().randrange(1 << 32))))
LONG = int(os.environ.get("SHOAL_TEST_LONG", "1"))  # so many times as long
ACCOUNTS = [f"account{number}" for number in range(12)]
TOTAL = 12000
LOST = (http.client.HTTPException, OSError)  # the node was killed


def shares(chosen):
    """The total, cut anew."""
    cuts = sorted(chosen.randrange(TOTAL + 1) for _ in ACCOUNTS[1:])
    return [high - low for low, high in zip([0, *cuts], [*cuts, TOTAL])]


class Transaction:
    """Shares everything out anew: it reads all accounts and who was there last, and writes all of them."""

    def __init__(self, name, balances):
        self.name = name
        self.balances = balances
        self.before = None  # whom it has found there
        self.found = None
        self.begun = self.ended = None

    def run(self, client):
        self.begun = time.monotonic()
        gets = [("get", account) for account in ACCOUNTS]
        sets = [("set", account, balance) for account, balance in zip(ACCOUNTS, self.balances)]
        random.Random(self.name).shuffle(sets)
        answer = client.execute(("get", "last"), *gets, *sets, ("set", "last", self.name))
        assert answer.status == 200, answer
        results = answer.json()["results"]
        assert results[-1] == self.name and results[len(ACCOUNTS) + 1:-1] == [s[2] for s in sets]
        self.ended = time.monotonic()
        self.before, self.found = results[0], results[1:len(ACCOUNTS) + 1]


def check_order(first, transactions, last):
    """Is there one order of all that explains every answer, and time? Each transaction names the one before it and
    has found what that one wrote. `last`: who is there at the end. How many were answered."""
    by_name = {transaction.name: transaction for transaction in [first, *transactions]}
    answered = [transaction for transaction in transactions if transaction.ended is not None]
    history = [serializable.Transaction(one.name, one.begun, math.inf, writes=["last"])
               for one in transactions if one.ended is None]  # nobody knows whether it was carried out
    for one in [first, *answered]:
        history.append(serializable.Transaction(one.name, one.begun, one.ended, {"last": one.before}, ["last"]))
    now = time.monotonic()
    history.append(serializable.Transaction("the end", now, now, {"last": last}))
    violations = serializable.explain(history)
    assert not violations, violations
    for one in answered:
        assert sum(one.found) == TOTAL, one.found
        assert one.found == by_name[one.before].balances, f"{one.name} has not found what {one.before} wrote"
    return len(answered)


class Bank(unittest.TestCase):
    CONNECTIONS = 12
    engine = {"engine": "memory"}

    def setUp(self):
        print(f"seed {SEED}")
        self.group = cluster.Cluster(1, quorum={"n": 1, "r": 1, "w": 1}, workers=4, storage=self.engine)
        self.group.__enter__()
        self.addCleanup(self.group.__exit__, None)
        self.node = self.group.nodes[0]
        self.client = self.served()

    def served(self):
        """A connection, once the node serves."""
        def ask():
            client = Client(self.node)
            try:
                return client if client.get("/kv/none").status == 404 else client.close()
            except LOST:
                return None
        client = cluster.wait_until(ask, "it serves")
        self.addCleanup(client.close)
        return client

    def begin(self):
        first = Transaction("first", [TOTAL // len(ACCOUNTS)] * len(ACCOUNTS))
        first.run(self.client)
        return first

    def stir(self, number, transactions, over):
        """Makes transactions until it is over, or the node is."""
        chosen = random.Random(f"{SEED} {number} {len(transactions)}")
        client = Client(self.node)
        try:
            while not over.is_set():
                transaction = Transaction(f"{number}-{chosen.randrange(1 << 60)}", shares(chosen))
                transactions.append(transaction)
                transaction.run(client)
        except LOST:
            pass
        finally:
            client.close()

    def audit(self, over):
        """Those who only read see nobody half done, whatever route they take over the keys."""
        chosen = random.Random(f"{SEED} audit")
        client = Client(self.node)
        seen = 0
        try:
            while not over.is_set():
                order = chosen.sample(ACCOUNTS, len(ACCOUNTS))
                results = client.execute(*(("get", account) for account in order)).json()["results"]
                self.assertEqual(sum(results), TOTAL, results)
                seen += 1
        except LOST:
            pass
        finally:
            client.close()
        return seen

    def stir_until(self, transactions, enough, finish):
        over = threading.Event()

        def act(number):
            if number == 0:
                try:
                    cluster.wait_until(
                        lambda: sum(1 for one in transactions if one.ended is not None) >= enough, "enough is done")
                    finish()
                finally:
                    over.set()
            elif number <= 2:
                self.audit(over)
            else:
                self.stir(number, transactions, over)

        in_threads(act, range(self.CONNECTIONS + 3))

    def last(self):
        return self.client.execute(("get", "last")).json()["results"][0]


class InMemory(Bank):
    def test_one_order_explains_everything(self):
        first, transactions = self.begin(), []
        self.stir_until(transactions, 800 * LONG, lambda: None)
        made = check_order(first, transactions, self.last())
        self.assertEqual(made, len(transactions))

    def test_transfers_between_two_accounts_under_locks(self):
        """Read in one transaction, write in the next; in between the accounts are locked by If-None-Match."""
        self.client.execute(*(("set", account, TOTAL // len(ACCOUNTS)) for account in ACCOUNTS))
        done = []

        def lock(client, account):
            while client.put(f"/kv/lock-{account}", b"", If_None_Match="*").status != 204:
                pass

        def transfer(number):
            chosen = random.Random(f"{SEED} transfer {number}")
            client = Client(self.node)
            for _ in range(15 * LONG):
                source, target = chosen.sample(ACCOUNTS, 2)
                amount = chosen.randrange(200)
                for account in sorted((source, target)):
                    lock(client, account)
                had = client.execute(("get", source), ("get", target)).json()["results"]
                client.execute(("set", source, had[0] - amount), ("set", target, had[1] + amount))
                done.append((source, target, amount))
                client.execute(("delete", f"lock-{source}"), ("delete", f"lock-{target}"))
            client.close()

        over = threading.Event()
        auditor = threading.Thread(target=lambda: self.audits.append(self.audit(over)))
        self.audits = []
        auditor.start()
        try:
            in_threads(transfer, range(8))
        finally:
            over.set()
            auditor.join()
        self.assertEqual(len(self.audits), 1, "the auditor has seen a wrong sum")
        expected = {account: TOTAL // len(ACCOUNTS) for account in ACCOUNTS}
        for source, target, amount in done:
            expected[source] -= amount
            expected[target] += amount
        results = self.client.execute(*(("get", account) for account in ACCOUNTS)).json()["results"]
        self.assertEqual(results, list(expected.values()))


class OnDisk(Bank):
    engine = {"engine": "log", "durability": "sync"}

    def test_one_order_explains_everything_across_kills(self):
        first, transactions = self.begin(), []
        for round_number in range(1, 3 * LONG + 1):
            self.stir_until(transactions, 150 * round_number, self.node.kill)
            self.node.start()
            self.client = self.served()
        check_order_across_kills(self, first, transactions)


def check_order_across_kills(case, first, transactions):
    """What was under way when the node was killed may have been carried out or not, but whole."""
    results = case.client.execute(("get", "last"), *(("get", account) for account in ACCOUNTS)).json()["results"]
    case.assertEqual(sum(results[1:]), TOTAL, results)
    by_name = {transaction.name: transaction for transaction in [first, *transactions]}
    case.assertEqual(results[1:], by_name[results[0]].balances)
    check_order(first, transactions, results[0])


class Checker(unittest.TestCase):
    """The check itself fails where it should."""

    def history(self):
        made = [Transaction(str(number), [number]) for number in range(4)]
        for number, one in enumerate(made):
            one.begun, one.ended = number, number + 0.5
            one.balances = [TOTAL - number, number]
            one.before = str(number - 1) if number else None
            one.found = made[number - 1].balances if number else None
        return made[0], made[1:]

    def test_what_is_in_order_passes(self):
        first, others = self.history()
        self.assertEqual(check_order(first, others, "3"), 3)

    def test_what_is_wrong_is_found(self):
        def lose(others):
            others[2].before, others[2].found = others[0].name, others[0].balances

        def see_half(others):
            others[1].found = [TOTAL - 1, 0]

        def make_money(others):
            others[1].found = [TOTAL, 1]

        def go_back(others):
            others[0].begun, others[0].ended = 10, 11

        for spoil in (lose, see_half, make_money, go_back):
            first, others = self.history()
            spoil(others)
            with self.assertRaises(AssertionError, msg=spoil.__name__):
                check_order(first, others, "3")
        first, others = self.history()
        with self.assertRaises(AssertionError):
            check_order(first, others[:2], "1")


if __name__ == "__main__":
    cluster.main()
