/* A chart of the last minutes (uPlot), as wide as its place. Its colours are the style sheet's; what
 * it shows is also said in words, for those who don't see it. */
import uPlot from "uplot";
import { useEffect, useRef } from "preact/hooks";
import { html } from "./html.js";
import { onTheme } from "./theme.js";

const HEIGHT = 190;
const SHOWN_S_MIN = 30;
const SHOWN_S = 180;

/* "var(--x)" as the colour that it stands for now. */
function colour(value) {
    const name = /^var\((--[\w-]+)\)$/.exec(value)?.[1];
    return name ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : value;
}

function axes(format) {
    const plain = {
        stroke: () => colour("var(--muted)"),
        grid: { stroke: () => colour("var(--line)"), width: 1 },
        ticks: { show: false },
        font: "11px system-ui, sans-serif",
    };
    return [
        { ...plain, grid: { show: false }, space: 70, size: 26, gap: 6, values: (_, list) => list.map((at) => clock(at)) },
        { ...plain, size: 58, gap: 6, space: 36, values: (_, list) => list.map((value) => (value === 0 ? "0" : format(value))) },
    ];
}

const clock = (at) => new Date(at * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

function optionsOf(lines, format, least, width) {
    return {
        width,
        height: HEIGHT,
        padding: [10, 30, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
        scales: {
            x: { time: true, range: (_, from, to) => [Math.max(to - SHOWN_S, Math.min(from, to - SHOWN_S_MIN)), to] },
            y: { range: (_, lowest, highest) => [0, Math.max(highest * 1.15 || 0, least)] },
        },
        axes: axes(format),
        series: [
            {},
            ...lines.map((line) => ({
                label: line.label,
                stroke: () => colour(line.colour),
                width: line.isMain ? 2.25 : 1.5,
                dash: line.dash,
                fill: line.isMain ? () => colour("var(--chart-fill)") : undefined,
                points: { show: false },
                spanGaps: false,
            })),
        ],
    };
}

/* The values under the pointer, beside it. */
function tipPlugin(lines, format) {
    let tip;
    return {
        hooks: {
            init: (chart) => {
                tip = document.createElement("div");
                tip.className = "chart-tip";
                tip.hidden = true;
                chart.over.appendChild(tip);
                chart.over.addEventListener("mouseleave", () => (tip.hidden = true));
            },
            setCursor: (chart) => {
                const { idx, left } = chart.cursor;
                tip.hidden = idx == null || left < 0;
                if (tip.hidden) {
                    return;
                }
                tip.textContent = "";
                const rows = [clock(chart.data[0][idx]), ...lines.map((line, i) => line.label + "  " + format(chart.data[i + 1][idx]))];
                for (const text of rows) {
                    tip.appendChild(document.createElement("div")).textContent = text;
                }
                const isRight = left > chart.over.clientWidth / 2;
                tip.style.left = isRight ? "" : left + 12 + "px";
                tip.style.right = isRight ? chart.over.clientWidth - left + 12 + "px" : "";
            },
        },
    };
}

/* `lines`: [{ label, colour, dash, isMain, values }], each as long as `times` (seconds). The scale goes up to
 * `least` or more, so that next to nothing looks like that; `empty` is said while there is nothing at all. */
export function Chart({ times, lines, format, least, words, empty }) {
    const place = useRef(null);
    const chart = useRef(null);
    const shape = lines.map((line) => line.label).join("\n");

    useEffect(() => {
        const box = place.current;
        const options = optionsOf(lines, format, least, Math.max(box.clientWidth, 200));
        const made = new uPlot({ ...options, plugins: [tipPlugin(lines, format)] }, [times, ...lines.map((line) => line.values)], box);
        chart.current = made;
        const watcher = new ResizeObserver(() => made.setSize({ width: Math.max(box.clientWidth, 200), height: HEIGHT }));
        watcher.observe(box);
        const stop = onTheme(() => made.redraw(false, true));
        return () => {
            stop();
            watcher.disconnect();
            made.destroy();
            chart.current = null;
        };
    }, [shape]);

    useEffect(() => {
        chart.current?.setData([times, ...lines.map((line) => line.values)]);
    });

    return html`<div class="chart"><div ref=${place} role="img" aria-label=${words}></div>
        ${lines[0].values.every((value) => value === null) && html`<p class="chart-empty">${empty}</p>`}</div>`;
}

/* What the lines of a chart are. */
export function Legend({ lines }) {
    return html`<ul class="legend">
        ${lines.map((line) => html`<li key=${line.label}>
            <svg class="stroke" viewBox="0 0 22 8" aria-hidden="true" style=${{ color: line.colour }}>
                <line x1="0" y1="4" x2="22" y2="4" stroke="currentColor" stroke-width=${line.isMain ? 3 : 2}
                    stroke-dasharray=${(line.dash ?? []).join(" ")} />
            </svg>
            <span class="clip">${line.label}</span> <b>${line.now}</b>
        </li>`)}
    </ul>`;
}
