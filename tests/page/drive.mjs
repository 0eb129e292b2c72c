/* A browser for test_page.py: reads commands from standard input, a line of JSON each ([name, argument]),
 * and answers each with a line: {"is": what came of it} or {"failed": why}. It ends with its input.
 *
 * Usage: node drive.mjs MODULES CHROMIUM   */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";

const [modules, chromiumPath] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "x.js"));
const { chromium } = require("playwright-core");

const WAIT_MS = Number(process.env.SHOAL_TEST_DEADLINE ?? 60) * 1000;
const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
let page = null;
let heard = { errors: [], requests: [] };

/* Chromium itself writes a line when an answer is no 2xx or a connection fails. That is no error of the
 * page where it is part of the test: a node that is down, a key that isn't there. */
const isOfNetwork = (text) => /^(Failed to load resource|WebSocket connection to)/.test(text);

/* What the node says is changed on its way. A page that is closed meanwhile has no use for it. */
async function rewrite(paths, change) {
    await page.route(paths, async (route) => {
        try {
            const answer = await route.fetch();
            await route.fulfill({ response: answer, body: change(await answer.text()) });
        } catch {
            await route.abort().catch(() => {});
        }
    });
}

/* It has one text in place of another. */
const pretend = ([real, other]) =>
    rewrite(/\/(v1\/[a-z]+|stats)$/, (text) => text.replaceAll(JSON.stringify(real), JSON.stringify(other)));

/* It tells of so many more nodes, the like of its first; the last of them owes hints. */
const crowd = (number) =>
    rewrite(/\/(v1\/status|stats)$/, (text) => {
        const body = JSON.parse(text);
        const nodes = body.nodes ?? body;
        const others = Array.from({ length: number }, (_, i) => ({ ...nodes[0], name: "crowd" + i, id: "crowd" + i, hints: i === number - 1 ? 7 : 0 }));
        nodes.push(...others);
        return JSON.stringify(body);
    });

const commands = {
    async open({ base, width = 1280, height = 800, scheme = "light", pretended = null, crowded = 0 }) {
        await page?.context().close();
        heard = { errors: [], requests: [] };
        const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: "reduce" });
        page = await context.newPage();
        page.setDefaultTimeout(WAIT_MS);
        page.on("console", (message) => {
            if (message.type() === "error" && !isOfNetwork(message.text())) {
                heard.errors.push(message.text());
            }
        });
        page.on("pageerror", (error) => heard.errors.push(String(error.stack)));
        page.on("request", (request) => heard.requests.push(request.url()));
        page.on("websocket", (socket) => heard.requests.push(socket.url()));
        if (pretended !== null) {
            await pretend(pretended);
        }
        if (crowded > 0) {
            await crowd(crowded);
        }
        await page.goto(base + "/");
    },
    async heard() {
        return { ...heard, hacked: await page.evaluate(() => window.hacked ?? null) };
    },
    go: (view) => page.evaluate((hash) => void (location.hash = hash), view),
    /* Waits until it is there, and tells its text. */
    text: async (selector) => (await page.locator(selector).first().innerText()).trim(),
    texts: async (selector) => (await page.locator(selector).allInnerTexts()).map((text) => text.trim()),
    count: (selector) => page.locator(selector).count(),
    wait: async ({ selector, text, gone = false }) => {
        const found = text === undefined ? page.locator(selector) : page.locator(selector, { hasText: text });
        await found.first().waitFor({ state: gone ? "hidden" : "visible" });
    },
    click: (selector) => page.locator(selector).first().click(),
    fill: ({ selector, text }) => page.locator(selector).fill(text),
    value: (selector) => page.locator(selector).inputValue(),
    keys: async (keys) => {
        for (const key of keys) {
            await page.keyboard.press(key);
        }
    },
    type: (text) => page.keyboard.type(text),
    /* Goes on with Tab until the element that has the focus fits; the way a person without a mouse gets there. */
    async tabTo(selector) {
        for (let i = 0; i < 200; i++) {
            if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) {
                return page.evaluate(() => {
                    const style = getComputedStyle(document.activeElement);
                    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
                });
            }
            await page.keyboard.press("Tab");
        }
        throw new Error("Tab never comes to " + selector);
    },
    focused: () => page.evaluate(() => document.activeElement?.outerHTML.slice(0, 300)),
    /* Over the ring, at its top, on the outermost band. */
    async hoverRing() {
        const box = await page.locator(".ring-picture svg").boundingBox();
        await page.mouse.move(box.x + box.width / 2 + 3, box.y + box.height * 0.06);
    },
    attribute: ({ selector, name }) => page.locator(selector).first().getAttribute(name),
    /* The widest of what fits. */
    widest: (selector) => page.locator(selector).evaluateAll((all) => Math.max(...all.map((one) => one.getBoundingClientRect().width))),
    widths: () => page.evaluate(() => ({ shown: innerWidth, taken: document.documentElement.scrollWidth })),
    background: () => page.evaluate(() => getComputedStyle(document.body).backgroundColor),
    shot: (file) => page.screenshot({ path: file, fullPage: true }),
    async axe() {
        // Not added as a script element: the page's policy would forbid that, as it should.
        await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
        return violations.flatMap(({ id, nodes }) => nodes.map((node) => id + ": " + node.html.slice(0, 200) + " " + node.failureSummary));
    },
};

for await (const line of createInterface({ input: process.stdin })) {
    const [name, argument] = JSON.parse(line);
    let answer;
    try {
        answer = { is: (await commands[name](argument)) ?? null };
    } catch (error) {
        answer = { failed: String(error.stack ?? error) };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
