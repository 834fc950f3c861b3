/**
 * Colours and words of a value, by its field's style: thresholds, mappings, unit.
 * @typedef {{unit?: string, decimals?: number, min?: number, max?: number, displayName?: string, noValue?: string,
 *   colorMode?: string, color?: string, thresholdMode?: string, thresholds?: {value?: number, color?: string}[],
 *   mappings?: {kind: string, match?: string, low?: number, high?: number, text?: string, color?: string}[],
 *   links?: {title?: string, url: string}[], draw?: string, lineWidth?: number, lineInterpolation?: string, fillOpacity?: number,
 *   stacking?: string, spanNulls?: boolean, axis?: string, axisLabel?: string, logBase?: number, hideLegend?: boolean,
 *   negative?: boolean, width?: number, align?: string, cell?: string}} Style
 */
import { seriesColor, token } from "../../lib/theme.js";
import { format } from "./units.js";

/** Grafana's hues as ours, which are readable on both themes. */
const HUES = { green: "--good", red: "--bad", orange: "--warn", yellow: "--series-10", blue: "--series-2", purple: "--series-4", text: "--text" };

/** A colour of the JSON as CSS. @param {string | undefined} name */
export function cssColor(name) {
  if (!name || name === "transparent") return "";
  const hue = HUES[/** @type {"red"} */ (name.replace(/^(semi-dark|super-light|dark|light)-/, ""))];
  return hue ? token(hue) : name;
}

/** The mapping that says what `value` is called, if any. @param {any} value @param {Style} style */
export function mapped(value, style) {
  return (style.mappings ?? []).find((one) => {
    if (one.kind === "value") return String(value) === one.match;
    if (one.kind === "range") return typeof value === "number" && value >= (one.low ?? -Infinity) && value <= (one.high ?? Infinity);
    if (one.kind === "special") return isSpecial(value, one.match ?? "");
    return matches(one.match ?? "", String(value));
  });
}

/** @param {any} value @param {string} what */
function isSpecial(value, what) {
  const none = value === null || value === undefined;
  if (what === "null") return none;
  if (what === "nan" || what === "null+nan") return Number.isNaN(value) || (none && what !== "nan");
  if (what === "empty") return value === "";
  return String(value) === what;
}

/** @param {string} pattern "/body/flags" or a body @param {string} text */
function matches(pattern, text) {
  const [, body, flags] = /^\/(.*)\/(i?)[a-z]*$/s.exec(pattern) ?? [null, pattern, ""];
  try {
    return text.length < 1000 && new RegExp(body ?? "", flags).test(text);
  } catch {
    return false;
  }
}

/** What is written for a value. @param {any} value @param {Style} style */
export function words(value, style) {
  const text = mapped(value, style)?.text;
  if (text !== undefined && text !== null) return text;
  if (value === null || value === undefined) return style.noValue || "–";
  return format(value, style.unit, style.decimals);
}

/** The colour of the threshold that `value` has reached, or "". @param {any} value @param {Style} style */
export function thresholdColor(value, style) {
  const name = mapped(value, style)?.color;
  if (name) return cssColor(name);
  if (typeof value !== "number") return "";
  const low = style.min ?? 0;
  const shown = style.thresholdMode === "percentage" ? ((value - low) / ((style.max ?? 100) - low)) * 100 : value;
  let color = "";
  for (const step of style.thresholds ?? []) if (step.value === undefined || shown >= step.value) color = step.color ?? "";
  return cssColor(color);
}

/** The colour of a line, bar or slice: its own, its threshold's, or that of its place. @param {Style} style @param {number} place @param {any} last */
export function lineColor(style, place, last) {
  if (style.colorMode === "fixed" || style.colorMode === "shades") return cssColor(style.color) || seriesColor(place);
  if (style.colorMode === "thresholds") return thresholdColor(last, style) || seriesColor(place);
  return seriesColor(place);
}
