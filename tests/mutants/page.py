"""The table of mutants as a page, docs/mutants.md: written by a run over all of them, and read by
the next one, which begins with what noticed."""
import os
import re

HEAD = """# Rules broken on purpose, and what notices

Made by `./scripts/mutants --table docs/mutants.md`; don't edit. Each row is a switch of
`src/base/mutant.h`, which breaks one rule that protects data in a build with `-Dmutants=true`. What
is named noticed it: a test, or the first of the seeds that failed. All of these pass while every
rule is in force, which the run sees to as well. To repeat a row:

    SHOAL_MUTANT=floor-forgotten build/mutants/tests/sim/shoal-sim --elastic --seed 1
    SHOAL_MUTANT=scan-stops meson test -C build/mutants unit-storage-log_scan
    SHOAL_MUTANT=keep-actor SHOAL_SEED=10 SHOAL_TRACE=1 SHOAL_TEST='real*' \\
        build/mutants/tests/property/replica/property-replica-versions

[testing.md](testing.md) says what the suites are, and how a rule gets its mutant.
"""
PARTS = {  # by the folder of the switch
    "src/ring": "Layouts, owners and quorums",
    "src/member": "Members and gossip",
    "src/coordinate": "Coordinators",
    "src/model": "Versions, contexts, counters",
    "src/replica": "Holdings, tombstones, hash trees",
    "src/repair": "Hints, syncs, closing, letting go",
    "src/storage": "Storage",
    "src/node": "Nodes, transactions, the live feed",
    "src/net": "Network",
    "src/server": "The server's folders",
    "src/api": "HTTP and Redis",
    "src/client": "The client library",
    "tests/property": "In the models only",
}
ROW = re.compile(r"^\| `([a-z-]+)` \| .* \| ([^|]*) \| ([^|]*) \| +([0-9.]+) \|$")


def read(path):
    """{mutant: the name of what noticed it}; empty where there is no page."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as page:
        rows = (ROW.match(line.rstrip("\n")) for line in page)
        return {row.group(1): row.group(2).strip() for row in rows if row}


def lines_of(mutant, what, found):
    if not found:
        yield f"| `{mutant}` | {what} | **nothing** | | |\n"
    for row in found:
        yield f"| `{mutant}` | {what} | {row['by']} | {row['what']} | {row['seconds']} |\n"


def write(path, known, rows, folders, took):
    """Of every mutant that ran, the rows of what noticed it, and the folder of its switch."""
    noticed = sum(1 for found in rows.values() if found)
    with open(path, "w", encoding="utf-8") as page:
        page.write(HEAD)
        page.write(f"\n**{noticed} of {len(rows)} noticed**, in {took / 60:.0f} minutes.\n")
        for part, title in PARTS.items():
            mutants = [mutant for mutant in rows if folders[mutant].startswith(part)]
            if mutants:
                page.write(f"\n## {title}\n\n")
                page.write("| mutant | what is broken | noticed by | which | seconds |\n")
                page.write("|---|---|---|---|---:|\n")
            for mutant in mutants:
                page.writelines(lines_of(mutant, known[mutant], rows[mutant]))
