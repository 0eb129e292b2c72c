"""Replica equality: after healing all owners of every partition hold the same. As `shoal verify` says, which compares
their trees and the bytes of the values; and as everybody sees it who lists everything, whichever node is asked.
"""
import hashlib
import time

import clients
import protocol
from clients import Gone

POLL_S = 0.1
PAGE_KEYS = 1000
ONE_OWNER = [0, 1]  # options of a request: its word is enough
SHOWN = 5


def check_equal(run, deadline_s):
    """Waits until they are; how many seconds that took. AssertionError when it takes longer than allowed."""
    begun = time.monotonic()
    while True:
        host = run.arena.up()
        outcome = host.node.shoal("verify", "--json", "--values", timeout_s=deadline_s + 60)
        took = time.monotonic() - begun
        if outcome.status == 0 and outcome.json()["identical"]:
            run.record.note(f"identical after {took:.1f} s, digest {outcome.json()['digest']}")
            break
        assert took < deadline_s, f"owners are not identical {took:.1f} s after healing: {outcome}"
        time.sleep(POLL_S)
    _check_lists(run, deadline_s)
    return took


def _check_lists(run, deadline_s):
    """All nodes list the same keys and values. Now and then two don't, for a value expires in between."""
    begun = time.monotonic()
    while True:
        lists = {}
        try:
            for host in run.arena.members():
                lists[host.name] = listed(host.node)
            said = differences(lists)
        except Gone as error:
            said = f"a list is not finished: {error}"
        took = time.monotonic() - begun
        if not said:
            keys = max((len(entries) for entries in lists.values()), default=0)
            run.record.note(f"{len(lists)} nodes list the same {keys} keys and values, in {took:.1f} s")
            return
        assert took < deadline_s, f"owners are identical, but nodes list other things: {said}"
        time.sleep(POLL_S)


def listed(node):
    """{key: digest of the value that is shown}, by the word of single owners; Gone."""
    found = {}
    clients.ask(node, [_list_task(found)])
    return found


def differences(lists):
    """Of {node: {key: digest}}, in words; nothing where there is none."""
    if not lists:
        return ""
    name, first = min(lists.items())
    for other, entries in sorted(lists.items()):
        keys = [key for key in first.keys() | entries.keys() if first.get(key) != entries.get(key)]
        if keys:
            return f"{name} and {other} differ in {len(keys)} keys, such as {sorted(keys)[:SHOWN]}"
    return ""


def _list_task(found):
    after = None
    while True:
        answer = yield protocol.LIST, b"", after, PAGE_KEYS, True, ONE_OWNER
        if answer[0] != protocol.LIST_REPLY:
            raise Gone(f"refused: {answer[2:4]}")
        for key, value in answer[2]:
            found[bytes(key)] = hashlib.blake2b(value or b"", digest_size=8).digest()
        after = answer[3]
        if after is None:
            return
