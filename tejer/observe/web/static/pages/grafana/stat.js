/** Panels of single values: stat, gauge, bar gauge and pie. */
import { t } from "../../lib/i18n.js";
import { dark } from "../../lib/theme.js";
import { html } from "../../lib/ui.js";
import { lineColor, thresholdColor, words } from "./looks.js";
import { Swatch } from "./timeseries.js";

const MOST = 60;

/** @typedef {{name: string, value: any, style: import("./looks.js").Style, spark?: (number | null)[]}} Stat */

/** @param {{panel: any, view: {stats: Stat[], times?: number[]}}} props */
export function Stats({ panel, view }) {
  void dark.value;
  const stats = (view.stats ?? []).slice(0, MOST).map((one) => ({ ...one, style: one.style ?? {} }));
  if (panel.kind === "piechart") return html`<${Pie} panel=${panel} stats=${stats} />`;
  const Part = panel.kind === "gauge" ? Gauge : panel.kind === "bargauge" ? Bar : Big;
  return html`<ul class="stats stats-${panel.kind}" data-orientation=${panel.options.orientation} data-count=${stats.length}>
    ${stats.map((stat, place) => html`<li key=${stat.name + place} class="stat"><${Part} stat=${stat} place=${place} panel=${panel} alone=${stats.length === 1} /></li>`)}
  </ul>`;
}

/** @param {Stat} stat @param {number} place */
function colorOf(stat, place) {
  return stat.style.colorMode && stat.style.colorMode !== "thresholds" ? lineColor(stat.style, place, stat.value) : thresholdColor(stat.value, stat.style);
}

/** @param {{stat: Stat, place: number, panel: any, alone: boolean}} props */
function Big({ stat, place, panel, alone }) {
  const color = colorOf(stat, place);
  const behind = panel.options.colorMode === "background" || panel.options.colorMode === "background_solid";
  const named = panel.options.textMode === "value_and_name" || panel.options.textMode === "name" || (!alone && panel.options.textMode !== "value");
  return html`<div class="stat-big" data-background=${behind && Boolean(color)} style=${behind && color ? { background: color } : undefined}>
    ${panel.options.graphMode !== "none" && stat.spark && html`<${Spark} values=${stat.spark} color=${behind ? "currentColor" : color || "var(--accent)"} />`}
    ${named && html`<p class="stat-name">${stat.name}</p>`}
    ${panel.options.textMode !== "name" && html`<p class="stat-value" style=${!behind && panel.options.colorMode !== "none" && color ? { color } : undefined}>
      ${words(stat.value, stat.style)}</p>`}
  </div>`;
}

/** @param {{values: (number | null)[], color: string}} props */
function Spark({ values, color }) {
  const present = values.filter((value) => value !== null);
  if (present.length < 2) return null;
  const low = Math.min(0, ...present);
  const high = Math.max(...present, low + 1e-12);
  const points = values.map((value, at) => (value === null ? null : `${(at / (values.length - 1)) * 100},${38 - ((value - low) / (high - low)) * 34}`)).filter(Boolean);
  return html`<svg class="spark" viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true">
    <polygon points=${`${points[0]?.split(",")[0]},40 ${points.join(" ")} ${points.at(-1)?.split(",")[0]},40`} fill=${color} opacity="0.14" />
    <polyline points=${points.join(" ")} fill="none" stroke=${color} stroke-width="1.5" vector-effect="non-scaling-stroke" opacity="0.8" />
  </svg>`;
}

/** Where `value` stands between the field's least and most, 0 to 1. @param {Stat} stat */
function share({ value, style }) {
  const low = style.min ?? 0;
  const high = style.max ?? (style.unit === "percentunit" ? 1 : Math.max(100, Number(value) || 0));
  return Math.min(Math.max((Number(value ?? low) - low) / (high - low || 1), 0), 1);
}

/** @param {number} from @param {number} to shares of the half circle @param {number} radius */
function arc(from, to, radius) {
  const point = (/** @type {number} */ part) => `${50 - Math.cos(part * Math.PI) * radius} ${52 - Math.sin(part * Math.PI) * radius}`;
  return `M ${point(from)} A ${radius} ${radius} 0 0 1 ${point(to)}`;
}

/** @param {{stat: Stat, place: number, alone: boolean}} props */
function Gauge({ stat, place, alone }) {
  const color = colorOf(stat, place) || "var(--accent)";
  const text = words(stat.value, stat.style);
  return html`<div class="stat-gauge" role="meter" aria-label=${stat.name} aria-valuenow=${stat.value ?? undefined} aria-valuetext=${text}>
    <svg viewBox="0 0 100 60" aria-hidden="true">
      <path d=${arc(0, 1, 42)} class="gauge-track" /><path d=${arc(0, Math.max(share(stat), 0.001), 42)} class="gauge-fill" stroke=${color} />
      <text x="50" y="50" class="gauge-text" fill="currentColor">${text}</text>
    </svg>${!alone && html`<p class="stat-name">${stat.name}</p>`}</div>`;
}

/** @param {{stat: Stat, place: number}} props */
function Bar({ stat, place }) {
  const color = colorOf(stat, place) || "var(--accent)";
  const text = words(stat.value, stat.style);
  return html`<div class="stat-bar" role="meter" aria-label=${stat.name} aria-valuenow=${stat.value ?? undefined} aria-valuetext=${text}>
    <span class="stat-name">${stat.name}</span>
    <span class="bar-track"><span class="bar-fill" style=${{ width: `${share(stat) * 100}%`, background: color }}></span></span>
    <b>${text}</b></div>`;
}

/** @param {{panel: any, stats: Stat[]}} props */
function Pie({ panel, stats }) {
  const positive = stats.map((stat) => Math.max(0, Number(stat.value) || 0));
  const total = positive.reduce((sum, value) => sum + value, 0);
  const colors = stats.map((stat, place) => lineColor(stat.style, place, stat.value));
  let from = 0;
  const slices = stats.map((stat, place) => {
    const part = total ? positive[place] / total : 0;
    const start = from;
    from += part;
    return { stat, part, start, color: colors[place] };
  }).filter((slice) => slice.part > 0);
  const percent = (/** @type {number} */ part) => `${(part * 100).toFixed(part < 0.1 ? 1 : 0)}%`;
  return html`<div class="pie">
    <svg viewBox="-50 -50 100 100" role="img" aria-label=${slices.map((one) => `${one.stat.name} ${percent(one.part)}`).join(", ")}>
      ${slices.map((one) => html`<circle r="30" pathLength="1" class="pie-slice" data-donut=${panel.options.pieType === "donut"}
        stroke=${one.color} stroke-dasharray=${`${one.part} ${1 - one.part}`} stroke-dashoffset=${-one.start} />`)}
    </svg>
    ${panel.options.legend !== false && html`<ul class="panel-legend">${slices.map((one) => html`<li><${Swatch} color=${one.color} />
      <span>${one.stat.name}</span> <b>${words(one.stat.value, one.stat.style)}</b> <span class="quiet">${percent(one.part)}</span></li>`)}</ul>`}
    ${!slices.length && html`<p class="quiet">${t("grafana.no_data")}</p>`}
  </div>`;
}
