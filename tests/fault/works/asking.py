"""Reads, writes and deletes of workloads whose values say who wrote them (history.value_encode: the
number of the operation, and a checksum with the key), as operations of the record that
works/quorums.py and works/versions.py can judge.

    read            got: values, the numbers in each sibling; damaged, what is no value of this key;
                    owners, who answered. `final`: after healing
    put, delete     given: on, the operation whose context it carries, or None; got: owners and
                    fallbacks, who confirmed
"""
import clients  # makes tests/support importable
import protocol
from history import Damaged, value_decode, value_encode
from record import OK
from words import count

DELETE, PUT, READ = "delete", "put", "read"
R_ONE = [0, 1]  # options of a request: any one owner's word


def option(words, name, default):
    """A number behind its name, taken off the list."""
    if name not in words:
        return default
    at = words.index(name)
    _, text = words[at], (words[at + 1:at + 2] or [""])[0]
    del words[at:at + 2]
    return count(text)


def read(client, key, options=None):
    """(operation, answer)."""
    op = client.begin(READ, key)
    answer = client.call(protocol.GET, key, options=options)
    conclude_read(op, answer)
    return op, answer


def conclude_read(op, answer):
    values = []
    damaged = []
    for value in answer.values:
        try:
            values.append(list(value_decode(op.key.encode(), value)))
        except Damaged as error:
            damaged.append(str(error))
    if answer.outcome == OK:
        op.conclude(OK, answer.why, values=values, damaged=damaged, owners=answer.owners)
    else:
        op.conclude(answer.outcome, answer.why)


def put(client, key, on=None, context=None, others=(), padding=b"", options=None):
    """`on`: the operation that the context is from. The value says who wrote it, and which `others`
    it carries."""
    op = client.begin(PUT, key, on=on)
    value = value_encode(key.encode(), (*others, op.number), padding)
    answer = client.call(protocol.PUT, key, value, context, options=options)
    op.conclude(answer.outcome, answer.why, owners=answer.owners, fallbacks=answer.fallbacks)
    return op, answer


def insist_put(run, key):
    """The first value of a key, before there are faults."""
    op = run.ask.begin(PUT, key, on=None)
    answer = run.ask.insist(protocol.PUT, key, value_encode(key.encode(), (op.number,)))
    op.conclude(answer.outcome, answer.why, owners=answer.owners, fallbacks=answer.fallbacks)


def delete(client, key, on=None, context=None, options=None):
    op = client.begin(DELETE, key, on=on)
    answer = client.call(protocol.DELETE, key, None, context, options=options)
    op.conclude(answer.outcome, answer.why, owners=answer.owners, fallbacks=answer.fallbacks)
    return op, answer


def final_read(run, key, options=None):
    """After healing, of whoever answers."""
    op = run.ask.begin(READ, key, final=True)
    answer = run.ask.insist(protocol.GET, key, options=options)
    op.node = run.ask.node.name
    conclude_read(op, answer)
    return op


def final_reads(run, keys):
    """Every key once by the quorum, and once through each member by the word of a single owner:
    after healing all of them have to know everything."""
    for key in keys:
        final_read(run, key)
    for host in run.arena.members():
        run.ask.use(host.node)
        for key in keys:
            final_read(run, key, R_ONE)


__all__ = ["DELETE", "PUT", "READ", "clients", "conclude_read", "delete", "final_read",
           "final_reads", "insist_put", "option", "put", "read"]
