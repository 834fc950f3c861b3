/** What a panel asked, what came back, and its values as a table. */
import { dateTime, t } from "../../lib/i18n.js";
import { Icon } from "../../lib/icons.js";
import { Copy, Notice, Tabs } from "../../lib/parts.js";
import { Table } from "../../lib/table.js";
import { html, useEffect, useRef, useState } from "../../lib/ui.js";
import { words } from "./looks.js";

/** @param {{panel: any, answer: any, title: string, address: string, onClose: () => void}} props */
export function Inspector({ panel, answer, title, address, onClose }) {
  const dialog = useRef(/** @type {any} */ (null));
  const [tab, setTab] = useState("queries");
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const tabs = [{ id: "queries", title: t("grafana.queries") }, { id: "data", title: t("grafana.data") }, { id: "json", title: t("grafana.json") }];
  return html`<dialog class="inspector" ref=${dialog} aria-label=${`${t("grafana.inspect")}: ${title}`} onClose=${onClose}
      onClick=${(/** @type {Event} */ event) => event.target === dialog.current && dialog.current.close()}>
    <header class="row row-between"><h2>${title || t("grafana.untitled")}</h2>
      <button type="button" class="button button-quiet" aria-label=${t("grafana.close")} onClick=${() => dialog.current.close()}><${Icon} name="close" /></button></header>
    ${panel.description && html`<p class="quiet">${panel.description}</p>`}
    ${(answer?.notices ?? []).map((/** @type {string} */ text) => html`<${Notice} kind="warning">${text}<//>`)}
    <${Tabs} label=${t("grafana.inspect")} tabs=${tabs} chosen=${tab} onChoose=${setTab} />
    ${tab === "queries" && html`<${Queries} answer=${answer} panel=${panel} />`}
    ${tab === "data" && html`<${Data} answer=${answer} title=${title} />`}
    ${tab === "json" && html`<p class="quiet">${t("grafana.address")} <a href=${address} target="_blank" rel="noopener"><code>${address}</code></a></p>
      <pre class="command inspector-json">${JSON.stringify(panel, null, 2)}</pre>`}
  </dialog>`;
}

/** @param {{answer: any, panel: any}} props */
function Queries({ answer, panel }) {
  const asked = answer?.queries ?? [];
  if (!asked.length) return html`<p class="quiet">${t(panel.kind === "text" ? "grafana.text_asks_nothing" : "grafana.no_queries")}</p>`;
  return html`<ul class="stack">${asked.map((/** @type {any} */ query) => html`<li class="query">
    <div class="row row-between"><p><b>${query.refId}</b> <span class="quiet">${facts(query)}</span></p><${Copy} text=${query.expr} /></div>
    <pre class="command">${query.expr}</pre>
    ${query.error && html`<${Notice} kind="error">${query.error}<//>`}</li>`)}</ul>`;
}

/** @param {any} query */
function facts(query) {
  const pace = query.step ? t("grafana.step", { step: `${query.step / 1000} s` }) : t("grafana.instant");
  return [query.datasource, pace, `${query.took ?? 0} ms`, t("chart.series", { count: query.series ?? 0 })].join(" · ");
}

/** The same values as the drawing, for those who can't see it, or want the numbers. @param {{answer: any, title: string}} props */
function Data({ answer, title }) {
  const view = answer?.view ?? {};
  if (view.series) {
    const columns = [
      { id: "time", title: t("grafana.time"), value: (/** @type {number} */ at) => view.times[at], render: (/** @type {number} */ at) => dateTime(view.times[at]) },
      ...view.series.slice(0, 30).map((/** @type {any} */ one, /** @type {number} */ place) => ({
        id: String(place), title: one.name, align: "end", value: (/** @type {number} */ at) => one.values[at] ?? null,
        render: (/** @type {number} */ at) => words(one.values[at], one.style ?? {}),
      })),
    ];
    return html`<${Table} label=${title} columns=${columns} rows=${view.times.map((/** @type {any} */ _, /** @type {number} */ at) => at)} order=${{ by: "time", down: true }} />`;
  }
  if (view.stats) {
    const columns = [
      { id: "name", title: t("grafana.series"), value: (/** @type {any} */ one) => one.name },
      { id: "value", title: t("grafana.value"), align: /** @type {"end"} */ ("end"), value: (/** @type {any} */ one) => one.value, render: (/** @type {any} */ one) => words(one.value, one.style ?? {}) },
    ];
    return html`<${Table} label=${title} columns=${columns} rows=${view.stats} />`;
  }
  return html`<pre class="command inspector-json">${JSON.stringify(view, null, 1)}</pre>`;
}
