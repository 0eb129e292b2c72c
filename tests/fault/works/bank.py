"""Money that moves between accounts in transactions, on a node that stands alone: over HTTP
(/v1/execute), over Redis (WATCH, MULTI, EXEC), by several connections at once. Each balance says which
transaction wrote it.

    A transaction finds only what a transaction wrote, and with that one's amount           else  made up, another amount
    Who reads all accounts finds all the money                                               else  money
    One order of all transactions explains what each has found, and is that of time,
      where one was answered before another was asked (tests/support/serializable.py)          else  the rule that it says
    What has been carried out, has been carried out whole                                        else  in part

    share           all accounts are read and written anew, over HTTP
    transfer        two are read, then written if nobody has written them since, over Redis
    look            accounts are read in one transaction, over either
    given: writes, {account: amount}; got (of a transfer: given): found, {account: [amount, number of operation]}
"""
import http.client
import math
import time

import resp
import serializable
import web
from clients import Gone
from record import NOTHING, OK, UNKNOWN
from works import asking
from works.client import ANSWER_S, INSIST_S, RETRY_S
from works.work import Problem, Work, tell

SHARE, TRANSFER, LOOK = "share", "transfer", "look"
ACCOUNTS = 8
MONEY = 1000  # for each
PAUSE_S = 0.004
LOST = (http.client.HTTPException, OSError, EOFError)


