"""A client of a workload: a thread with one connection to a node, and to another when that one fails; and the one
who prepares and finishes, which tries until it is answered."""
import random
import threading
import time

import clients
import protocol
from clients import Gone
from record import ENOTFOUND, OK, outcome_of

ANSWER_S = 2.5  # longer than the nodes' own deadline of a request, which is 1 s here
RETRY_S = 0.02
INSIST_S = 60.0
CODE, TEXT, CONTEXT, VALUES, OWNERS, FALLBACKS, NUMBER = 2, 3, 4, 5, 6, 7, 9  # of RESULT: docs/protocol.md
VALUE = 0  # of one of VALUES


class Answer:
    """Of one request: `outcome`, `code` and `text` as the node gave them, `values` (bytes, of all siblings),
    `context` (bytes or None), how many `owners` and `fallbacks` confirmed or answered, and the `number` of an
    addition."""

    __slots__ = ("outcome", "code", "text", "values", "context", "extra", "owners", "fallbacks", "number")

    def __init__(self, fields):
        self.code = fields[CODE]
        self.text = fields[TEXT]
        self.outcome = outcome_of(self.code)
        self.context = fields[CONTEXT] if len(fields) > CONTEXT else None
        self.extra = fields[VALUES] if len(fields) > VALUES and fields[VALUES] else []
        self.values = [value[VALUE] for value in self.extra]
        self.owners = fields[OWNERS] if len(fields) > OWNERS else 0
        self.fallbacks = fields[FALLBACKS] if len(fields) > FALLBACKS else 0
        self.number = fields[NUMBER] if len(fields) > NUMBER else 0

    @property
    def found(self):
        return self.code == 0

    @property
    def why(self):
        """For the record: nothing where all is well."""
        return "" if self.code in (0, ENOTFOUND) else f"code {self.code}: {self.text}"


class Client(threading.Thread):
    """`number` is its own in the run, and Op.client. `run`: see work.py."""

    def __init__(self, run, work, number, seed):
        super().__init__(name=f"client{number}", daemon=True)
        self.run_ = run
        self.work = work
        self.number = number
        self.rng = random.Random(seed)
        self.record = run.record
        self.failure = None  # a fault of the harness itself
        self.held = False  # stands still, as the run's gate is closed
        self.state = {}  # the workload's own, for this client
        self._node = None
        self._session = None
        self._stopping = threading.Event()

    # ---- for workloads ----------------------------------------------------------------------------

    @property
    def node(self):
        """The node that the next request goes to."""
        if self._node is None:
            self._node = self.rng.choice(self.run_.arena.asked())
        return self._node

    def begin(self, kind, key, **given):
        """An operation that is about to be asked of `node`; `key` is text. Connects first, Gone if that fails: what
        can't be asked is nothing that may still happen."""
        self._connect()
        return self.record.begin(self.work.word, self.number, self.node.name, kind, key, **given)

    def call(self, request, key, value=None, context=None, ttl_ms=0, options=None):
        """One request by its number in protocol.py (PUT, GET, DELETE, ADD, ...), and the Answer; Gone when there is
        none."""
        answers = []
        self._run([_call_task(answers, request, key, value, context, ttl_ms, options)])
        return answers[0]

    def pause(self, seconds):
        """A little less when the run ends."""
        self._stopping.wait(seconds)

    @property
    def stopping(self):
        return self._stopping.is_set()

    # ---- the thread -------------------------------------------------------------------------------

    def stop(self):
        self._stopping.set()

    def run(self):
        try:
            while not self._stopping.is_set():
                if self._wait_at_gate():
                    continue
                try:
                    self.work.round(self)
                except Gone:
                    self.leave()
                    self._stopping.wait(RETRY_S)
        except BaseException as error:
            self.failure = error
        finally:
            self.leave()

    def leave(self):
        """Closes its connection: the next request goes to any node."""
        if self._session is not None:
            self._session.close()
        self._session = None
        self._node = None

    def _wait_at_gate(self):
        """While nobody may work."""
        self.held = self.run_.gate.closed
        if self.held:
            self._stopping.wait(RETRY_S)
        return self.held

    def _connect(self):
        if self._session is None:
            self._session = clients.Session(self.node, ANSWER_S)

    def _run(self, tasks):
        self._connect()
        self._session.run(tasks)


class Insistent(Client):
    """Asks again, at any node, until it is answered; for before and after the faults. Not a thread. Only for
    requests that may be done twice."""

    def _connect(self):
        """Not before it asks: it has all the time it needs to find somebody."""

    def _run(self, tasks):
        super()._connect()
        super()._run(tasks)

    def insist(self, request, key, value=None, context=None, ttl_ms=0, options=None):
        end = time.monotonic() + INSIST_S
        while True:
            said = "no answer"
            try:
                answer = self.call(request, key, value, context, ttl_ms, options)
                if answer.outcome == OK:
                    return answer
                said = answer.why
            except Gone as error:
                said = str(error)
            name = self.node.name
            self.leave()
            assert time.monotonic() < end, f"{key!r} in {INSIST_S:.0f} s, last at {name}: {said}"
            time.sleep(RETRY_S)

    def use(self, node):
        """The next requests go to this one."""
        self.leave()
        self._node = node


def _call_task(answers, request, key, value, context, ttl_ms, options):
    key = key.encode() if isinstance(key, str) else key
    fields = yield protocol.REQUEST, request, key, value, context, ttl_ms, options
    answers.append(Answer(fields))
