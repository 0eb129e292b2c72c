"""A node that comes back with another number of workers: every key may be another thread's then, in another log, and
what was under way between two workers is to be finished by one, or by three."""
from faults.process import Kill, names

WORKERS_MAX = 4


class Workers(Kill):
    word = "workers"
    samples = ("workers any",)
    usage = f"workers TARGET: kill -9; started again at the end with 1 to {WORKERS_MAX} workers"

    def begin(self, arena, rng):
        hosts, _ = super().begin(arena, rng)
        counts = []
        for host in hosts:
            before = host.node.settings["workers"]
            counts.append(rng.choice([count for count in range(1, WORKERS_MAX + 1) if count != before]))
            host.node.settings = {**host.node.settings, "workers": counts[-1]}
        return hosts, f"workers of {names(hosts)}: {', '.join(map(str, counts))}" if hosts else ""


KINDS = (Workers,)
