/** The log lines of a trace: found by its id, and by the request ids that its spans name. */
import { getJson, useLoaded } from "../../lib/api.js";
import { micros } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { Empty, Loaded } from "../../lib/parts.js";
import { Table } from "../../lib/table.js";
import { html } from "../../lib/ui.js";
import { serviceColor } from "./model.js";

/** @param {{trace: string, startUs: number}} props */
export function Logs({ trace, startUs }) {
  const loaded = useLoaded((signal) => getJson("/api/logs", { trace_id: trace, limit: 500 }, signal), [trace]);
  return html`<section class="card" aria-label=${t("logs.title")}><h2 class="card-title">${t("logs.title")}</h2>
    <${Loaded} loaded=${loaded}>${(/** @type {any} */ answer) => (answer.logs.length ? html`<${Lines} logs=${answer.logs} startUs=${startUs} />`
      : html`<${Empty} title=${t("logs.none")}><p>${t("logs.none_why")}</p><//>`)}<//></section>`;
}

/** @param {{logs: any[], startUs: number}} props */
function Lines({ logs, startUs }) {
  const after = (/** @type {any} */ one) => Number(BigInt(one.timeUnixNano) / 1000n) - startUs;
  return html`<${Table} label=${t("logs.title")} rows=${logs} order=${{ by: "time", down: false }} columns=${[
    { id: "time", title: t("logs.time"), align: "end", value: after, render: (/** @type {any} */ one) => html`<code>${after(one) < 0 ? "−" : "+"}${micros(Math.abs(after(one)))}</code>` },
    { id: "workload", title: t("logs.workload"), value: (/** @type {any} */ one) => `${one.workload}.${one.namespace}`, render: (/** @type {any} */ one) => html`<span class="service-tag" style=${{ borderColor: serviceColor(`${one.workload}.${one.namespace}`) }}>${one.workload || "–"}</span>` },
    { id: "body", title: t("logs.line"), grow: true, value: (/** @type {any} */ one) => text(one.body), render: (/** @type {any} */ one) => html`<code class="log-line">${text(one.body)}</code>` },
  ]} />`;
}

/** @param {any} body */
const text = (body) => (typeof body === "string" ? body : JSON.stringify(body));
