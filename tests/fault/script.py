"""A scripted run: the same requests in the same order every time, by one client, so that the Nth system call
of one run is about the Nth of another. It fills several segments, overwrites most of what it wrote, and
deletes some of it."""
import random

from clients import Gone, Session, delete_task, put_task, set_begin_task, add_task

KEYS = 24
VALUE_BYTES = 60000
SETS = [b"set/script/%d" % number for number in range(3)]


def run_script(node, history, seed, rounds, fresh=True):
    """As far as the node lives: True when to the end."""
    rng = random.Random(seed)
    try:
        session = Session(node)
    except Gone:
        return False
    try:
        if fresh:
            session.run([set_begin_task(history, key) for key in SETS])
        for number in range(rounds):
            session.run(_round(history, rng, number))
        return True
    except Gone:
        return False
    finally:
        session.close()


def _round(history, rng, number):
    """Some large values, that segments may end; small ones; now and then a delete; an element more."""
    keys = rng.sample(range(KEYS), 8)
    tasks = []
    for place, key in enumerate(keys):
        name = b"own/script/%d" % key
        if place < 6:
            tasks.append(put_task(history, name, rng.randbytes(VALUE_BYTES)))
        elif place == 6:
            tasks.append(put_task(history, name, b"-" * rng.randrange(500)))
        else:
            tasks.append(delete_task(history, name))
    tasks.append(put_task(history, b"own/script/once/%d" % number, b"short"))
    tasks.append(add_task(history, rng.choice(SETS)))
    return tasks
