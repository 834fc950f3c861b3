/** The list of dashboards. */
import { getJson, send, useLoaded } from "../../lib/api.js";
import { t } from "../../lib/i18n.js";
import { Icon } from "../../lib/icons.js";
import { Empty, Failure, Loaded, Notice } from "../../lib/parts.js";
import { html, useState } from "../../lib/ui.js";

export function DashboardList() {
  const [typed, setTyped] = useState("");
  const loaded = useLoaded((signal) => getJson("/api/drawn", {}, signal), []);
  return html`<div class="stack">
    <div class="row row-between"><h1>${t("grafana.dashboards")}</h1>
      <a class="button" href="/dashboard/import"><${Icon} name="plus" />${t("grafana.import")}</a></div>
    <input type="search" class="dashboard-search" aria-label=${t("grafana.search")} placeholder=${t("grafana.search")} value=${typed}
      onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} />
    <${Loaded} loaded=${loaded}>${(/** @type {any} */ value) => html`<${Found} value=${value} typed=${typed} onChange=${loaded.reload} />`}<//>
  </div>`;
}

/** @param {{value: any, typed: string, onChange: () => void}} props */
function Found({ value, typed, onChange }) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const found = value.dashboards.filter((/** @type {any} */ one) => words.every((word) => `${one.title} ${(one.tags ?? []).join(" ")} ${one.folder}`.toLowerCase().includes(word)));
  const folders = [...new Set(found.map((/** @type {any} */ one) => (one.imported ? t("grafana.imported") : one.folder || t("grafana.general"))))];
  const of = (/** @type {any} */ folder) => found.filter((/** @type {any} */ one) => (one.imported ? t("grafana.imported") : one.folder || t("grafana.general")) === folder);
  return html`<div class="stack">
    ${Object.entries(value.problems ?? {}).map(([file, text]) => html`<${Notice} kind="warning" title=${file}>${text}<//>`)}
    ${folders.map((folder) => html`<section><h2>${folder}</h2><ul class="dashboard-list">${of(folder).map((/** @type {any} */ one) => html`<${Item} key=${one.uid} one=${one} onChange=${onChange} />`)}</ul></section>`)}
    ${!found.length && html`<${Empty} title=${t(value.dashboards.length ? "grafana.nothing_found" : "grafana.no_dashboards")}><p>${t("grafana.import_hint")}</p><//>`}
  </div>`;
}

/** @param {{one: any, onChange: () => void}} props */
function Item({ one, onChange }) {
  const [failure, setFailure] = useState(/** @type {any} */ (null));
  const remove = async () => {
    if (!confirm(t("grafana.delete_sure", { title: one.title }))) return;
    try {
      await send("DELETE", `/api/drawn/${one.uid}`);
      onChange();
    } catch (error) {
      setFailure(error);
    }
  };
  return html`<li class="card dashboard-item">
    <a class="dashboard-link" href=${one.url}>${one.title}</a>
    ${one.description && html`<p class="quiet">${one.description}</p>`}
    <p class="row"><span class="quiet">${t("grafana.panels", { count: one.panels })}</span>
      ${(one.tags ?? []).map((/** @type {string} */ tag) => html`<span class="badge">${tag}</span>`)}
      ${one.omissions > 0 && html`<span class="badge badge-warn">${t("grafana.omitted", { count: one.omissions })}</span>`}
      ${one.imported && html`<button type="button" class="button button-quiet" onClick=${remove}>${t("grafana.delete")}</button>`}</p>
    ${failure && html`<${Failure} failure=${failure} />`}
  </li>`;
}
