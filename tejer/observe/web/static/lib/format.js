/** Numbers for people. Pure; independent of language but for the decimal point, which stays as metrics write it. */

const PREFIXES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

/** 1234567 → "1.23 M". @param {number} value @param {number} [digits] significant ones */
export function compact(value, digits = 4) {
  if (!Number.isFinite(value)) return special(value);
  const size = Math.abs(value);
  for (const [step, prefix] of PREFIXES) {
    if (size >= /** @type {number} */ (step)) return `${trim(value / /** @type {number} */ (step), digits)} ${prefix}`;
  }
  if (size !== 0 && size < 1e-4) return value.toExponential(2);
  return trim(value, digits);
}

/** As Prometheus writes what is no number. @param {number} value */
export function special(value) {
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

/** @param {number} value @param {number} digits */
function trim(value, digits) {
  return String(Number(value.toPrecision(digits)));
}

/** 1536 → "1.5 KiB". @param {number} value */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (Math.abs(value) >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${trim(value, 3)} ${units[at]}`;
}

/** Microseconds as "3.2 ms". @param {number} us */
export function micros(us) {
  if (!Number.isFinite(us)) return special(us);
  if (us < 1000) return `${trim(us, 3)} µs`;
  if (us < 1e6) return `${trim(us / 1e3, 3)} ms`;
  if (us < 60e6) return `${trim(us / 1e6, 3)} s`;
  const seconds = Math.round(us / 1e6);
  return seconds < 3600
    ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`
    : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

const UNITS = { ms: 1, s: 1000, m: 60e3, h: 3600e3, d: 86400e3, w: 604800e3, y: 31536000e3 };

/** A Prometheus duration ("1h30m") in milliseconds; NaN for anything else. @param {string} text */
export function parseDuration(text) {
  const whole = text.trim();
  if (!/^(\d+(\.\d+)?(ms|[smhdwy]))+$/.test(whole)) return NaN;
  let total = 0;
  for (const [, amount, , unit] of whole.matchAll(/(\d+(\.\d+)?)(ms|[smhdwy])/g)) {
    total += Number(amount) * UNITS[/** @type {keyof typeof UNITS} */ (unit)];
  }
  return total;
}

/** Milliseconds as a Prometheus duration: 5400000 → "1h30m". @param {number} ms */
export function durationText(ms) {
  if (ms <= 0) return "0s";
  let left = Math.round(ms);
  let text = "";
  for (const [unit, size] of /** @type {[string, number][]} */ ([["d", 86400e3], ["h", 3600e3], ["m", 60e3], ["s", 1000], ["ms", 1]])) {
    const count = Math.floor(left / size);
    if (count) text += `${count}${unit}`;
    left -= count * size;
  }
  return text;
}
