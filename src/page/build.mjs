/* Makes of the sources what the server carries: one script, one style sheet, and beside them the
 * page, its icon and the licences of what is in the script. The same sources and packages give the
 * same bytes, on every machine.
 *
 * Usage: node build.mjs MODULES OUT   (scripts/page calls it)   */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const [modules, out] = process.argv.slice(2).map((folder) => path.resolve(folder));
const esbuild = createRequire(path.join(modules, "x.js"))("esbuild");
const BUNDLED = ["preact", "htm", "uplot"];

/* What the page never draws with hangs on uPlot's constructor, where no bundler sees that it isn't used. */
const UNUSED = [
    "(paths.stepped = stepped);",
    "(paths.bars    = bars);",
    "(paths.spline  = monotoneCubic);",
    "uPlot.join = join;",
];

/* Leaves that out, and the indentation of templates, which is nothing to a browser. */
const slim = {
    name: "slim",
    setup(build) {
        build.onLoad({ filter: /uPlot\.esm\.js$/ }, async ({ path: file }) => {
            let contents = await readFile(file, "utf8");
            for (const line of UNUSED) {
                if (contents.split(line).length !== 2) {
                    throw new Error("uPlot has changed: it doesn't say once " + line);
                }
                contents = contents.replace(line, "");
            }
            return { contents };
        });
        build.onLoad({ filter: /source[/\\][a-z_]+\.js$/ }, async ({ path: file }) => {
            return { contents: (await readFile(file, "utf8")).replace(/\n\s+/g, "\n") };
        });
    },
};

async function licences() {
    let text = "The admin page of Shoal contains these works of others, each under its own licence.\n";
    for (const name of BUNDLED) {
        const about = JSON.parse(await readFile(path.join(modules, name, "package.json"), "utf8"));
        const licence = await readFile(path.join(modules, name, "LICENSE"), "utf8");
        const rule = "=".repeat(78);
        text += `\n${rule}\n${name} ${about.version} (${about.license})\n${rule}\n\n${licence.trim()}\n`;
    }
    return text;
}

await mkdir(out, { recursive: true });
await esbuild.build({
    entryPoints: { page: path.join(here, "source", "main.js") },
    outfile: path.join(out, "page.js"),
    bundle: true,
    minify: true,
    format: "iife",
    target: ["es2022"],
    charset: "utf8",
    legalComments: "none",
    nodePaths: [modules],
    plugins: [slim],
    logLevel: "warning",
});
await esbuild.build({
    entryPoints: [path.join(here, "style", "page.css")],
    outfile: path.join(out, "page.css"),
    bundle: true,
    minify: true,
    target: ["chrome111", "firefox113", "safari16.2"],
    charset: "utf8",
    legalComments: "none",
    nodePaths: [modules],
    logLevel: "warning",
});
for (const name of ["index.html", "icon.svg"]) {
    await copyFile(path.join(here, name), path.join(out, name));
}
await writeFile(path.join(out, "licences.txt"), await licences());
