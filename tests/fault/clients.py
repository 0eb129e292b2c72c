"""Clients that load a cluster and take down what they asked and were told. Each is a thread with one
connection, to a node chosen at random and another when that one fails. In a round it sends requests on
several different keys at once, so that batches and pipelines form, and takes the answers in any order.

What one request after another has to be asked is a *task*: a generator that yields a frame's fields and is
sent the answer. A task whose connection breaks is dropped, and what it wrote stays unknown.
"""
import random
import threading
import time

from history import ADD, DELETE, PUT, value_encode
from nodes import wait_until  # which also makes tests/support importable

import protocol

DEPTH = 8
ANSWER_S = 20  # longer than the nodes' own deadline of a request
SET_IDS_MAX = 60
RETRY_S = 0.02  # between attempts to reach any node

# Codes of include/shoal/error.h that tests look for.
ENOTFOUND, ENOSPC, EIO, EDAMAGED, EUNKNOWN = 1, 28, 29, 30, 60
TRY_AGAIN = range(20, 40)  # nothing was applied; the cluster could not, now

# Positions of RESULT's fields, in docs/protocol.md.
CODE, TEXT, CONTEXT, VALUES = 2, 3, 4, 5


class Gone(Exception):
    """The connection is no more, or does not answer."""


class Session:
    """One connection, on which several tasks run at once."""

    def __init__(self, node, answer_s=ANSWER_S):
        self.connection = None
        try:
            self.connection = protocol.Connection(node.ports["client_port"], False, node.host)
            self.connection.socket.settimeout(answer_s)
            welcome = self.connection.ask(protocol.hello())
            if welcome is None or welcome[0] != protocol.HELLO_REPLY:
                raise OSError(f"no welcome but {welcome}")
        except OSError as error:
            self.close()
            raise Gone(str(error)) from None
        self.next_id = 2

    def close(self):
        if self.connection is not None:
            self.connection.socket.close()

    def run(self, tasks):
        """Runs the tasks to their ends. Gone when the connection doesn't last as long."""
        waiting = {}
        try:
            self._send(waiting, [(task, next(task)) for task in tasks])
            while waiting:
                answer = self.connection.receive()
                if answer is None:
                    raise Gone("closed")
                task = waiting.pop(answer[1], None)
                if task is None:
                    raise Gone(f"an answer to nothing: {answer[:4]}")
                try:
                    self._send(waiting, [(task, task.send(answer))])
                except StopIteration:
                    pass
        except OSError as error:
            raise Gone(str(error)) from None
        finally:
            for task in tasks:
                task.close()

    def _send(self, waiting, asked):
        frames = []
        for task, (kind, *fields) in asked:
            frames.append(protocol.frame(kind, self.next_id, *fields))
            waiting[self.next_id] = task
            self.next_id += 1
        self.connection.send(*frames)


def put_task(history, key, padding=b"", options=None, about="", codes=None):
    """`codes`, a list, gets the code of the answer."""
    write = history.begin(key, PUT, about)
    value = value_encode(key, (write.id,), padding)
    answer = yield protocol.REQUEST, protocol.PUT, key, value, None, 0, options
    history.conclude(write, answer[CODE], answer[TEXT])
    if codes is not None:
        codes.append(answer[CODE])


def delete_task(history, key, options=None, about=""):
    write = history.begin(key, DELETE, about)
    answer = yield protocol.REQUEST, protocol.DELETE, key, None, None, 0, options
    history.conclude(write, answer[CODE], answer[TEXT])


def read_task(history, key, options=None, about="", codes=None):
    """`codes` as for put_task."""
    start = history.now()
    answer = yield protocol.REQUEST, protocol.GET, key, None, None, 0, options
    if answer[CODE] in (0, ENOTFOUND):
        history.read(key, start, [value[0] for value in answer[VALUES]], about)
    if codes is not None:
        codes.append(answer[CODE])


