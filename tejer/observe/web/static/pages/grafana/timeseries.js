/** Panels of lines over time: the plot, its tooltip, its legend. The arrow keys walk through the times. */
import uPlot from "../../vendor/uplot.js";
import { dateTime, t } from "../../lib/i18n.js";
import { dark } from "../../lib/theme.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../../lib/ui.js";
import { zoom } from "../../lib/time.js";
import { lineColor, words } from "./looks.js";
import { heights, plotOptions } from "./plot.js";

const TOOLTIP_LINES = 16;
const LEGEND_LINES = 100;

/**
 * @typedef {import("./plot.js").Line & {place: number, calcs?: Record<string, number | null>}} Shown
 * @param {{panel: any, view: {times: number[], series: any[]}, span: {start: number, end: number}, title: string, shared: import("./panel.js").Shared}} props
 */
export function TimeSeries({ panel, view, span, title, shared }) {
  const [only, setOnly] = useState(/** @type {Set<number>} */ (new Set()));
  const [at, setAt] = useState(/** @type {number | null} */ (null));
  const isDark = dark.value;
  const all = useMemo(() => view.series.map((one, place) => {
    const values = one.values ?? [];
    const style = one.style ?? {};
    return { ...one, values, style, place, color: lineColor(style, place, lastOf(values)) };
  }), [view, isDark]);
  const shown = useMemo(() => all.filter((/** @type {Shown} */ line) => !only.size || only.has(line.place)), [all, only]);
  const times = useMemo(() => view.times.map((time) => time / 1000), [view]);
  return html`<div class="timeseries" data-legend=${panel.options.legendPlacement}>
    <${Plot} lines=${shown} times=${times} span=${span} title=${title} shared=${shared} isDark=${isDark} at=${at} onAt=${setAt} />
    ${panel.options.legend !== false && html`<${Legend} lines=${all} only=${only} at=${at} panel=${panel} onOnly=${setOnly} />`}
  </div>`;
}

/** @param {(number | null)[]} values */
const lastOf = (values) => values.findLast((value) => value !== null) ?? null;

/** @param {{lines: Shown[], times: number[], span: {start: number, end: number}, title: string, shared: import("./panel.js").Shared, isDark: boolean,
 *   at: number | null, onAt: (at: number | null) => void}} props */
function Plot({ lines, times, span, title, shared, isDark, at, onAt }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const current = useRef({ span, onAt });
  current.current = { span, onAt };
  const shape = lines.map((line) => `${line.name}|${line.color}|${JSON.stringify(line.style)}`).join("\n");
  const made = useRef("");

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const data = [times, ...heights(lines)];
    if (plot.current && made.current === shape + isDark) {
      plot.current.setData(data);
      return;
    }
    plot.current?.destroy();
    made.current = shape + isDark;
    plot.current = new uPlot(plotOptions({
      lines, width: element.clientWidth, height: element.clientHeight, sync: shared.key, onZoom: zoom,
      span: () => [current.current.span.start / 1000, current.current.span.end / 1000],
      // Another panel's pointer comes without an event of ours.
      onCursor: (one) => (one.cursor.event || shared.tooltip || one.cursor.idx === null) && current.current.onAt(one.cursor.idx ?? null),
    }), data, element);
  }, [lines, times, shape, isDark]);

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => plot.current?.setSize({ width: entry.contentRect.width, height: entry.contentRect.height }));
    if (box.current) observer.observe(box.current);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);

  const walk = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") onAt(null);
    if (step === undefined || !times.length) return;
    event.preventDefault();
    const next = Math.min(Math.max((at ?? times.length) + step, 0), times.length - 1);
    plot.current?.setCursor({ left: plot.current.valToPos(times[next], "x"), top: 10 });
    onAt(next);
  };
  return html`<div class="plot" tabindex="0" role="group" aria-label=${`${title}: ${t("grafana.plot", { count: lines.length })}`} onKeyDown=${walk}>
    <div class="plot-canvas" ref=${box} aria-hidden="true"></div>
    ${at !== null && times[at] !== undefined && html`<${Tooltip} lines=${lines} at=${at} time=${times[at]} plot=${plot.current} />`}
  </div>`;
}

/** @param {{lines: Shown[], at: number, time: number, plot: any}} props */
function Tooltip({ lines, at, time, plot }) {
  const rows = lines.filter((line) => line.values[at] !== null && line.values[at] !== undefined)
    .sort((a, b) => Number(b.values[at]) - Number(a.values[at]));
  const left = plot ? plot.valToPos(time, "x") + plot.bbox.left / devicePixelRatio : 0;
  const side = plot && left > plot.width / 2 ? { right: `${plot.width - left + 12}px` } : { left: `${left + 12}px` };
  return html`<div class="plot-tooltip" role="status" style=${side}>
    <p class="quiet">${dateTime(time * 1000)}</p>
    <ul>${rows.slice(0, TOOLTIP_LINES).map((line) => html`<li key=${line.place}>
      <${Swatch} color=${line.color} /><span class="plot-tooltip-name">${line.name}</span><b>${words(line.values[at], line.style)}</b></li>`)}</ul>
    ${rows.length > TOOLTIP_LINES && html`<p class="quiet">${t("grafana.more", { count: rows.length - TOOLTIP_LINES })}</p>`}
  </div>`;
}

/** @param {{color: string}} props */
export function Swatch({ color }) {
  return html`<svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect y="3" width="10" height="4" rx="1.5" fill=${color} /></svg>`;
}

/** @param {{lines: Shown[], only: Set<number>, at: number | null, panel: any, onOnly: (only: Set<number>) => void}} props */
function Legend({ lines, only, at, panel, onOnly }) {
  const calcs = panel.options.calcs ?? [];
  const toggle = (/** @type {number} */ place, /** @type {boolean} */ add) => {
    const next = new Set(add ? only : []);
    if (only.has(place)) next.delete(place);
    else next.add(place);
    onOnly(next);
  };
  const named = lines.filter((/** @type {Shown} */ line) => !line.style.hideLegend);
  const item = (/** @type {Shown} */ line) => html`<button type="button" class="legend-name" aria-pressed=${only.has(line.place)}
    data-faded=${only.size > 0 && !only.has(line.place)} title=${t("chart.only")}
    onClick=${(/** @type {MouseEvent} */ e) => toggle(line.place, e.ctrlKey || e.metaKey || e.shiftKey)}>
    <${Swatch} color=${line.color} /><span>${line.name}</span></button>`;
  if (panel.options.legendMode === "table" || calcs.length) {
    return html`<div class="panel-legend panel-legend-table"><table class="table"><thead><tr><th scope="col">${t("grafana.series")}</th>
      ${calcs.map((/** @type {string} */ how) => html`<th scope="col" class="end">${t(`grafana.calc.${how}`)}</th>`)}</tr></thead>
      <tbody>${named.slice(0, LEGEND_LINES).map((line) => html`<tr key=${line.place}><td>${item(line)}</td>
        ${calcs.map((/** @type {string} */ how) => html`<td class="end">${words(line.calcs?.[how], line.style)}</td>`)}</tr>`)}</tbody></table></div>`;
  }
  return html`<ul class="panel-legend">${named.slice(0, LEGEND_LINES).map((line) => html`<li key=${line.place}>${item(line)}</li>`)}
    ${named.length > LEGEND_LINES && html`<li class="quiet">${t("grafana.more", { count: named.length - LEGEND_LINES })}</li>`}</ul>`;
}
