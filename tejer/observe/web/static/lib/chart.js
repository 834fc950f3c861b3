/**
 * Lines, areas, bars and points over time, drawn by uPlot, with a legend that is a real list.
 * @typedef {{label: string, values: (number | null)[], color?: string, dash?: number[], fill?: number, width?: number,
 *   kind?: "line" | "bars" | "points", key?: string}} Series
 *   `fill` is an opacity; `color` a CSS colour, by default that of its place in the list
 */
import uPlot from "../vendor/uplot.js";
import { compact } from "./format.js";
import { dateTime, t } from "./i18n.js";
import { dark, seriesColor, token } from "./theme.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./ui.js";

/** Series laid on each other. @param {Series[]} series @returns {Series[]} */
export function stacked(series) {
  /** @type {number[]} */
  let below = [];
  return series.map((one) => {
    const values = one.values.map((value, at) => (value ?? 0) + (below[at] ?? 0));
    below = values;
    return { ...one, values };
  });
}

/** "a=1 b=2" without what all series share. @param {Record<string, string>[]} all @param {Record<string, string>} one */
export function distinct(all, one) {
  return Object.entries(one).filter(([name, value]) => all.some((other) => other[name] !== value));
}

/**
 * @param {{label: string, times: number[], series: Series[], height?: number, stack?: boolean, format?: (value: number) => string,
 *   onZoom?: (startMs: number, endMs: number) => void, legend?: boolean, sync?: string, min?: number, max?: number,
 *   span?: [number, number]}} props `times` and `span` in seconds; `label` says what is drawn
 */