class Bank(Work):
    word = "bank"
    usage = f"bank [N clients] [accounts N]: transactions on a node that stands alone (default: {ACCOUNTS})"
    clients = 5

    def __init__(self, words):
        self.count = asking.option(words, "accounts", ACCOUNTS)
        self.accounts = []

    def refuse(self, facts):
        if facts["nodes"] == 1 and facts["n"] == 1:
            return None
        return "transactions need a node that stands alone (cluster 1 node)"

    def prepare(self, run):
        prefix = f"{self.word}/{run.record.fresh_id()}"
        self.accounts = [f"{prefix}/{number}" for number in range(self.count)]
        self._insist(run.ask, lambda: self._share(run.ask))

    def round(self, client):
        roll = client.rng.random()
        if roll < 0.5:
            self._transfer(client)
        elif roll < 0.65:
            self._share(client)
        elif roll < 0.85:
            self._look_by_http(client)
        else:
            self._look_by_redis(client)
        client.pause(PAUSE_S * 2 * client.rng.random())

    def finish(self, run):
        self._insist(run.ask, lambda: self._look_by_http(run.ask))
        self._insist(run.ask, lambda: self._look_by_redis(run.ask))
        _hang_up(run.ask)

    @staticmethod
    def check(ops, facts):
        return check(ops)

    # ---- transactions -----------------------------------------------------------------------------

    def _share(self, client):
        """Everything is shared out anew, whatever there was: all of it, in any proportion."""
        connection = _connected(client, "http", _connect_http)
        money = MONEY * self.count
        cuts = sorted(client.rng.randrange(money + 1) for _ in self.accounts[1:])
        writes = {account: high - low for account, low, high in zip(self.accounts, [0, *cuts], [*cuts, money])}
        op = _begin(client, SHARE, self.accounts[0], writes=writes, money=money)
        gets = [("get", account) for account in _stirred(client, self.accounts)]
        sets = [("set", account, _value(writes[account], op)) for account in _stirred(client, self.accounts)]
        return _execute(client, connection, op, gets + sets)

    def _look_by_http(self, client):
        connection = _connected(client, "http", _connect_http)
        op = _begin(client, LOOK, self.accounts[0], money=MONEY * self.count)
        return _execute(client, connection, op, [("get", account) for account in _stirred(client, self.accounts)])

    def _look_by_redis(self, client):
        connection = _connected(client, "redis", _connect_redis)
        op = _begin(client, LOOK, self.accounts[0], money=MONEY * self.count)
        accounts = _stirred(client, self.accounts)
        (kind, content), *_ = _pipeline(client, connection, [("MULTI",), *(("GET", name) for name in accounts),
                                                             ("EXEC",)])[::-1]
        if kind == "*":
            op.conclude(OK, found=_found(accounts, [reply[1] for reply in content]), odd=_missing(content, accounts))
        else:
            op.conclude(NOTHING, f"{kind}{content}")
        return op

    def _transfer(self, client):
        """Reads, computes and writes; not if somebody has written in between."""
        connection = _connected(client, "redis", _connect_redis)
        source, target = client.rng.sample(self.accounts, 2)
        watched, *replies = _pipeline(client, connection, [("WATCH", source, target), ("GET", source),
                                                           ("GET", target)])
        if watched != resp.OK or any(kind == "-" for kind, _ in replies):
            return
        found = _found((source, target), [content for _, content in replies])
        amount = client.rng.randint(1, MONEY // 2)
        writes = {source: (found[source][0] or 0) - amount, target: (found[target][0] or 0) + amount}
        op = _begin(client, TRANSFER, source, found=found, writes=writes)
        _conclude_exec(op, _pipeline(client, connection, [
            ("MULTI",), *(("SET", account, _value(writes[account], op)) for account in (source, target)),
            ("EXEC",)])[-1])

    @staticmethod
    def _insist(client, transaction):
        end = time.monotonic() + INSIST_S
        while True:
            said = "no answer"
            try:
                op = transaction()
                if op.outcome == OK:
                    return
                said = op.why
            except Gone as error:
                said = str(error)
            assert time.monotonic() < end, f"no transaction in {INSIST_S:.0f} s: {said}"
            time.sleep(RETRY_S)


# ---- connections --------------------------------------------------------------------------------------------

def _connect_http(node):
    connection = web.Client(node)
    connection.connection.timeout = ANSWER_S
    connection.connection.connect()
    return connection


def _connect_redis(node):
    return resp.Connection((node.host, node.redis_port), ANSWER_S)


def _connected(client, kind, connect):
    """The client's own connection of this kind."""
    if kind not in client.state:
        try:
            client.state[kind] = connect(client.node)
        except LOST as error:
            raise Gone(str(error)) from None
    return client.state[kind]


def _hang_up(client):
    for kind in ("http", "redis"):
        if kind in client.state:
            client.state.pop(kind).close()


def _execute(client, connection, op, commands):
    try:
        answer = connection.execute(*commands)
    except LOST as error:
        _hang_up(client)
        raise Gone(str(error)) from None
    if answer.status == 200:
        gets = [command[1] for command in commands if command[0] == "get"]
        results = answer.json()["results"]
        op.conclude(OK, found=_found(gets, results), odd=_missing(results, commands))
    else:
        unknown = answer.json().get("outcome") == "unknown"
        op.conclude(UNKNOWN if unknown else NOTHING, f"{answer.status} {answer.json()['error']}")
    return op


def _pipeline(client, connection, commands):
    try:
        return connection.pipeline(commands)
    except LOST as error:
        _hang_up(client)
        raise Gone(str(error)) from None


def _conclude_exec(op, reply):
    kind, content = reply
    if kind == "*":
        odd = [str(one) for one in content if one != resp.OK]
        op.conclude(OK, odd=odd + _missing(content, op["writes"]))
    elif kind == "*-":
        op.conclude(NOTHING, "somebody has written in between")
    else:
        op.conclude(UNKNOWN if b"unknown" in content else NOTHING, content.decode(errors="replace"))


def _missing(replies, asked):
    """What is odd about the number of replies."""
    return [] if len(replies) == len(asked) else [f"{len(replies)} replies to {len(asked)} commands"]


# ---- values -------------------------------------------------------------------------------------------------

def _begin(client, kind, account, **given):
    return client.record.begin(client.work.word, client.number, client.node.name, kind, account, **given)


def _stirred(client, accounts):
    return client.rng.sample(accounts, len(accounts))


def _value(amount, op):
    return f"{amount}:{op.number}"


def _found(accounts, values):
    """{account: [amount, number]}; nothing is [None, None], and what is no amount at all says so."""
    found = {}
    for account, value in zip(accounts, values):
        text = value.decode(errors="replace") if isinstance(value, bytes) else value
        amount, _, number = str(text).partition(":")
        try:
            found[account] = [None, None] if text is None else [int(amount), int(number)]
        except ValueError:
            found[account] = [str(text), -1]
    return found


# ---- the checker --------------------------------------------------------------------------------------------

def check(ops):
    """Problems."""
    by_number = {op.number: op for op in ops}
    transactions = []
    for op in ops:
        if op.outcome == NOTHING:
            continue
        found = op["found"] or {}
        yield from _check_amounts(op, found, by_number)
        if op["odd"]:
            yield Problem("in part", op.key, tell(op))
        transactions.append(serializable.Transaction(
            op.number, op.start, op.closed if op.outcome == OK else math.inf,
            {account: number for account, (_, number) in found.items()}, op["writes"] or ()))
    for rule, account, shown in serializable.explain(transactions):
        yield Problem(rule, account or "", "; ".join(tell(by_number[one.name]) for one in shown))


def _check_amounts(op, found, by_number):
    for account, (amount, number) in found.items():
        writer = by_number.get(number)
        if writer is not None and (writer["writes"] or {}).get(account) not in (None, amount):
            yield Problem("another amount", account, f"{tell(op)}; {tell(writer)}")
    amounts = [amount for amount, _ in found.values() if isinstance(amount, int)]
    if op["money"] is not None and amounts and sum(amounts) != op["money"]:
        yield Problem("money", op.key, f"{sum(amounts)} instead of {op['money']}; {tell(op)}")


KINDS = (Bank,)
