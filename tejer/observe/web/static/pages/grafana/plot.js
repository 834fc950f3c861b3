/** The options of uPlot for a panel of lines, areas, bars or points. */
import uPlot from "../../vendor/uplot.js";
import { yRange } from "../../lib/chart.js";
import { dateTime } from "../../lib/i18n.js";
import { token } from "../../lib/theme.js";
import { format, isBinary } from "./units.js";

const POWERS_OF_TWO = Array.from({ length: 60 }, (_, power) => 2 ** (power - 4));

/**
 * @typedef {{name: string, color: string, style: import("./looks.js").Style, values: (number | null)[]}} Line
 */

/** What is drawn: sums where lines are stacked, each on its own axis. @param {Line[]} lines @returns {(number | null)[][]} */
export function heights(lines) {
  /** @type {Record<string, number[]>} */
  const below = {};
  const totals = shareTotals(lines);
  return lines.map((line) => {
    const values = line.style.negative ? line.values.map((value) => (value === null ? null : -value)) : line.values;
    const group = stackOf(line);
    if (!group) return values;
    const floor = below[group] ?? [];
    const sums = values.map((value, at) => {
      const part = line.style.stacking === "percent" ? (value ?? 0) / (totals[at] || 1) : value ?? 0;
      return (floor[at] ?? 0) + part;
    });
    below[group] = sums;
    return sums;
  });
}

/** @param {Line[]} lines */
function shareTotals(lines) {
  /** @type {number[]} */
  const totals = [];
  for (const line of lines) {
    if (line.style.stacking === "percent") line.values.forEach((value, at) => (totals[at] = (totals[at] ?? 0) + Math.abs(value ?? 0)));
  }
  return totals;
}

/** Where a line stands in a stack: lines of one group are summed. @param {Line} line */
const stackOf = ({ style }) => (style.stacking && style.stacking !== "none" ? `${style.axis}${Boolean(style.negative)}` : "");

/** Each stacked area is filled down to the one below it, so colours don't mix. @param {Line[]} lines */
function bands(lines) {
  /** @type {Record<string, number>} */
  const below = {};
  const found = [];
  for (const [at, line] of lines.entries()) {
    const stack = stackOf(line);
    if (!stack) continue;
    if (stack in below) found.push({ series: [at + 1, below[stack] + 1], dir: line.style.negative ? 1 : -1 });
    below[stack] = at;
  }
  return found;
}

/** @param {Line} line */
export const isRight = (line) => line.style.axis === "right";

/**
 * @param {{lines: Line[], width: number, height: number, span: () => [number, number], sync: string,
 *   onCursor: (plot: any) => void, onZoom: (startMs: number, endMs: number) => void}} given
 */
export function plotOptions({ lines, width, height, span, sync, onCursor, onZoom }) {
  const right = lines.some(isRight);
  return {
    width, height, legend: { show: false }, padding: [8, right ? 0 : 12, 0, 0],
    cursor: { sync: sync ? { key: sync, setSeries: false } : undefined, y: false, points: { size: 6 }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: true, range: span },
      y: scale(lines.filter((line) => !isRight(line))),
      ...(right ? { right: scale(lines.filter(isRight)) } : {}),
    },
    axes: [
      { ...axis(), size: 24, space: 58, values: timeTicks },
      { ...axis(), ...valueAxis(lines.filter((line) => !isRight(line)), "y") },
      ...(right ? [{ ...axis(), ...valueAxis(lines.filter(isRight), "right"), side: 1, grid: { show: false } }] : []),
    ],
    series: [{}, ...lines.map(lineOptions)],
    bands: bands(lines),
    hooks: {
      setCursor: [onCursor],
      setSelect: [(/** @type {any} */ plot) => {
        const { left, width: wide } = plot.select;
        if (wide > 4) onZoom(plot.posToVal(left, "x") * 1000, plot.posToVal(left + wide, "x") * 1000);
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      }],
    },
  };
}

/** @param {Line[]} lines */
function scale(lines) {
  const styles = lines.map((line) => line.style);
  const min = styles.find((style) => style.min !== undefined)?.min;
  const max = styles.find((style) => style.max !== undefined)?.max;
  if (styles.some((style) => style.stacking === "percent")) return { range: () => [0, 1] };
  const base = styles.find((style) => style.logBase)?.logBase;
  if (base) return { distr: 3, log: base === 2 ? 2 : 10 };
  return {
    range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => {
      const [bottom, top] = yRange(low, high, min, max);
      return top > bottom ? [bottom, top] : [bottom, bottom + 1];
    },
  };
}