export function Chart(props) {
  const { label, times, series, height = 280, stack = false, format = compact, legend = true } = props;
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const [only, setOnly] = useState(/** @type {Set<string>} */ (new Set()));
  const [cursor, setCursor] = useState(/** @type {number | null} */ (null));
  const isDark = dark.value;
  const colored = useMemo(
    () => series.map((one, at) => ({ ...one, key: one.key ?? one.label, color: one.color ?? seriesColor(at) })), [series, isDark]);
  const shown = colored.filter((one) => only.size === 0 || only.has(one.key));
  const drawn = stack ? stacked(shown).reverse() : shown;

  useLayoutEffect(() => {
    if (!box.current) return undefined;
    const data = [times, ...drawn.map((one) => one.values)];
    const options = chartOptions({ ...props, height, format }, drawn, box.current.clientWidth, setCursor);
    plot.current = new uPlot(options, data, box.current);
    return () => plot.current.destroy();
  }, [times, colored, only, stack, height, isDark]);

  useEffect(() => {
    if (!box.current) return undefined;
    const observer = new ResizeObserver(([entry]) => plot.current?.setSize({ width: entry.contentRect.width, height }));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [height]);

  const toggle = (/** @type {string} */ key, /** @type {boolean} */ add) => {
    const next = new Set(add ? only : []);
    if (only.has(key)) next.delete(key);
    else next.add(key);
    setOnly(next);
  };
  return html`<figure class="chart">
    <div class="chart-canvas" role="img" aria-label=${`${label}: ${t("chart.series", { count: series.length })}`} ref=${box}></div>
    ${legend && html`<${Legend} series=${colored} only=${only} cursor=${cursor} times=${times} format=${format} onToggle=${toggle} />`}
  </figure>`;
}

/** @param {any} props @param {any[]} series @param {number} width @param {(index: number | null) => void} onCursor */
function chartOptions(props, series, width, onCursor) {
  const axis = {
    stroke: token("--text-quiet"), grid: { stroke: token("--line"), width: 1 }, ticks: { show: false },
    font: `11px ${token("--font")}`, gap: 6,
  };
  return {
    width, height: props.height, legend: { show: false }, padding: [10, 8, 0, 0],
    cursor: {
      sync: props.sync ? { key: props.sync } : undefined, y: false, points: { size: 7 },
      drag: { x: Boolean(props.onZoom), y: false, setScale: false },
    },
    scales: {
      x: { time: true, range: props.span ? () => props.span : undefined },
      y: { range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => yRange(low, high, props.min, props.max) },
    },
    axes: [
      { ...axis, space: 80, values: timeTicks },
      { ...axis, size: axisSize, values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map((tick) => props.format(tick)) },
    ],
    series: [{}, ...series.map(seriesOptions)],
    hooks: {
      setCursor: [(/** @type {any} */ u) => onCursor(u.cursor.idx ?? null)],
      setSelect: [(/** @type {any} */ u) => {
        if (u.select.width < 4 || !props.onZoom) return;
        props.onZoom(u.posToVal(u.select.left, "x") * 1000, u.posToVal(u.select.left + u.select.width, "x") * 1000);
        u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      }],
    },
  };
}

/** @param {any} one */
function seriesOptions(one) {
  const base = { label: one.label, stroke: one.color, width: one.width ?? 1.5, dash: one.dash, points: { show: pointsShown, size: 5 } };
  if (one.kind === "bars") return { ...base, fill: alpha(one.color, 0.7), width: 0, paths: uPlot.paths.bars({ size: [0.8, 40] }), points: { show: false } };
  if (one.kind === "points") return { ...base, paths: () => null, points: { show: true, size: 5, fill: one.color } };
  return one.fill ? { ...base, fill: alpha(one.color, one.fill) } : base;
}

/** Points only where a line can't be seen. @param {any} u @param {number} at */
function pointsShown(u, at) {
  return u.data[at].filter((/** @type {number | null} */ value) => value !== null).length < 2;
}

/** @param {string} color #rrggbb @param {number} opacity */
const alpha = (color, opacity) => (/^#\w{6}$/.test(color) ? color + Math.round(opacity * 255).toString(16).padStart(2, "0") : color);

/** Zero is in sight unless the values are far from it. @param {number | null} low @param {number | null} high @param {number} [min] @param {number} [max] */
export function yRange(low, high, min = undefined, max = undefined) {
  if (low === null || high === null) return [min ?? 0, max ?? 1];
  const span = high - low || Math.abs(high) || 1;
  const bottom = low >= 0 && low < span * 2 ? 0 : low - span * 0.08;
  const top = high <= 0 && -high < span * 2 ? 0 : high + span * 0.08;
  return [min ?? bottom, max ?? top];
}

/** @param {any} u @param {string[]} values */
function axisSize(u, values) {
  const longest = Math.max(0, ...(values ?? []).map((value) => value.length));
  return Math.max(44, 14 + longest * 6.5);
}

/** @param {any} u @param {number[]} ticks */
function timeTicks(u, ticks) {
  const span = (ticks.at(-1) ?? 0) - (ticks[0] ?? 0);
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : span;
  /** @type {Intl.DateTimeFormatOptions} */
  const options = step >= 86400 ? { month: "short", day: "numeric" }
    : span >= 86400 ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false }
    : { hour: "2-digit", minute: "2-digit", second: step < 60 ? "2-digit" : undefined, hour12: false };
  return ticks.map((tick) => dateTime(tick * 1000, options));
}

/**
 * @param {{series: any[], only: Set<string>, cursor: number | null, times: number[], format: (value: number) => string,
 *   onToggle: (key: string, add: boolean) => void}} props
 */
function Legend({ series, only, cursor, times, format, onToggle }) {
  const at = cursor ?? times.length - 1;
  return html`<figcaption class="legend">
    <p class="legend-time">${cursor !== null && times[at] !== undefined ? dateTime(times[at] * 1000) : t("chart.latest")}</p>
    <ul>${series.slice(0, 100).map((one) => html`<li key=${one.key}>
      <button type="button" class="legend-item" aria-pressed=${only.has(one.key)} data-faded=${only.size > 0 && !only.has(one.key)}
        title=${t("chart.only")} onClick=${(/** @type {MouseEvent} */ e) => onToggle(one.key, e.ctrlKey || e.metaKey || e.shiftKey)}>
        <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2" fill=${one.color} /></svg>
        <span class="legend-label">${one.label}</span>
        <span class="legend-value">${typeof one.values[at] === "number" ? format(one.values[at]) : "–"}</span>
      </button></li>`)}</ul>
    ${series.length > 100 && html`<p class="hint">${t("chart.more", { count: series.length - 100 })}</p>`}
  </figcaption>`;
}