def add_task(history, key, padding=b"", options=None, about="", ids_max=SET_IDS_MAX):
    """Reads the set and writes it with one id more. An empty answer is taken down, and not built upon:
    a write without a context could replace what it has not seen."""
    start = history.now()
    answer = yield protocol.REQUEST, protocol.GET, key, None, None, 0, options
    if answer[CODE] not in (0, ENOTFOUND):
        return
    seen = history.read(key, start, [value[0] for value in answer[VALUES]], about)
    ids = {number for sibling in seen.siblings for number in sibling}
    if seen.damaged or not ids or len(ids) >= ids_max:
        return
    write = history.begin(key, ADD, about)
    value = value_encode(key, (*sorted(ids), write.id), padding)
    answer = yield protocol.REQUEST, protocol.PUT, key, value, answer[CONTEXT], 0, options
    history.conclude(write, answer[CODE], answer[TEXT])


def set_begin_task(history, key, options=None):
    """The first element of a set, which all others build upon."""
    write = history.begin(key, ADD, "the first")
    value = value_encode(key, (write.id,))
    answer = yield protocol.REQUEST, protocol.PUT, key, value, None, 0, options
    history.conclude(write, answer[CODE], answer[TEXT])


def padding_of(rng):
    """Mostly small, now and then large; half of it well compressible."""
    size = rng.choice((0, 20, 100, 100, 100, 300, 1000)) if rng.random() < 0.97 else rng.randrange(60000)
    return b"-" * size if rng.random() < 0.5 else rng.randbytes(size)


class Client(threading.Thread):
    """Loads until told to stop, or for so many rounds. `pace_s` is a pause between rounds, `answer_s` how
    long to wait for any answer, `set_share` how much of what it does is adding to sets, which grow
    up to `set_ids_max`."""

    def __init__(self, number, nodes, history, sets, seed, depth=DEPTH, rounds=None, pace_s=0.0,
                 answer_s=ANSWER_S, set_share=0.2, set_ids_max=SET_IDS_MAX):
        super().__init__(name=f"client{number}", daemon=True)
        self.number = number
        self.nodes = nodes
        self.history = history
        self.sets = sets
        self.rng = random.Random(seed)
        self.depth = depth
        self.rounds = rounds
        self.pace_s = pace_s
        self.answer_s = answer_s
        self.set_share = set_share
        self.set_ids_max = set_ids_max
        self.own = []
        self.done = 0
        self.failure = None
        self._stopping = threading.Event()

    def stop(self):
        self._stopping.set()

    def run(self):
        session = None
        try:
            while not self._stopping.is_set() and (self.rounds is None or self.done < self.rounds):
                try:
                    if session is None:
                        node = self.rng.choice(self.nodes)
                        session = Session(node, self.answer_s)
                    before = self.history.acknowledged
                    session.run(self._tasks(node.name))
                    self.done += 1
                    if self.history.acknowledged == before:
                        self._stopping.wait(RETRY_S)  # refused: no need to be told so all the time
                except Gone:
                    if session is not None:
                        session.close()
                    session = None
                    self._stopping.wait(RETRY_S)
                if self.pace_s:
                    self._stopping.wait(self.pace_s)
        except BaseException as error:  # told by whoever joins it
            self.failure = error
        finally:
            if session is not None:
                session.close()

    def _tasks(self, node):
        about = f"client{self.number}@{node}"
        keys = set()
        tasks = []
        for _ in range(self.depth):
            roll = self.rng.random()
            if roll < self.set_share and self.sets:
                key = self.rng.choice(self.sets)
                task = add_task(self.history, key, padding_of(self.rng)[:200], about=about,
                                ids_max=self.set_ids_max)
            elif roll < max(0.6, self.set_share + 0.05) or not self.own:
                key = b"own/%d/%d" % (self.number, len(self.own))
                self.own.append(key)
                task = put_task(self.history, key, padding_of(self.rng), about=about)
            else:
                key = self.rng.choice(self.own)
                if roll < 0.65:
                    task = delete_task(self.history, key, about=about)
                elif roll < 0.75:
                    task = read_task(self.history, key, about=about)
                else:
                    task = put_task(self.history, key, padding_of(self.rng), about=about)
            if key in keys:
                task.close()
                continue
            keys.add(key)
            tasks.append(task)
        return tasks


