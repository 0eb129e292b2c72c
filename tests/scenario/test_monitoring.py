#!/usr/bin/python3
"""What docs/monitoring says, held against a node: the table of metrics, the metrics that alerts and dashboard ask
for; and promtool's word on all of it (skipped where promtool isn't there: scripts/setup gets it).

With --write the table is written anew.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
from web import Client  # noqa: E402

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
DOCS = os.path.join(ROOT, "docs", "monitoring")
README = os.path.join(DOCS, "README.md")
PROMTOOL = shutil.which("promtool")
SUFFIXES = ("_bucket", "_sum", "_count")


def families(page):
    """{name: (kind, help, label names)} in the order of the page."""
    found = {}
    for line in page.splitlines():
        word = line.split(" ", 3)
        if line.startswith("# HELP "):
            found[word[2]] = [None, word[3], []]
        elif line.startswith("# TYPE "):
            found[word[2]][0] = word[3]
        else:
            name = re.match(r"\w+", line).group()
            if name not in found:
                name = next(name[:-len(end)] for end in SUFFIXES if name.endswith(end))
            labels = re.findall(r'(\w+)="', line)
            known = found[name][2]
            known += [label for label in labels if label not in known and label != "le"]
    return found


def table(page):
    rows = ["| name | kind | labels | meaning |", "|---|---|---|---|"]
    for name, (kind, text, labels) in families(page).items():
        shown = ", ".join(f"`{label}`" for label in labels)
        rows.append(f"| `{name}` | {kind} | {shown} | {text} |")
    return "\n".join(rows) + "\n"


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def split_readme():
    before, _, rest = text_of(README).partition("<!-- begin -->\n")
    inside, _, after = rest.partition("<!-- end -->\n")
    return before, inside, after


def dashboard():
    return json.loads(text_of(os.path.join(DOCS, "dashboard.json")))


def expressions():
    """What panels and variables of the dashboard ask for, as Prometheus gets it."""
    board = dashboard()
    found = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    for variable in ("$job", "$instance"):
        found = [text.replace(variable, ".+") for text in found]
    return [text.replace("$__rate_interval", "1m") for text in found]


def asked_for(text):
    """The names of our metrics in it, without what histograms add."""
    names = set(re.findall(r"\bshoal_[a-z0-9_]+", text))
    return {next((name[:-len(end)] for end in SUFFIXES if name.endswith(end)), name) for name in names}


def promtool(case, *arguments, stdin=None):
    told = subprocess.run([PROMTOOL, *arguments], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=60)
    case.assertEqual((told.returncode, b"" if stdin else told.returncode), (0, told.stdout if stdin else 0), told.stdout)


class Page:
    """/metrics of a node whose engine has files, after a few requests."""

    text = None

    @classmethod
    def get(cls):
        if cls.text is None:
            with cluster.Cluster(1, storage={"engine": "log"}, quorum={"n": 1, "r": 1, "w": 1}) as group:
                client = Client(group.nodes[0])
                cluster.wait_until(lambda: client.put("/kv/a", b"1").status == 204, "the node takes writes")
                answer = client.get("/metrics")
                assert answer.status == 200, answer
                assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", answer
                cls.text = answer.body.decode()
                client.close()
        return cls.text


class Monitoring(unittest.TestCase):
    maxDiff = None

    def test_the_page_lists_all_metrics_as_they_are(self):
        self.assertEqual(split_readme()[1], table(Page.get()), "scripts: test_monitoring.py --write puts it right")

    def test_names_follow_the_rules_of_prometheus(self):
        for name, (kind, text, _) in families(Page.get()).items():
            self.assertRegex(name, r"^shoal_[a-z0-9_]+$")
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
            self.assertTrue(text and kind, name)

    def test_alerts_and_dashboard_ask_for_metrics_that_there_are(self):
        known = set(families(Page.get()))
        self.assertEqual(asked_for(text_of(os.path.join(DOCS, "alerts.yaml"))) - known, set())
        for expression in expressions():
            self.assertEqual(asked_for(expression) - known, set(), expression)
        self.assertEqual(asked_for(split_readme()[0]) - known, set())

    def test_the_dashboard_is_whole(self):
        panels = dashboard()["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        places = [panel["gridPos"] for panel in panels]
        for i, a in enumerate(places):
            self.assertLessEqual(a["x"] + a["w"], 24)
            for b in places[:i]:
                apart = (a["x"] >= b["x"] + b["w"] or b["x"] >= a["x"] + a["w"] or
                         a["y"] >= b["y"] + b["h"] or b["y"] >= a["y"] + a["h"])
                self.assertTrue(apart, (a, b))

    @unittest.skipUnless(PROMTOOL, "promtool is not installed (scripts/setup)")
    def test_promtool_finds_nothing_wrong(self):
        promtool(self, "check", "metrics", stdin=Page.get().encode())
        promtool(self, "check", "rules", os.path.join(DOCS, "alerts.yaml"))
        promtool(self, "test", "rules", os.path.join(ROOT, "tests", "monitoring", "alerts_test.yaml"))
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            rules = [{"record": f"panel:{i}", "expr": text} for i, text in enumerate(expressions())]
            json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
            file.flush()
            promtool(self, "check", "rules", file.name)


if __name__ == "__main__":
    if "--write" in sys.argv:
        first, _, last = split_readme()
        with open(README, "w", encoding="utf-8") as page:
            page.write(first + "<!-- begin -->\n" + table(Page.get()) + "<!-- end -->\n" + last)
    else:
        cluster.main()
