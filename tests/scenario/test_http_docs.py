#!/usr/bin/python3
"""The examples of docs/http.md, run as they stand by bash: only the ports of localhost are those of this test's nodes.
In a block of the kind "console" a line with a $ is a command, and what follows up to the next one is what
it prints, where ... stands for anything. <!-- on: cluster --> says where the blocks from there on run."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402

DOCS = os.environ.get("SHOAL_DOCS") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
KINDS = {"standalone": (1, {"quorum": {"n": 1, "r": 1, "w": 1}}), "cluster": (3, {"quorum": {"n": 3, "r": 2, "w": 2}})}
STEP = "=== next step ==="


def examples(page):
    """By kind of node: (line, command, expected output) in order."""
    found, kind, inside = {name: [] for name in KINDS}, None, False
    with open(os.path.join(DOCS, page), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            marked = re.fullmatch(r"<!-- on: (\w+) -->\n", line)
            if marked:
                kind = marked.group(1)
            elif line.startswith("```"):
                inside = line == "```console\n"
            elif inside and line.startswith("$ "):
                found[kind].append([number, line[2:].rstrip("\n"), ""])
            elif inside:
                found[kind][-1][2] += line
    return found


def fits(printed, expected):
    pattern = ".*?".join(re.escape(part) for part in expected.strip().split("..."))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


class Page(unittest.TestCase):
    def run_all(self, kind):
        count, settings = KINDS[kind]
        steps = examples("http.md")[kind]
        self.assertGreater(len(steps), 5 if kind == "cluster" else 30)
        with cluster.Cluster(count, **settings) as group, tempfile.TemporaryDirectory() as folder:
            cluster.wait_until(lambda: all(node.status() for node in group.nodes), "they serve")
            script = f"\necho '{STEP}'\n".join(command for _, command, _ in steps)
            for number, node in enumerate(group.nodes, 1):
                script = script.replace(f"localhost:800{number}", f"127.0.0.1:{node.http_port}")
            script = script.replace("/tmp/shoal-page", os.path.join(folder, "page"))
            run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, check=False)
        printed = run.stdout.split(STEP + "\n")
        # What ends without a newline is followed by the next step on the same line.
        self.assertEqual(len(printed), len(steps), run.stderr)
        for (line, command, expected), output in zip(steps, printed):
            self.assertTrue(fits(output, expected),
                            f"docs/http.md:{line}: {command}\nprints {output!r}\nwhere it says {expected!r}")
        self.assertEqual(run.stderr, "")

    def test_on_a_standalone_node(self):
        self.run_all("standalone")

    def test_in_a_cluster(self):
        self.run_all("cluster")


if __name__ == "__main__":
    cluster.main()