function axis() {
  return {
    stroke: token("--text-quiet"), grid: { stroke: token("--line"), width: 1 }, ticks: { show: false },
    font: `11px ${token("--font")}`, gap: 5,
  };
}

/** @param {Line[]} lines @param {string} name */
function valueAxis(lines, name) {
  const style = lines[0]?.style ?? {};
  return {
    scale: name, ...(isBinary(style.unit) ? { incrs: POWERS_OF_TWO } : {}), show: style.axis !== "hidden", space: 26,
    values: (/** @type {any} */ _, /** @type {(number | null)[]} */ ticks) => tickTexts(ticks, style),
    size: (/** @type {any} */ _, /** @type {string[]} */ texts) => Math.max(34, 12 + Math.max(0, ...(texts ?? []).map((text) => text.length)) * 6),
    ...(style.axisLabel ? { label: style.axisLabel, labelSize: 18, labelFont: `11px ${token("--font")}` } : {}),
  };
}

/** With as many decimals as it takes to tell one from the next. @param {(number | null)[]} ticks @param {import("./looks.js").Style} style */
function tickTexts(ticks, style) {
  const unit = style.stacking === "percent" ? "percentunit" : style.unit;
  const write = (/** @type {number | undefined} */ decimals) => ticks.map((tick) => (tick === null ? "" : format(Number(tick.toPrecision(12)) || 0, unit, decimals)));
  const ways = [undefined, 2, 4, 6].map(write);
  const shown = ticks.filter((tick) => tick !== null).length;
  return ways.find((texts) => new Set(texts.filter(Boolean)).size === shown) ?? ways[0];
}

/** @param {Line} line */
function lineOptions({ name, color, style }) {
  const width = style.lineWidth ?? 1;
  const fill = style.fillOpacity ? faded(color, style.fillOpacity / 100) : undefined;
  const base = {
    label: name, scale: isRight(/** @type {any} */ ({ style })) ? "right" : "y", stroke: color, fill, width: Math.max(width, 1.25),
    spanGaps: Boolean(style.spanNulls), points: { show: lonely, size: 5, fill: color },
  };
  if (style.draw === "bars") return { ...base, fill: faded(color, Math.max(0.4, (style.fillOpacity ?? 0) / 100)), paths: uPlot.paths.bars({ size: [0.8, 60] }), points: { show: false } };
  if (style.draw === "points") return { ...base, fill: undefined, paths: () => null, points: { show: true, size: 5, fill: color } };
  if (style.lineInterpolation?.startsWith("step")) return { ...base, paths: uPlot.paths.stepped({ align: style.lineInterpolation === "stepBefore" ? -1 : 1 }) };
  return style.lineInterpolation === "smooth" ? { ...base, paths: uPlot.paths.spline() } : base;
}

/** Points where there is no line to see: neighbours of a value are missing. @param {any} plot @param {number} at */
function lonely(plot, at) {
  const values = plot.data[at];
  return values.length < 200 && values.every((/** @type {any} */ value, /** @type {number} */ place) =>
    value === null || ((values[place - 1] ?? null) === null && (values[place + 1] ?? null) === null));
}

/** @param {string} color @param {number} opacity */
export function faded(color, opacity) {
  if (/^#[0-9a-f]{6}$/i.test(color)) return color + Math.round(Math.min(opacity, 1) * 255).toString(16).padStart(2, "0");
  return `color-mix(in srgb, ${color} ${Math.round(opacity * 100)}%, transparent)`;
}

/** @param {any} _ @param {number[]} ticks */
function timeTicks(_, ticks) {
  const span = (ticks.at(-1) ?? 0) - (ticks[0] ?? 0);
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 60;
  /** @type {Intl.DateTimeFormatOptions} */
  const how = step >= 86400 ? { month: "short", day: "numeric" }
    : span >= 86400 ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false }
    : { hour: "2-digit", minute: "2-digit", second: step < 60 ? "2-digit" : undefined, hour12: false };
  return ticks.map((tick) => dateTime(tick * 1000, how));
}
