/** Traces as dots: when they began, how long they took, how many spans, and whether anything failed. */
import { micros } from "../../lib/format.js";
import { dateTime, t } from "../../lib/i18n.js";
import { go } from "../../lib/router.js";
import { html, useLayoutEffect, useRef, useState } from "../../lib/ui.js";

const HEIGHT = 170;
const EDGE = { left: 62, right: 14, top: 12, bottom: 24 };

/**
 * Round steps on a logarithmic scale that hold [low, high]. @param {number} low @param {number} high microseconds
 */
export function decades(low, high) {
  const first = Math.floor(Math.log10(Math.max(1, low)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(1, high))));
  return Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
}

/** @param {{traces: import("./search.js").Summary[], startMs: number, endMs: number}} props */
export function Scatter({ traces, startMs, endMs }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(800);
  useLayoutEffect(() => {
    const element = /** @type {HTMLElement} */ (box.current);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const durations = traces.map((one) => one.durationUs);
  const ticks = decades(Math.min(...durations), Math.max(...durations));
  const low = Math.log10(ticks[0]);
  const high = Math.log10(/** @type {number} */ (ticks.at(-1)));
  const first = Math.min(...traces.map((one) => one.startMs));
  const margin = Math.max((endMs - first) * 0.03, 500);
  const from = Math.max(startMs, first - margin);
  const x = (/** @type {number} */ ms) => EDGE.left + ((ms - from) / Math.max(1, endMs - from)) * (width - EDGE.left - EDGE.right);
  const y = (/** @type {number} */ us) => HEIGHT - EDGE.bottom - ((Math.log10(Math.max(1, us)) - low) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const times = Array.from({ length: Math.max(2, Math.floor(width / 160)) }, (_, at, all = Math.max(2, Math.floor(width / 160))) => from + ((endMs - from) * at) / (all - 1));
  return html`<div class="scatter" ref=${box}><svg viewBox=${`0 0 ${width} ${HEIGHT}`} width=${width} height=${HEIGHT} role="group" aria-label=${t("search.scatter")}>
    ${ticks.map((us) => html`<g class="axis"><line x1=${EDGE.left} x2=${width - EDGE.right} y1=${y(us)} y2=${y(us)} /><text x=${EDGE.left - 8} y=${y(us) + 4} text-anchor="end">${micros(us)}</text></g>`)}
    ${times.map((ms, at) => html`<text class="axis" x=${x(ms)} y=${HEIGHT - 6} text-anchor=${at === 0 ? "start" : at === times.length - 1 ? "end" : "middle"}>${dateTime(ms, { timeStyle: "medium" })}</text>`)}
    ${traces.map((one) => html`<a key=${one.id} href=${`/trace/${one.id}`} tabindex="-1" onClick=${(/** @type {MouseEvent} */ event) => { if (event.ctrlKey || event.metaKey) return; event.preventDefault(); go(`/trace/${one.id}`); }}>
      <circle class=${one.errors ? "dot dot-bad" : "dot"} cx=${x(one.startMs)} cy=${y(one.durationUs)} r=${Math.min(14, 4 + Math.sqrt(one.spans))}><title>${`${one.service} ${one.name} · ${micros(one.durationUs)}`}</title></circle></a>`)}
  </svg></div>`;
}
