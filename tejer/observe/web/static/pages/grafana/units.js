/**
 * Values as Grafana's unit ids say: "reqps", "ms", "bytes", … Pure.
 * Source: the units of Grafana's field options; an id that isn't known is written behind the number, as Grafana does.
 */

const SI = ["", "k", "M", "G", "T", "P"];
const IEC = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
/** Units that take SI prefixes before a name: "1.2 kB/s". */
const SCALED = {
  decbytes: "B", Bps: "B/s", decbits: "b", bps: "b/s", hertz: "Hz", watt: "W", volt: "V", amp: "A",
  KBs: ["B/s", 1e3], MBs: ["B/s", 1e6], GBs: ["B/s", 1e9], deckbytes: ["B", 1e3], decmbytes: ["B", 1e6], decgbytes: ["B", 1e9],
};
const BINARY = { bytes: ["B", 1], bits: ["b", 1], kbytes: ["B", 1024], mbytes: ["B", 1048576], gbytes: ["B", 1073741824], binBps: ["B/s", 1], binbps: ["b/s", 1] };
/** Rates of countable things: the number is shortened, the name stays: "1.2k req/s". */
const RATES = {
  reqps: "req/s", rps: "rd/s", wps: "wr/s", iops: "io/s", ops: "ops/s", cps: "c/s", qps: "q/s", pps: "p/s", mps: "msg/s", eps: "evt/s",
  opm: "ops/min", cpm: "c/min", rpm: "rd/min", wpm: "wr/min", reqpm: "req/min", recps: "rec/s", rowsps: "rows/s",
};
/** Seconds in one of each. */
const TIMES = { ns: 1e-9, "µs": 1e-6, us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86400 };
const CURRENCIES = { currencyUSD: "$", currencyGBP: "£", currencyEUR: "€", currencyJPY: "¥" };

/**
 * @param {number | string | null | undefined} value @param {string} [unit] @param {number} [decimals] @returns {string}
 */
export function format(value, unit = "", decimals = undefined) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "-∞";
  const own = OWN[unit];
  if (own) return own(value, decimals);
  if (unit in SCALED) {
    const [name, factor] = [SCALED[/** @type {"Bps"} */ (unit)]].flat();
    return prefixed(value * Number(factor ?? 1), String(name), SI, 1000, decimals);
  }
  if (unit in BINARY) {
    const [name, factor] = BINARY[/** @type {"bytes"} */ (unit)];
    return prefixed(value * Number(factor), String(name), IEC, 1024, decimals);
  }
  if (unit in RATES) return `${short(value, decimals)} ${RATES[/** @type {"ops"} */ (unit)]}`;
  if (unit in TIMES) return seconds(value * TIMES[/** @type {"s"} */ (unit)], decimals);
  if (unit in CURRENCIES) return CURRENCIES[/** @type {"currencyUSD"} */ (unit)] + short(value, decimals);
  const [kind, name] = unit.split(/:(.*)/s);
  if (kind === "suffix") return `${plain(value, decimals)}${name}`;
  if (kind === "prefix") return `${name}${plain(value, decimals)}`;
  if (kind === "si" || kind === "count") return prefixed(value, name, SI, 1000, decimals);
  return `${plain(value, decimals)} ${unit}`;
}

/** Whether ticks should stand at powers of two. @param {string} [unit] */
export const isBinary = (unit = "") => unit in BINARY;

/** @type {Record<string, (value: number, decimals?: number) => string>} */
const OWN = {
  "": plain,
  none: plain,
  string: plain,
  short,
  sishort: short,
  percent: (value, decimals) => `${plain(value, decimals)}%`,
  percentunit: (value, decimals) => `${plain(value * 100, decimals)}%`,
  sci: (value, decimals) => value.toExponential(decimals ?? 2),
  hex: (value) => Math.round(value).toString(16).toUpperCase(),
  bool: (value) => (value ? "True" : "False"),
  bool_yes_no: (value) => (value ? "Yes" : "No"),
  bool_on_off: (value) => (value ? "On" : "Off"),
  dtdurations: (value) => clock(value),
  dtdurationms: (value) => clock(value / 1000),
  clocks: (value) => clock(value),
  clockms: (value) => clock(value / 1000),
  dateTimeAsIso: (value) => new Date(value).toISOString().slice(0, 19).replace("T", " "),
  dateTimeFromNow: (value) => new Date(value).toISOString().slice(0, 19).replace("T", " "),
};

/** Three significant digits, or as many decimals as asked. @param {number} value @param {number} [decimals] */
function plain(value, decimals) {
  if (decimals !== undefined) return value.toFixed(decimals);
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-6) return value.toExponential(1);
  if (size >= 1000 || Number.isInteger(value)) return String(Math.round(value * 10) / 10);
  return String(Number(value.toPrecision(3)));
}

/** 12300 → "12.3k". @param {number} value @param {number} [decimals] */
function short(value, decimals) {
  return prefixed(value, "", SI, 1000, decimals).replace(" ", "");
}

/** @param {number} value @param {string} name @param {string[]} prefixes @param {number} base @param {number} [decimals] */
function prefixed(value, name, prefixes, base, decimals) {
  let at = 0;
  while (Math.abs(value) >= base * 0.99995 && at < prefixes.length - 1) {
    value /= base;
    at += 1;
  }
  return `${plain(value, decimals)} ${prefixes[at]}${name}`.trimEnd();
}

/** @param {number} value seconds @param {number} [decimals] */
function seconds(value, decimals) {
  const size = Math.abs(value);
  if (size === 0) return `${plain(0, decimals)} s`;
  if (size < 1e-6) return `${plain(value * 1e9, decimals)} ns`;
  if (size < 1e-3) return `${plain(value * 1e6, decimals)} µs`;
  if (size < 0.99995) return `${plain(value * 1e3, decimals)} ms`;
  if (size < 60) return `${plain(value, decimals)} s`;
  if (size < 3600) return `${plain(value / 60, decimals)} min`;
  if (size < 86400) return `${plain(value / 3600, decimals)} h`;
  if (size < 365 * 86400) return `${plain(value / 86400, decimals)} d`;
  return `${plain(value / (365 * 86400), decimals)} y`;
}

/** @param {number} value seconds */
function clock(value) {
  const whole = Math.floor(Math.abs(value));
  const parts = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  const text = parts.slice(1).map((part) => String(part).padStart(2, "0")).join(":");
  return (value < 0 ? "-" : "") + (parts[0] ? `${parts[0]}d ${text}` : text);
}
