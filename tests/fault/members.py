"""Whether the cluster of a run has come to rest: what operators look at before they say that a change is over."""
import changes


def settled(arena):
    """Whether all members are up, in one layout, with nothing to move."""
    return not unsettled(arena)


def unsettled(arena):
    """What is still to come, as text; empty where nothing is."""
    down = [host.name for host in arena.members() if not host.alive]
    if down:
        return f"{', '.join(down)} not up"
    hosts = arena.members()
    if len(hosts) == 1:
        return "" if hosts[0].node.status() else f"{hosts[0].name} doesn't answer"
    if not changes.settled([host.node for host in hosts]):
        return "the members are not one settled layout"
    return ""
