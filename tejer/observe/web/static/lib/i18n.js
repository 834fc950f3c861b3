/** The user's language: messages, plurals, numbers and times. */
import { boot } from "./boot.js";

/**
 * The message `key` with `{name}` filled from `values`. A message of plural forms is chosen by `values.count`.
 * A key without a message comes back as it is: a test finds those.
 * @param {Record<string, string | Record<string, string>>} messages
 * @param {string} language
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function translate(messages, language, key, values = {}) {
  let message = messages[key];
  if (message && typeof message === "object") {
    message = message[new Intl.PluralRules(language).select(Number(values.count))] ?? message.other;
  }
  if (message === undefined) return key;
  return message.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? new Intl.NumberFormat(language).format(value) : value;
  });
}

/** @param {string} key @param {Record<string, string | number>} [values] */
export const t = (key, values) => translate(boot.messages, boot.language, key, values);

const dateTimes = new Map();

/** @param {number} ms @param {Intl.DateTimeFormatOptions} [options] */
export function dateTime(ms, options = { dateStyle: "medium", timeStyle: "medium" }) {
  const key = JSON.stringify(options);
  let format = dateTimes.get(key);
  if (!format) dateTimes.set(key, (format = new Intl.DateTimeFormat(boot.language, options)));
  return format.format(ms);
}

/** "12 seconds ago". @param {number} ms @param {number} now */
export function ago(ms, now) {
  const seconds = Math.round((ms - now) / 1000);
  const format = new Intl.RelativeTimeFormat(boot.language, { numeric: "auto" });
  const steps = /** @type {const} */ ([["second", 60], ["minute", 60], ["hour", 24], ["day", Infinity]]);
  let value = seconds;
  for (const [unit, size] of steps) {
    if (Math.abs(value) < size) return format.format(Math.round(value), unit);
    value /= size;
  }
  return format.format(Math.round(value), "day");
}
