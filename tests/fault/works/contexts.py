"""What clients write upon: the context of a fresh read, mostly; now and then an older one that they
have kept, of a read or of a write's answer, as a client has that was slow or comes back.
"""
from record import OK
from works import asking

KEPT_MAX = 12  # that a client remembers
OLD_SHARE = 0.2


def keep(client, op, answer):
    """Remembers the context of an answer."""
    if op.outcome == OK and answer.context is not None:
        kept = client.state.setdefault("contexts", [])
        kept.append((op, answer.context))
        del kept[:-KEPT_MAX]


def kept(client, key):
    return [(op, context) for op, context in client.state.get("contexts", ()) if op.key == key]


def base(client, key, old_share=OLD_SHARE):
    """(operation, context) to write upon; context None where nothing is known of the key. None
    where the key can't be read now: to write without a context because of that would be a careless
    client's mistake."""
    old = kept(client, key)
    if old and client.rng.random() < old_share:
        return client.rng.choice(old)
    op, answer = asking.read(client, key)
    if op.outcome != OK or op["damaged"]:
        return None
    keep(client, op, answer)
    return op, answer.context
