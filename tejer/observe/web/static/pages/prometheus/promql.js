/** What the expression field knows of PromQL: where the caret is, and what may stand there. Pure. */
import { matching, wordAt } from "../../lib/combobox.js";

export const FUNCTIONS = [
  "abs", "absent", "absent_over_time", "avg", "avg_over_time", "bottomk", "ceil", "changes", "clamp", "clamp_max", "clamp_min", "count",
  "count_over_time", "count_values", "day_of_month", "day_of_week", "days_in_month", "delta", "deriv", "exp", "floor", "group",
  "histogram_quantile", "hour", "idelta", "increase", "irate", "label_join", "label_replace", "last_over_time", "ln", "log10", "log2", "max",
  "max_over_time", "min", "min_over_time", "minute", "month", "predict_linear", "present_over_time", "quantile", "quantile_over_time",
  "rate", "resets", "round", "scalar", "sgn", "sort", "sort_desc", "sqrt", "stddev", "stddev_over_time", "stdvar", "sum",
  "sum_over_time", "time", "timestamp", "topk", "vector", "year",
];
const KEYWORDS = ["by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool", "and", "or", "unless"];

/**
 * What is being typed at the caret.
 * @param {string} text @param {number} caret
 * @returns {{kind: "name" | "label" | "value" | "none", metric: string, label: string, start: number, word: string}}
 *   `metric` is that of the selector the caret is in, "" if it has none
 */
export function context(text, caret) {
  const none = { kind: /** @type {const} */ ("none"), metric: "", label: "", start: caret, word: "" };
  let quote = "";
  let quoteAt = 0;
  let brace = -1;
  /** @type {number[]} */
  const parens = [];
  for (let at = 0; at < caret; at += 1) {
    const sign = text[at];
    if (quote) {
      if (sign === "\\") at += 1;
      else if (sign === quote) quote = "";
    } else if (`"'\``.includes(sign)) {
      quote = sign;
      quoteAt = at + 1;
    } else if (sign === "{") brace = at;
    else if (sign === "}") brace = -1;
    else if (sign === "(") parens.push(at);
    else if (sign === ")") parens.pop();
  }
  const metric = brace >= 0 ? (/([a-zA-Z_:][\w:]*)\s*$/.exec(text.slice(0, brace))?.[1] ?? "") : "";
  if (quote) {
    const label = /([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*$/.exec(text.slice(0, quoteAt - 1))?.[1] ?? "";
    return label ? { kind: "value", metric, label, start: quoteAt, word: text.slice(quoteAt, caret) } : none;
  }
  const { start, word } = wordAt(text, caret);
  if (/^\d/.test(word) || inBrackets(text, start)) return none;
  if (brace >= 0) return /[{,]\s*$/.test(text.slice(0, start)) ? { kind: "label", metric, label: "", start, word } : none;
  const open = parens.at(-1);
  const grouping = open !== undefined && /\b(by|without|on|ignoring|group_left|group_right)\s*$/.test(text.slice(0, open));
  return { kind: grouping ? "label" : "name", metric: grouping ? metricNear(text) : "", label: "", start, word };
}

/** Whether `at` lies in a range such as [5m]. @param {string} text @param {number} at */
const inBrackets = (text, at) => text.lastIndexOf("[", at - 1) > text.lastIndexOf("]", at - 1);

/** The first metric that has a selector or range. @param {string} text */
const metricNear = (text) => /([a-zA-Z_:][\w:]*)\s*[{[]/.exec(text)?.[1] ?? "";

/**
 * Suggestions for metric names, functions and keywords.
 * @param {string} word @param {string[]} metrics @param {Record<string, {type: string, help: string}[]>} metadata
 */
export function names(word, metrics, metadata) {
  if (!word) return [];
  return matching(word, [
    ...metrics.map((text) => ({ text, detail: metadata[text]?.[0]?.help ?? "" })),
    ...FUNCTIONS.map((text) => ({ text, detail: "ƒ", insert: `${text}(` })),
    ...KEYWORDS.map((text) => ({ text, detail: "" })),
  ]);
}

/**
 * Where an error's message says the parser stopped: an offset into `text`, or -1. Prometheus writes "1:5: parse error".
 * @param {string} message @param {string} text
 */
export function errorOffset(message, text) {
  const place = /\b(\d+):(\d+): (?:parse )?error/.exec(message) ?? /\bline (\d+),? col(?:umn)? (\d+)/.exec(message);
  if (!place) return -1;
  const lines = text.split("\n").slice(0, Number(place[1]) - 1);
  const before = lines.reduce((total, line) => total + line.length + 1, 0);
  return Math.min(text.length, before + Number(place[2]) - 1);
}

/** `name{a="b"}` of a result's labels. @param {Record<string, string>} labels */
export function seriesName(labels) {
  const { __name__: name = "", ...rest } = labels;
  const inner = Object.entries(rest).map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(", ");
  return inner || !name ? `${name}{${inner}}` : name;
}

/** Metric names that an expression selects from, for "nothing was found". @param {string} text */
export function selected(text) {
  const bare = text.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`/g, '""').replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, " ")
    .replace(/\{[^}]*\}/g, "{}").replace(/\[[^\]]*\]/g, " ");
  const found = [...bare.matchAll(/[a-zA-Z_:][\w:]*/g)].filter((word) => !/^\s*\(/.test(bare.slice(word.index + word[0].length))).map((word) => word[0]);
  return [...new Set(found)].filter((name) => !KEYWORDS.includes(name.toLowerCase()) && !FUNCTIONS.includes(name) && !/^(inf|nan)$/i.test(name));
}
