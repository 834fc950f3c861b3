/**
 * The time range of a page. In addresses it is `from` and `to`: "now-1h" and "now", or milliseconds, as Grafana has them.
 * @typedef {{from: string, to: string}} Range
 * @typedef {{startMs: number, endMs: number}} Span
 */
import { parseDuration } from "./format.js";
import { query, setQuery } from "./router.js";
import { computed, signal, useEffect } from "./ui.js";

export const RANGES = ["5m", "15m", "30m", "1h", "3h", "6h", "12h", "24h", "2d", "7d", "30d"];
export const REFRESHES = ["", "5s", "10s", "30s", "1m", "5m"];
/** @type {Range} */
export const DEFAULT_RANGE = { from: "now-1h", to: "now" };

/** Milliseconds of "now", "now-5m" or a number of milliseconds; NaN for anything else. @param {string} text @param {number} now */
export function instant(text, now) {
  const relative = /^now(?:-(.+))?$/.exec(text.trim());
  if (relative) return relative[1] ? now - parseDuration(relative[1]) : now;
  if (/^\d{10,16}$/.test(text.trim())) return Number(text);
  return Date.parse(text);
}

/** @param {Range} range @param {number} now @returns {Span} the default range where `range` makes no sense */
export function resolve(range, now) {
  const startMs = instant(range.from, now);
  const endMs = instant(range.to, now);
  if (startMs < endMs) return { startMs, endMs };
  return { startMs: instant(DEFAULT_RANGE.from, now), endMs: now };
}

/** Seconds between points so that about `points` cover the span; a round number, at least 1. @param {number} spanMs @param {number} points */
export function stepSeconds(spanMs, points) {
  const exact = spanMs / 1000 / Math.max(1, points);
  return [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200].find((step) => step >= exact) ?? 86400;
}

/** @param {Range} range whether its end moves with the clock */
export const isLive = (range) => range.to.startsWith("now");

/** @type {{value: Range}} */
export const range = computed(() => ({
  from: query.value.get("from") || DEFAULT_RANGE.from,
  to: query.value.get("to") || DEFAULT_RANGE.to,
}));
export const refresh = computed(() => query.value.get("refresh") || "");
/** Counts the refreshes, by the timer or by hand: pages put it among the inputs of `useLoaded`. */
export const tick = signal(0);
export const refreshNow = () => (tick.value += 1);

/** @param {Range} chosen */
export function chooseRange(chosen) {
  setQuery({ from: chosen.from, to: chosen.to });
  refreshNow();
}

/** @param {number} startMs @param {number} endMs as when a part of a chart is dragged over */
export const zoom = (startMs, endMs) => chooseRange({ from: String(Math.round(startMs)), to: String(Math.round(endMs)) });

/** Runs the refresh timer; pauses while nobody looks. */
export function useRefreshTimer() {
  const every = parseDuration(refresh.value);
  useEffect(() => {
    if (!(every > 0)) return undefined;
    const timer = setInterval(() => document.hidden || refreshNow(), every);
    return () => clearInterval(timer);
  }, [every]);
}
