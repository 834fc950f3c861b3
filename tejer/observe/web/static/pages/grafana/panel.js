/** One panel: its frame, its data, and what it says when there is none. */
import { getJson, url, useLoaded } from "../../lib/api.js";
import { t } from "../../lib/i18n.js";
import { Icon } from "../../lib/icons.js";
import { html, useEffect, useId, useRef, useState } from "../../lib/ui.js";
import { Heatmap } from "./heatmap.js";
import { Inspector } from "./inspect.js";
import { Stats } from "./stat.js";
import { Tables } from "./tables.js";
import { TimeSeries } from "./timeseries.js";

/**
 * @typedef {{key: string, tooltip: boolean}} Shared where the pointer is, in all panels of one `key`; their tooltips too?
 * @typedef {{uid: string, start: number, end: number, parameters: Record<string, string[]>, shared: Shared}} Context what all panels of a page share
 */

/** True once the element has been near the screen: panels far below ask for nothing. @param {{current: Element | null}} element */
function useSeen(element) {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (seen || !element.current) return undefined;
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && setSeen(true), { rootMargin: "300px" });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [seen]);
  return seen;
}

/** @param {{panel: any, context: Context, top: number, solo?: boolean}} props `top`: the first row of its section */
export function Panel({ panel, context, top, solo = false }) {
  const frame = useRef(/** @type {HTMLElement | null} */ (null));
  const heading = useId();
  const seen = useSeen(frame);
  const [inspecting, setInspecting] = useState(false);
  const { uid, start, end, parameters } = context;
  const loaded = useLoaded(async (signal) => {
    if (!seen || panel.kind === "unsupported") return undefined;
    const width = Math.min(4000, Math.max(100, Math.round((frame.current?.clientWidth ?? 800) / 100) * 100));
    return getJson(`/api/drawn/${uid}/panels/${panel.id}`, { from: start, to: end, width, ...parameters }, signal);
  }, [uid, panel.id, start, end, seen]);
  const answer = loaded.value;
  const title = answer?.title ?? panel.title ?? "";
  const failures = (answer?.queries ?? []).filter((/** @type {any} */ query) => query.error);
  const { x = 0, y = 0, w = 12, h = 8 } = panel.grid ?? {};
  const place = solo ? undefined : { gridColumn: `${x + 1} / span ${w}`, gridRow: `${y - top + 1} / span ${h}`, "--height": h };
  return html`<section class="panel panel-${panel.kind}" ref=${frame} style=${place} aria-labelledby=${title ? heading : undefined}
      aria-label=${title ? undefined : t("grafana.untitled")} data-panel=${panel.id} data-transparent=${Boolean(panel.transparent)}
      data-state=${stateOf(panel, loaded)} aria-busy=${loaded.loading && seen}>
    ${(title || panel.kind !== "text") && html`<header class="panel-header">
      <h3 id=${heading}><button type="button" class="panel-title" onClick=${() => setInspecting(true)} title=${t("grafana.inspect")}>${title}</button></h3>
      ${panel.description && html`<span class="panel-hint" tabindex="0" role="note" aria-label=${panel.description} data-hint=${panel.description}><${Icon} name="info" /></span>`}
      ${failures.length > 0 && html`<button type="button" class="badge badge-bad" onClick=${() => setInspecting(true)}>${t("grafana.failed", { count: failures.length })}</button>`}
      ${(answer?.notices ?? []).length > 0 && html`<button type="button" class="badge badge-warn" onClick=${() => setInspecting(true)}>${t("grafana.limited")}</button>`}
      ${(answer?.links ?? []).map((/** @type {any} */ link) => html`<a class="panel-link" href=${link.url} target=${link.newTab ? "_blank" : undefined} rel="noopener">${link.title || t("grafana.link")}</a>`)}
    </header>`}
    <div class="panel-body"><${Body} panel=${panel} loaded=${loaded} title=${title} failures=${failures} shared=${context.shared} /></div>
    ${inspecting && html`<${Inspector} panel=${panel} answer=${answer} title=${title} onClose=${() => setInspecting(false)}
      address=${url(`/api/drawn/${uid}/panels/${panel.id}`, { from: start, to: end, ...parameters })} />`}
  </section>`;
}

/** What a test or a style may ask: waiting, failed, empty or drawn. @param {any} panel @param {any} loaded */
function stateOf(panel, loaded) {
  if (panel.kind === "unsupported") return "unsupported";
  if (loaded.failure || loaded.value?.error) return "failed";
  if (!loaded.value) return "waiting";
  if (panel.kind !== "text" && isEmpty(loaded.value.view)) return loaded.value.queries?.some((/** @type {any} */ query) => query.error) ? "failed" : "empty";
  return "drawn";
}

/** @param {any} view */
function isEmpty(view) {
  if (!view) return true;
  if (view.counts) return !view.counts.some((/** @type {any[]} */ row) => row.some(Boolean));
  if (view.series) return !view.series.some((/** @type {any} */ one) => one.values.some((/** @type {any} */ value) => value !== null));
  const parts = view.stats ?? view.tables?.filter((/** @type {any} */ table) => table.columns[0]?.values.length);
  return !parts?.length;
}

/** @param {{panel: any, loaded: any, title: string, failures: any[], shared: Shared}} props */
function Body({ panel, loaded, title, failures, shared }) {
  if (panel.kind === "unsupported") return html`<p class="panel-message">${t("grafana.unsupported", { kind: panel.asked })}</p>`;
  const problem = loaded.failure?.message ?? loaded.value?.error;
  if (problem) return html`<p class="panel-message panel-problem" role="alert">${problem}</p>`;
  const answer = loaded.value;
  if (!answer) return html`<span class="panel-waiting" role="status" aria-label=${t("loading")}></span>`;
  if (panel.kind === "text") return html`<div class="prose" dangerouslySetInnerHTML=${{ __html: answer.view.html }}></div>`;
  if (isEmpty(answer.view)) {
    if (failures.length) return html`<p class="panel-message panel-problem" role="alert">${failures[0].error}</p>`;
    return html`<p class="panel-message">${panel.style?.noValue || t(panel.targets?.length ? "grafana.no_data" : "grafana.no_queries")}</p>`;
  }
  const span = { start: answer.start, end: answer.end };
  if (panel.kind === "table") return html`<${Tables} panel=${panel} view=${answer.view} title=${title} />`;
  if (panel.kind === "heatmap") return html`<${Heatmap} panel=${panel} view=${answer.view} span=${span} title=${title} />`;
  if (panel.kind === "timeseries") return html`<${TimeSeries} panel=${panel} view=${answer.view} span=${span} title=${title} shared=${shared} />`;
  return html`<${Stats} panel=${panel} view=${answer.view} />`;
}