class Load:
    """Several clients on some nodes, for as long as the `with` lasts."""

    def __init__(self, nodes, history, rng, clients=3, sets=10, **options):
        self.nodes = nodes
        self.history = history
        names = [b"set/%d/%d" % (rng.randrange(10**9), number) for number in range(sets)]
        begun = history.acknowledged
        ask(nodes[0], [set_begin_task(history, name) for name in names])
        assert history.acknowledged - begun == sets, "the sets can't be begun"
        self.clients = [
            Client(rng.randrange(10**9), nodes, history, names, rng.random(), **options)
            for _ in range(clients)
        ]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.stop()
        for client in self.clients:
            client.join()
        for client in self.clients:
            if client.failure is not None:
                raise client.failure

    def wait_for(self, count, deadline_s=60):
        """Until so many more writes are acknowledged, or the clients have done all their rounds."""
        before = self.history.acknowledged
        wait_until(
            lambda: self.history.acknowledged - before >= count or
            not any(client.is_alive() for client in self.clients),
            f"{count} more writes are acknowledged", deadline_s)


def ask(node, tasks):
    """Runs the tasks on a connection of their own; Gone when it breaks."""
    session = Session(node)
    try:
        session.run(tasks)
    finally:
        session.close()


def load(case, node, count):
    """Loads one node until so many writes more are acknowledged."""
    with Load([node], case.history, case.rng, clients=2, sets=3) as running:
        running.wait_for(count)


def attempt(case, node):
    """Some writes, whatever comes of them: the codes, none if the node does not answer."""
    try:
        name = b"own/attempt/%d" % case.rng.randrange(10**12)
        return put_round(node, case.history, name, [case.rng.randbytes(20000)] * 4)
    except Gone:
        return []


def write_some(nodes, history, rng, count, deadline_s=60):
    """Writes new keys one after another through any of the nodes until so many are acknowledged."""
    before = history.acknowledged
    prefix = b"own/some/%d/" % rng.randrange(10**12)
    end = time.monotonic() + deadline_s
    number = 0
    while history.acknowledged - before < count:
        assert time.monotonic() < end, f"not {count} writes were acknowledged in {deadline_s} s"
        node = rng.choice(nodes)
        tasks = []
        for _ in range(DEPTH):
            number += 1
            tasks.append(put_task(history, prefix + b"%d" % number, about=f"some@{node.name}"))
        try:
            ask(node, tasks)
        except Gone:
            time.sleep(RETRY_S)


def put_round(node, history, prefix, paddings):
    """A put for each of the paddings, at once, and the codes they came to."""
    codes = []
    ask(node, [put_task(history, prefix + b"/%d" % number, padding, about=node.name, codes=codes)
               for number, padding in enumerate(paddings)])
    return codes


def read_all(node, history, deadline_s=60, about="at the end", options=None, damaged=None):
    """Reads every key of the history through the node, again where a read fails; the keys that have a
    value. With a set `damaged` those that the node says are damaged are put there instead."""
    final = {0, ENOTFOUND} | ({EDAMAGED} if damaged is not None else set())
    waiting = sorted(history.keys())
    codes = {}
    end = time.monotonic() + deadline_s
    while waiting:
        assert time.monotonic() < end, (f"{len(waiting)} keys can't be read through {node.name}: "
                                        f"{waiting[0]!r} code {codes.get(waiting[0])}")
        batch, waiting = waiting[:200], waiting[200:]
        answers = {key: [] for key in batch}
        try:
            ask(node, [read_task(history, key, options, about, answers[key]) for key in batch])
        except Gone:
            time.sleep(RETRY_S)
        for key, answer in answers.items():
            codes[key] = answer[0] if answer else None
            if codes[key] not in final:
                waiting.append(key)
    if damaged is not None:
        damaged.update(key for key, code in codes.items() if code == EDAMAGED)
    return {key for key, code in codes.items() if code == 0}


def list_all(node, deadline_s=60):
    """All keys, by pages; begun anew when a page fails."""
    end = time.monotonic() + deadline_s
    while True:
        keys = []
        try:
            ask(node, [_list_task(keys)])
            return set(keys)
        except (Gone, ValueError) as error:
            if time.monotonic() > end:
                raise AssertionError(f"{node.name} does not list its keys: {error}") from None
            time.sleep(RETRY_S)


def _list_task(keys):
    after = None
    while True:
        answer = yield protocol.LIST, b"", after, 1000, False, None
        if answer[0] != protocol.LIST_REPLY:
            raise ValueError(f"a list is refused: {answer[2:4]}")
        keys += [bytes(entry[0]) for entry in answer[2]]
        after = answer[3]
        if after is None:
            return
