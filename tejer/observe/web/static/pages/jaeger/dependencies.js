/** Which service calls which, counted over the time range's traces. */
import { getJson, useLoaded } from "../../lib/api.js";
import { compact } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { Empty, Loaded } from "../../lib/parts.js";
import { Table } from "../../lib/table.js";
import { range, resolve, tick } from "../../lib/time.js";
import { html } from "../../lib/ui.js";
import { serviceColor } from "./model.js";

export function DependenciesPage() {
  const loaded = useLoaded((signal) => {
    const { startMs, endMs } = resolve(range.value, Date.now());
    return getJson("/api/dependencies", { endTs: Math.round(endMs), lookback: Math.round(endMs - startMs) }, signal);
  }, [range.value.from, range.value.to, tick.value]);
  return html`<h1>${t("nav.dependencies")}</h1><${Loaded} loaded=${loaded}>${(/** @type {any} */ answer) => (answer.data?.length
    ? html`<section class="card" aria-label=${t("nav.dependencies")}><${Calls} calls=${answer.data} /></section>` : html`<div class="card"><${Empty} title=${t("dependencies.none")} /></div>`)}<//>`;
}

/** @param {{calls: {parent: string, child: string, callCount: number}[]}} props */
function Calls({ calls }) {
  const most = Math.max(...calls.map((one) => one.callCount));
  const service = (/** @type {string} */ name) => html`<a class="service-tag" style=${{ borderColor: serviceColor(name) }} href=${`/search?service=${encodeURIComponent(name)}`}>${name}</a>`;
  return html`<${Table} label=${t("nav.dependencies")} rows=${calls} order=${{ by: "count", down: true }} columns=${[
    { id: "parent", title: t("dependencies.caller"), value: (/** @type {any} */ one) => one.parent, render: (/** @type {any} */ one) => service(one.parent) },
    { id: "child", title: t("dependencies.called"), value: (/** @type {any} */ one) => one.child, render: (/** @type {any} */ one) => service(one.child) },
    { id: "share", title: "", grow: true, render: (/** @type {any} */ one) => html`<meter class="share" min="0" max=${most} value=${one.callCount} aria-hidden="true"></meter>` },
    { id: "count", title: t("dependencies.calls"), align: "end", value: (/** @type {any} */ one) => one.callCount, render: (/** @type {any} */ one) => compact(one.callCount) },
  ]} />`;
}
