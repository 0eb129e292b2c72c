"""What is wanted of the network: who doesn't hear whom, what gets lost, what is slow. Each fault
has wishes of its own, all of them hold together, and what a host's packet filter has to do about it
follows from them alone: here is no network, only that.

A link leads from one host to another, in one direction. Hosts are numbers; ANY stands for every
other host, those that are still to come included. Clients, who are no hosts, are never cut off.
"""
import dataclasses

ANY = -1
TABLE = "fault"


@dataclasses.dataclass(frozen=True)
class Cut:
    """Nothing gets from a to b. With `reset` b's machine answers for it, as a firewall that
    rejects."""

    a: int
    b: int
    reset: bool = False


@dataclasses.dataclass(frozen=True)
class Loss:
    """Of what a sends to b, this share gets lost."""

    a: int
    b: int
    share: float


@dataclasses.dataclass(frozen=True)
class Slow:
    """What the host sends to others and gets from them takes so much longer, each time another
    time."""

    host: int
    least_s: float
    most_s: float


@dataclasses.dataclass(frozen=True)
class Untidy:
    """Of what the host sends to others and gets from them, a share is held back, and overtaken."""

    host: int
    share: float
    hold_s: float


@dataclasses.dataclass(frozen=True)
class Narrow:
    """So many bytes a second go in and so many out, clients' included."""

    host: int
    bytes_s: float


def reaches(wishes, a, b):
    """Whether something gets from a to b."""
    return not any(isinstance(wish, Cut) and _leads(wish, a, b) for wish in wishes)


def _leads(wish, a, b):
    return a != b and wish.a in (ANY, a) and wish.b in (ANY, b)


def filter_rules(wishes, host, net):
    """What `nft -f` is to be told in the host's namespace: it replaces whatever was there. `net`
    knows addresses: `host(number)`, `subnet`, `clients`."""
    rules = []
    for sources, share in _losses(wishes, host, net):
        some = f"numgen random mod 1000000 < {round(share * 1e6)}" if share < 1 else ""
        rules.append(f"{sources} {some} drop")
    silent = _sources(wishes, host, net, False)
    if silent:
        rules.append(f"{silent} drop")
    rejected = _sources(wishes, host, net, True)
    if rejected:  # but the other side's own resets have to arrive
        rules += [f"{rejected} tcp flags & rst == rst accept",
                  f"{rejected} meta l4proto tcp reject with tcp reset", f"{rejected} drop"]
    chain = f"inet {TABLE} input"
    lines = [f"add table inet {TABLE}",
             f"add chain {chain} {{ type filter hook input priority 0; }}",
             f"flush chain {chain}"]  # not deleted: with a chain goes all that is in queues
    if rules:
        rules = ["iifname lo accept", f"ip saddr {net.clients} accept", *rules]
    lines += [f"add rule {chain} {rule}" for rule in rules]
    return "\n".join(lines) + "\n"


def _losses(wishes, host, net):
    """(whose packets, share), one for each wish: two tenths lost twice are 19 of a hundred."""
    found = []
    for wish in wishes:
        if isinstance(wish, Loss) and wish.a != host and wish.b in (ANY, host):
            source = net.subnet if wish.a == ANY else net.host(wish.a)
            found.append((f"ip saddr {source}", wish.share))
    return found


def _sources(wishes, host, net, reset):
    """Whose packets the host must not get."""
    sources = {wish.a for wish in wishes
               if isinstance(wish, Cut) and wish.reset == reset and wish.a != host
               and wish.b in (ANY, host)}
    if ANY in sources:
        return f"ip saddr {net.subnet}"
    if sources:
        return f"ip saddr {{ {', '.join(net.host(number) for number in sorted(sources))} }}"
    return ""


def slow_setting(wishes, host):
    """What slow-link is to be told (slow_link.c), or None: it isn't needed."""
    least = most = hold = 0.0
    straight = 1.0
    wanted = False
    for wish in wishes:
        if isinstance(wish, Slow) and wish.host == host:
            wanted, least, most = True, least + wish.least_s, most + wish.most_s
        elif isinstance(wish, Untidy) and wish.host == host:
            wanted, straight, hold = True, straight * (1 - wish.share), max(hold, wish.hold_s)
    if not wanted:
        return None
    numbers = (least, most, 1 - straight, hold)
    return " ".join(str(round(number * 1e6)) for number in numbers) + "\n"


def narrowest(wishes, host):
    """Bytes a second of the host's line, or None: as many as there are."""
    rates = [wish.bytes_s for wish in wishes if isinstance(wish, Narrow) and wish.host == host]
    return min(rates, default=None)
