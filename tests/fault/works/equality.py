"""Replica equality: after healing all owners of every partition hold the same, as `shoal verify` says, which compares
their trees and the bytes of the values."""
import time

POLL_S = 0.1


def check_equal(run, deadline_s):
    """Waits until they are; how many seconds that took. AssertionError when it takes longer than allowed."""
    begun = time.monotonic()
    while True:
        host = run.arena.up()
        outcome = host.node.shoal("verify", "--json", "--values", timeout_s=deadline_s + 60)
        took = time.monotonic() - begun
        if outcome.status == 0 and outcome.json()["identical"]:
            run.record.note(f"identical after {took:.1f} s, digest {outcome.json()['digest']}")
            return took
        assert took < deadline_s, f"owners are not identical {took:.1f} s after healing: {outcome}"
        time.sleep(POLL_S)
