/** Status: runtime and build, the store's cardinality, the configuration in force. */
import { getJson, useLoaded } from "../../lib/api.js";
import { compact } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { Copy, Loaded } from "../../lib/parts.js";
import { Table } from "../../lib/table.js";
import { html } from "../../lib/ui.js";

export function StatusPage() {
  const parts = /** @type {const} */ (["runtimeinfo", "buildinfo", "flags"]);
  return html`<h1>${t("nav.status")}</h1><div class="stack">${parts.map((name) => html`<${Facts} key=${name} name=${name} />`)}</div>`;
}

/** @param {{name: string}} props */
function Facts({ name }) {
  const loaded = useLoaded((signal) => getJson(`/api/v1/status/${name}`, {}, signal), []);
  return html`<section class="card" aria-label=${t(`status.${name}`)}><h2 class="card-title">${t(`status.${name}`)}</h2>
    <${Loaded} loaded=${loaded}>${(/** @type {any} */ answer) => html`<dl class="facts">
      ${Object.entries(answer.data).map(([key, value]) => html`<dt>${key}</dt><dd class="mono">${String(value === "" ? "–" : value)}</dd>`)}</dl>`}<//></section>`;
}

export function ConfigPage() {
  const loaded = useLoaded((signal) => getJson("/api/v1/status/config", {}, signal), []);
  return html`<h1>${t("nav.config")}</h1><${Loaded} loaded=${loaded}>${(/** @type {any} */ answer) => html`<section class="card" aria-label=${t("nav.config")}>
    <div class="card-title"><h2>prometheus.yml</h2><${Copy} text=${answer.data.yaml} /></div><pre class="yaml" tabindex="0">${answer.data.yaml}</pre></section>`}<//>`;
}

const LISTS = /** @type {const} */ ([
  ["seriesCountByMetricName", "tsdb.by_metric"], ["labelValueCountByLabelName", "tsdb.by_label"],
  ["memoryInBytesByLabelName", "tsdb.memory"], ["seriesCountByLabelValuePair", "tsdb.by_pair"],
]);

export function TsdbPage() {
  const loaded = useLoaded((signal) => getJson("/api/v1/status/tsdb", { limit: 20 }, signal), []);
  return html`<h1>${t("nav.tsdb")}</h1><${Loaded} loaded=${loaded}>${(/** @type {any} */ answer) => html`<${Tsdb} data=${answer.data} />`}<//>`;
}

/** @param {{data: any}} props */
function Tsdb({ data }) {
  const head = data.headStats ?? {};
  return html`<div class="stack">
    <section class="card" aria-label=${t("tsdb.head")}><h2 class="card-title">${t("tsdb.head")}</h2>
      <dl class="tiles">${Object.entries({ numSeries: "tsdb.series", numLabelPairs: "tsdb.pairs", chunkCount: "tsdb.chunks" }).map(([key, title]) => html`<div><dt>${t(title)}</dt><dd>${compact(Number(head[key] ?? 0))}</dd></div>`)}</dl></section>
    <div class="tsdb-grid">${LISTS.filter(([key]) => data[key]?.length).map(([key, title]) => html`<section class="card" aria-label=${t(title)}><h2 class="card-title">${t(title)}</h2><${Counts} label=${t(title)} rows=${data[key]} /></section>`)}</div></div>`;
}

/** @param {{label: string, rows: {name: string, value: number}[]}} props */
function Counts({ label, rows }) {
  const most = Math.max(1, ...rows.map((row) => row.value));
  return html`<${Table} label=${label} rows=${rows} columns=${[
    { id: "name", title: t("tsdb.name"), value: (/** @type {any} */ row) => row.name, render: (/** @type {any} */ row) => html`<code>${row.name}</code>` },
    { id: "share", title: "", grow: true, render: (/** @type {any} */ row) => html`<meter class="share" min="0" max=${most} value=${row.value} aria-hidden="true"></meter>` },
    { id: "value", title: t("tsdb.count"), align: "end", value: (/** @type {any} */ row) => row.value, render: (/** @type {any} */ row) => compact(row.value) },
  ]} />`;
}
