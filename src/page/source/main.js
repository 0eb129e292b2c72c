/* Where the page begins. */
import { render } from "preact";
import { fromPercent } from "./bytes.js";
import { feedBegin } from "./feed.js";
import { html } from "./html.js";
import { pollBegin } from "./poll.js";
import { Shell, VIEWS } from "./shell.js";
import { change } from "./store.js";
import { themeApply } from "./theme.js";

/* #overview, #keys, #keys=KEY (percent-encoded), #feed, #cluster */
function route() {
    const [view, ...rest] = location.hash.slice(1).split("=");
    const key = rest.join("=");
    change({
        view: Object.hasOwn(VIEWS, view) ? view : "overview",
        opened: view === "keys" && key !== "" ? fromPercent(key) : null,
    });
}

themeApply();
document.addEventListener("DOMContentLoaded", () => {
    route();
    addEventListener("hashchange", route);
    render(html`<${Shell} />`, document.getElementById("page"));
    pollBegin();
    feedBegin();
});
