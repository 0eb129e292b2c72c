#!/usr/bin/python3
"""The admin page in a real browser (headless Chromium, driven by playwright-core), against three real nodes:
what it shows, what can be done with it by mouse and by keyboard alone, and that nothing in the cluster
gets it to run anything or to ask anybody else.

SHOAL_PAGE_SHOTS=FOLDER keeps pictures of all views, narrow and wide, light and dark.
"""
import http.client
import json
import os
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import cluster  # noqa: E402
import node_clients  # noqa: E402

STATUS_SKIPPED = 77
NODE_MAJOR_MIN = 18
SHOTS = os.environ.get("SHOAL_PAGE_SHOTS")
HOSTILE_KEYS = [
    b"<script>window.hacked='script'</script>",
    b"<img src=x onerror=\"window.hacked='img'\">",
    b"\"'><svg onload=window.hacked=1>",
    b"javascript:window.hacked=1",
    b"${window.hacked=1}{{constructor.constructor('window.hacked=1')()}}",
    "\u202eright to left\u202c".encode(),
    b"\xff\x00\x1b[2Jbinary",
]

nodes = None
group = None
browser = None


class Browser:
    """drive.mjs: each call is a command, and what it answers."""

    def __init__(self, folder, chromium):
        self._process = subprocess.Popen(
            ["node", os.path.join(folder, "drive.mjs"), os.path.join(folder, "node_modules"), chromium],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
        )

    def __call__(self, name, argument=None):
        self._process.stdin.write(json.dumps([name, argument]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError("the browser has ended")
        answer = json.loads(line)
        if "failed" in answer:
            raise AssertionError(f"{name} {argument}: {answer['failed']}")
        return answer["is"]

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def tools():
    """What drives the browser, and the browser; node_clients.Missing says why not."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise node_clients.Missing("chromium is not installed")
    if node_clients.node_version() < NODE_MAJOR_MIN:
        raise node_clients.Missing(f"node is older than version {NODE_MAJOR_MIN}")
    return node_clients.install(os.environ["SHOAL_PAGE_DRIVER"], HERE), chromium


def setUpModule():
    global group, nodes
    group = cluster.Cluster(3)
    nodes = group.__enter__().nodes
    unittest.addModuleCleanup(group.__exit__, None)


def address(node):
    return f"{node.host}:{node.http_port}"


def ask(node, path, method="GET", headers=None, body=None):
    connection = http.client.HTTPConnection(node.host, node.http_port, timeout=cluster.DEADLINE_S)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def percent(key):
    return "".join(f"%{byte:02X}" for byte in key)


def get(key, node=None):
    """A key's values as the cluster has them, the winner first."""
    outcome = (node or nodes[1]).shoal("get", key, "--json", "--siblings")
    return [value["value"] for value in outcome.json()["values"]] if outcome.status == 0 else None


class Served(unittest.TestCase):
    """What the server sends, without a browser."""

    def assets(self):
        _, _, page = ask(nodes[0], "/")
        return [part.split('"')[0] for part in page.decode().split('"/page/')[1:]]

    def test_the_page_may_do_no_more_than_it_must(self):
        status, fields, body = ask(nodes[0], "/")
        self.assertEqual((status, fields["content-type"]), (200, "text/html; charset=utf-8"))
        policy = fields["content-security-policy"]
        for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
            self.assertIn(part, policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(fields["x-content-type-options"], "nosniff")
        self.assertEqual(fields["referrer-policy"], "no-referrer")
        for inline in (b"<script>", b"<style>", b"style=", b"onload=", b"http://", b"https://"):
            self.assertNotIn(inline, body)

    def test_assets_are_kept_by_browsers_and_the_page_is_asked_for_each_time(self):
        _, fields, _ = ask(nodes[0], "/")
        self.assertEqual(fields["cache-control"], "no-cache")
        names = self.assets()
        self.assertEqual(len(names), 3)
        for name in names:
            status, fields, body = ask(nodes[1], "/page/" + name)
            self.assertEqual(status, 200)
            self.assertIn("immutable", fields["cache-control"])
            again = ask(nodes[2], "/page/" + name, headers={"If-None-Match": fields["etag"]})
            self.assertEqual((again[0], again[2]), (304, b""))
            self.assertGreater(len(body), 100)

    def test_what_is_compressed_is_the_same(self):
        import gzip
        import zlib

        for path in ["/", "/page/licences.txt"] + ["/page/" + name for name in self.assets()]:
            _, plain, body = ask(nodes[0], path)
            _, packed, small = ask(nodes[0], path, headers={"Accept-Encoding": "gzip"})
            self.assertNotIn("content-encoding", plain)
            self.assertEqual(packed["content-encoding"], "gzip")
            self.assertEqual(packed["vary"].lower(), "accept-encoding")
            self.assertEqual(gzip.decompress(small), body)
            self.assertNotEqual(plain["etag"], packed["etag"])
            self.assertEqual(zlib.crc32(ask(nodes[0], path, "HEAD")[2]), 0)
            self.assertEqual(int(ask(nodes[0], path, "HEAD")[1]["content-length"]), len(body))

    def test_the_description_of_the_api_is_there(self):
        status, fields, body = ask(nodes[0], "/openapi.yaml")
        self.assertEqual((status, fields["content-type"]), (200, "application/yaml"))
        self.assertTrue(body.startswith(b"openapi: "), body[:100])

    def test_nothing_else_is_there(self):
        for path in ("/page/", "/page/page.js", "/page/../", "/page/nothing.js"):
            self.assertIn(ask(nodes[0], path)[0], (400, 404), path)
        status, fields, _ = ask(nodes[0], "/", "POST")
        self.assertEqual((status, fields["allow"].count("GET")), (405, 1))


class Shown(unittest.TestCase):
    """A page that is open. Each test ends with what holds for all: nothing was run, nobody else asked."""

    def setUp(self):
        for node in nodes:
            if node.process is None:
                node.start()
        group.wait_settled()
        self.node = nodes[0]

    def tearDown(self):
        heard = browser("heard")
        self.assertEqual(heard["errors"], [])
        self.assertIsNone(heard["hacked"])
        own = (f"http://{address(self.node)}/", f"ws://{address(self.node)}/", "blob:")
        self.assertEqual([url for url in heard["requests"] if not url.startswith(own)], [])

    def open(self, view="", **options):
        browser("open", {"base": f"http://{address(self.node)}", **options})
        if view:
            browser("go", view)


class Page(Shown):
    def test_the_ring_the_nodes_and_the_charts_are_drawn(self):
        self.open()
        browser("wait", {"selector": "tr[data-node=node3]", "text": "up"})
        self.assertEqual(browser("count", "tr[data-node]"), 3)
        browser("wait", {"selector": ".ring-picture path[data-node=node3]"})
        self.assertEqual(browser("count", ".ring-picture path[data-node]"), 3)
        self.assertEqual(browser("count", ".chart canvas"), 2)
        browser("wait", {"selector": ".tile", "text": "3 of 3"})
        browser("wait", {"selector": ".top-end .badge", "text": "all well"})
        self.assertIn("this node", browser("text", "tr[data-node=node1]"))

        browser("hoverRing")
        owners = self.node.shoal("ring", "--json").json()["owners"]
        self.assertEqual(browser("text", ".ring-middle b"), "0")
        self.assertEqual(browser("texts", ".ring-middle li"), owners[0])
        self.assertLessEqual(browser("widest", ".ring-middle .mark"), 16)
        self.assertTrue(browser("tabTo", "svg[role=slider]"), "the focus is not visible")
        browser("keys", ["Home", "ArrowRight", "ArrowRight"])
        self.assertEqual(browser("attribute", {"selector": "svg[role=slider]", "name": "aria-valuenow"}), "2")
        self.assertIn("partition 2: " + ", ".join(owners[2]),
                      browser("attribute", {"selector": "svg[role=slider]", "name": "aria-valuetext"}))

    def test_a_key_is_put_read_changed_and_deleted_by_clicks(self):
        self.open("keys")
        browser("click", "text=New key")
        browser("fill", {"selector": "#new-key", "text": "clicked/a b?#%"})
        browser("fill", {"selector": "#new-value", "text": "first\nline"})
        browser("click", "form button:text-is('Put')")
        browser("wait", {"selector": ".value", "text": "first"})
        self.assertEqual(get("clicked/a b?#%"), ["first\nline"])

        browser("click", "text=Edit")
        browser("fill", {"selector": "#edit-value", "text": "second"})
        browser("fill", {"selector": "#edit-ttl", "text": "1h"})
        browser("click", "form button:text-is('Save')")
        browser("wait", {"selector": ".value", "text": "second"})
        browser("wait", {"selector": ".facts", "text": "expires in"})
        self.assertEqual(get("clicked/a b?#%"), ["second"])

        browser("click", "text=Delete…")
        browser("click", "dialog >> text=Cancel")
        browser("wait", {"selector": "dialog", "gone": True})
        self.assertEqual(get("clicked/a b?#%"), ["second"])
        browser("click", "text=Delete…")
        browser("click", "dialog button.is-danger")
        browser("wait", {"selector": ".keys-detail", "text": "There is no such key"})
        self.assertIsNone(get("clicked/a b?#%"))

    def test_all_of_it_goes_by_keyboard_alone(self):
        self.open()
        browser("wait", {"selector": "tr[data-node=node1]"})
        browser("keys", ["Tab"])
        self.assertIn("Skip", browser("focused"))
        self.assertTrue(browser("tabTo", "nav a[href='#keys']"))
        browser("keys", ["Enter"])
        self.assertTrue(browser("tabTo", ".keys-list button.is-main"))
        browser("keys", ["Enter"])
        browser("wait", {"selector": "#new-key:focus"})
        browser("type", "typed")
        browser("tabTo", "#new-value")
        browser("type", "by hand")
        self.assertTrue(browser("tabTo", "form.fields button.is-main"))
        browser("keys", ["Enter"])
        browser("wait", {"selector": ".value", "text": "by hand"})
        self.assertEqual(get("typed"), ["by hand"])

        browser("tabTo", ".is-key button.is-danger")
        browser("keys", ["Enter"])
        browser("wait", {"selector": "dialog"})
        browser("keys", ["Escape"])
        browser("wait", {"selector": "dialog", "gone": True})
        browser("tabTo", ".is-key button.is-danger")
        browser("keys", ["Enter"])
        browser("wait", {"selector": "dialog"})
        browser("tabTo", "dialog button.is-danger")
        browser("keys", ["Enter"])
        browser("wait", {"selector": ".keys-detail", "text": "There is no such key"})
        self.assertIsNone(get("typed"))

    def test_siblings_are_shown_side_by_side_and_resolved(self):
        def conflict(key):
            self.assertEqual(nodes[1].shoal("put", key, "-v", "base").status, 0)
            context = nodes[1].shoal("get", key, "--json").json()["context"]
            for value in ("left", "right"):
                self.assertEqual(nodes[2].shoal("put", key, "-v", value, "-c", context).status, 0)
            self.assertEqual(sorted(get(key)), ["left", "right"])

        self.open()
        conflict("both")
        browser("go", "keys=both")
        browser("wait", {"selector": ".sibling"})
        self.assertEqual(sorted(browser("texts", ".sibling .value")), ["left", "right"])
        browser("click", ".sibling:nth-child(2) >> text=Keep this one")
        browser("wait", {"selector": ".sibling", "gone": True})
        kept = browser("text", ".value")
        self.assertEqual(get("both"), [kept])

        conflict("merged")
        browser("go", "keys=merged")
        browser("click", "text=Merge by hand…")
        self.assertEqual(sorted(browser("value", "#edit-value").split("\n")), ["left", "right"])
        browser("fill", {"selector": "#edit-value", "text": "left and right"})
        browser("click", "form button:text-is('Save')")
        browser("wait", {"selector": ".value", "text": "left and right"})
        self.assertEqual(get("merged"), ["left and right"])

    def test_keys_are_listed_by_prefix_and_page_by_page(self):
        connection = http.client.HTTPConnection(nodes[1].host, nodes[1].http_port, timeout=cluster.DEADLINE_S)
        for number in range(120):
            connection.request("PUT", f"/kv/paged%3A{number:03}", body=b"x")
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.read()), (204, b""))
        connection.close()
        self.open("keys")
        browser("fill", {"selector": "#key-prefix", "text": "paged:"})
        browser("wait", {"selector": ".list-end", "text": "50 keys so far"})
        browser("click", "text=Show more")
        browser("wait", {"selector": ".list-end", "text": "100 keys so far"})
        browser("click", "text=Show more")
        browser("wait", {"selector": ".list-end", "text": "120 keys"})
        self.assertEqual(len(set(browser("texts", ".key-list a"))), 120)
        browser("fill", {"selector": "#key-prefix", "text": "paged:00"})
        browser("wait", {"selector": ".list-end", "text": "10 keys"})

    def test_hostile_keys_and_values_stay_text(self):
        self.open("feed")
        browser("wait", {"selector": ".card .badge", "text": "live"})
        for key in HOSTILE_KEYS:
            value = b"\x00\xfe" if b"\x00" in key else key
            self.assertEqual(ask(nodes[1], "/kv/" + percent(key), "PUT", body=value)[0], 204)
        browser("wait", {"selector": ".event .key", "text": "\\xff\\x00\\x1b"})
        self.assertEqual(browser("count", ".events script, .events img, .events svg[onload]"), 0)
        browser("go", "overview")
        browser("wait", {"selector": ".event", "text": "window.hacked"})
        browser("go", "keys")
        browser("wait", {"selector": ".key-list a", "text": "\\u{202e}right to left"})
        for key in HOSTILE_KEYS:
            browser("go", "keys=" + percent(key))
            browser("wait", {"selector": ".is-key .value"})
            if b"right to left" in key:
                browser("wait", {"selector": ".is-key .value", "text": "\\u{202e}right to left\\u{202c}"})
        # The last is no text: it is shown, and edited, as what it is.
        self.assertIn("000000  00 fe", browser("text", ".value"))
        browser("click", "text=Edit")
        self.assertEqual(browser("value", "#edit-value"), "00 fe")
        browser("fill", {"selector": "#edit-value", "text": "00 fe 01"})
        browser("click", "form button:text-is('Save')")
        browser("wait", {"selector": ".value", "text": "00 fe 01"})

    def test_hostile_names_of_nodes_stay_text(self):
        for name in ("<img src=x onerror=window.hacked=1>", "\u202e\"'><script>window.hacked=1</script>"):
            self.open(pretended=["node3", name])
            browser("wait", {"selector": "tr[data-node] .node-name", "text": name})
            browser("wait", {"selector": ".ring-legend", "text": name})
            self.assertEqual(browser("count", "main img, main script"), 0)
            browser("go", "cluster")
            browser("wait", {"selector": ".plain-table", "text": name})

    def test_the_feed_shows_what_others_do_filtered_and_paused(self):
        self.open("feed")
        browser("wait", {"selector": ".card .badge", "text": "live"})
        self.assertEqual(ask(nodes[1], "/kv/fed%3A1", "PUT", body=b"from outside")[0], 204)
        browser("wait", {"selector": ".event.is-put", "text": "fed:1"})
        self.assertIn("from outside", browser("text", ".event.is-put"))
        self.assertRegex(browser("text", ".event.is-put"), "node[123]")  # who coordinated it
        self.assertEqual(ask(nodes[2], "/kv/fed%3A1", "DELETE")[0], 204)
        browser("wait", {"selector": ".event.is-delete", "text": "fed:1"})

        browser("click", "text=Pause")
        ask(nodes[1], "/kv/fed%3A2", "PUT", body=b"while paused")
        browser("wait", {"selector": ".card .badge", "text": "1 new"})
        self.assertNotIn("while paused", " ".join(browser("texts", ".event")))
        browser("click", "text=Go on")
        browser("wait", {"selector": ".event", "text": "while paused"})

        browser("fill", {"selector": "#feed-prefix", "text": "only:"})
        browser("click", "text=Filter")
        browser("wait", {"selector": ".card .badge", "text": "live"})
        browser("wait", {"selector": ".event", "gone": True})
        cluster.wait_until(lambda: self.is_seen("only:yes", "other:no"), "the filtered feed has begun")

    def is_seen(self, wanted, other):
        """Puts both until the one is shown; the other never is."""
        for key in (other, wanted):
            ask(nodes[1], "/kv/" + key.replace(":", "%3A"), "PUT", body=b"x")
        shown = " ".join(browser("texts", ".event"))
        self.assertNotIn(other, shown)
        return wanted in shown

    def test_a_node_that_dies_and_comes_back_is_seen(self):
        self.open()
        browser("wait", {"selector": "tr[data-node=node3]", "text": "up"})
        nodes[2].kill()
        browser("wait", {"selector": "tr.is-down[data-node=node3]", "text": "down"})
        browser("wait", {"selector": ".banner.is-bad", "text": "node3 is down"})
        browser("wait", {"selector": ".top-end .badge.is-bad", "text": "1 down"})
        browser("wait", {"selector": ".tile.is-bad", "text": "2 of 3"})
        browser("go", "feed")
        browser("wait", {"selector": ".event.is-gap", "text": "node3"})
        browser("wait", {"selector": ".away", "text": "node3"})
        browser("wait", {"selector": ".feed [role=status]", "text": "gap: node3"})
        nodes[2].start()
        browser("wait", {"selector": ".event.is-back", "text": "node3"})
        browser("wait", {"selector": ".away", "gone": True})
        browser("go", "overview")
        browser("wait", {"selector": "tr[data-node=node3]", "text": "up"})
        browser("wait", {"selector": ".banner", "gone": True})

    def test_of_many_nodes_those_to_be_looked_at_come_first(self):
        self.open(width=320, crowded=200)
        browser("wait", {"selector": ".tile", "text": "203 of 203"})
        self.assertEqual(browser("count", "tr[data-node]"), 20)
        self.assertEqual(browser("attribute", {"selector": "tr[data-node]", "name": "data-node"}), "crowd199")
        taken = browser("widths")
        self.assertLessEqual(taken["taken"], taken["shown"])
        browser("click", "text=Show all 203")
        browser("wait", {"selector": "tr[data-node=crowd150]"})
        self.assertEqual(browser("count", "tr[data-node]"), 203)

    def test_the_page_says_when_its_own_node_does_not_answer(self):
        self.open()
        browser("wait", {"selector": "tr[data-node=node1]", "text": "up"})
        self.node.kill()
        browser("wait", {"selector": ".banner.is-bad", "text": "does not answer"})
        browser("wait", {"selector": ".top-end .badge.is-bad", "text": "no answer"})
        browser("go", "keys")
        browser("wait", {"selector": ".keys-list .problem", "text": "no connection"})
        self.node.start()
        browser("wait", {"selector": ".banner", "text": "does not answer", "gone": True})
        browser("wait", {"selector": ".keys-list .problem", "gone": True})
        browser("go", "overview")
        browser("wait", {"selector": "tr[data-node=node1]", "text": "up"})

    def test_plans_and_repair(self):
        self.open("cluster")
        browser("wait", {"selector": ".card .badge", "text": "settled"})
        browser("click", "text=Repair now")
        browser("wait", {"selector": ".callout", "text": "All 3 nodes compare"})
        browser("fill", {"selector": "#what-if", "text": "4"})
        browser("click", "form >> text=Show")
        browser("wait", {"selector": ".plan tr", "text": "joins"})
        for words in ("copies move", "Gives", "Worst node, off its share"):
            self.assertIn(words, browser("text", ".plan"))

    def test_every_view_suits_a_phone_and_a_reader(self):
        ask(nodes[1], "/kv/" + "a-very-long-name" * 12, "PUT", body=b"v" * 3000)
        long_one = "keys=" + "a-very-long-name" * 12
        for width, scheme, views in ((320, "light", ("overview", "keys", long_one, "feed", "cluster")),
                                     (1280, "dark", ("overview", long_one))):
            self.open(width=width, scheme=scheme)
            browser("wait", {"selector": "tr[data-node=node3]", "text": "up"})
            for view in views:
                browser("go", view)
                browser("wait", {"selector": "main .card >> visible=true"})
                if "=" in view:
                    browser("wait", {"selector": ".is-key .value"})
                taken = browser("widths")
                self.assertLessEqual(taken["taken"], taken["shown"], (view, width))
                self.assertEqual(browser("axe"), [], (view, width))

    def test_light_and_dark_follow_the_system_until_somebody_chooses(self):
        self.open(scheme="dark")
        browser("wait", {"selector": "tr[data-node=node1]"})
        dark = browser("background")
        browser("click", "button[aria-label^=Colours]")
        self.assertNotEqual(browser("background"), dark)
        browser("click", "button[aria-label^=Colours]")
        self.assertEqual(browser("background"), dark)

    @unittest.skipUnless(SHOTS, "pictures are made when SHOAL_PAGE_SHOTS names a folder")
    def test_pictures(self):
        os.makedirs(SHOTS, exist_ok=True)
        for width in (1280, 360):
            for scheme in ("light", "dark"):
                self.open(width=width, scheme=scheme)
                browser("wait", {"selector": "tr[data-node=node3]", "text": "up"})
                for view in ("overview", "keys", "feed", "cluster"):
                    browser("go", view)
                    browser("wait", {"selector": "main .card >> visible=true"})
                    browser("shot", os.path.join(SHOTS, f"{view}-{width}-{scheme}.png"))


class Wider(Shown):
    """Last, for the cluster is another afterwards."""

    def test_a_node_that_joins_is_seen_and_drawn(self):
        self.open("cluster")
        browser("wait", {"selector": ".card .badge", "text": "settled"})
        version = self.node.status()["layout"]["version"]
        joiner = group.add_node().start()
        group.join(joiner)
        browser("wait", {"selector": ".plain-table tr", "text": "node4"})
        browser("go", "overview")
        browser("wait", {"selector": "tr[data-node=node4]", "text": "up"})
        browser("wait", {"selector": ".ring-picture path[data-node=node4]"})
        browser("wait", {"selector": ".ring-middle", "text": f"layout {version + 1}"})
        browser("wait", {"selector": ".tile", "text": "4 of 4"})


if __name__ == "__main__":
    try:
        FOUND = tools()
    except node_clients.Missing as missing:
        print(f"the admin page is not tested in a browser: {missing}")
        sys.exit(STATUS_SKIPPED)
    browser = Browser(*FOUND)
    try:
        cluster.main()
    finally:
        browser.close()
