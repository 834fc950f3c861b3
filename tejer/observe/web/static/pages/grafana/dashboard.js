/** A dashboard: its variables, its sections of panels, and what of its JSON isn't drawn. */
import { getJson, useLoaded } from "../../lib/api.js";
import { boot } from "../../lib/boot.js";
import { t } from "../../lib/i18n.js";
import { Icon } from "../../lib/icons.js";
import { Empty, Failure, Loading } from "../../lib/parts.js";
import { query, setQuery } from "../../lib/router.js";
import { range, REFRESHES, tick } from "../../lib/time.js";
import { parseDuration } from "../../lib/format.js";
import { html, useEffect, useState } from "../../lib/ui.js";
import { Omissions } from "./omissions.js";
import { Panel } from "./panel.js";
import { Variables } from "./variables.js";

/** @param {{uid: string, solo?: boolean}} props */
export function Dashboard({ uid, solo = false }) {
  const loaded = useLoaded((signal) => getJson(`/api/drawn/${uid}`, {}, signal), [uid]);
  const title = loaded.value?.dashboard.title;
  useEffect(() => {
    if (title) document.title = `${title} · ${boot.title}`;
  }, [title]);
  useEffect(() => {
    const dashboard = loaded.value?.dashboard;
    if (!dashboard || query.value.get("from")) return;
    setQuery({ from: dashboard.timeFrom ?? "now-1h", to: dashboard.timeTo ?? "now", refresh: query.value.get("refresh") ?? nearest(dashboard.refresh) }, { replace: true });
  }, [loaded.value]);
  if (loaded.failure?.status === 404) return html`<${Empty} title=${t("grafana.unknown", { uid })}><p><a href="/dashboards">${t("grafana.dashboards")}</a></p><//>`;
  if (loaded.failure) return html`<${Failure} failure=${loaded.failure} />`;
  if (!loaded.value || !query.value.get("from")) return html`<${Loading} />`;
  return html`<${Drawn} drawn=${loaded.value} uid=${uid} solo=${solo} />`;
}

/** The refresh we offer that is closest to the dashboard's own. @param {string} [wanted] */
function nearest(wanted = "") {
  const every = parseDuration(wanted);
  if (!(every > 0)) return "";
  return REFRESHES.filter(Boolean).find((one) => parseDuration(one) >= every) ?? "";
}

/** `var-NAME` of the address, as the panels pass them on. */
function chosen() {
  /** @type {Record<string, string[]>} */
  const found = {};
  for (const name of new Set(query.value.keys())) if (name.startsWith("var-")) found[name] = query.value.getAll(name);
  return found;
}

/** @param {{drawn: any, uid: string, solo: boolean}} props */
function Drawn({ drawn, uid, solo }) {
  const { dashboard, omissions = [] } = drawn;
  const parameters = chosen();
  const { from, to } = range.value;
  const variables = useLoaded((signal) => getJson(`/api/drawn/${uid}/variables`, { from, to, ...parameters }, signal), [uid, from, to, JSON.stringify(parameters), tick.value]);
  const viewed = Number(query.value.get("viewPanel") ?? query.value.get("panelId") ?? 0);
  const rows = dashboard.rows ?? [];
  const one = viewed && rows.flatMap((/** @type {any} */ row) => row.panels ?? []).find((/** @type {any} */ panel) => panel.id === viewed);
  const context = variables.value && { uid, start: variables.value.start, end: variables.value.end, parameters: asked(variables.value, parameters), shared: sharing(uid, dashboard.shared) };
  return html`<div class="dashboard" data-dashboard=${uid}>
    ${!solo && html`<div class="dashboard-head">
      <div><h1>${dashboard.title}</h1>${dashboard.description && html`<p class="quiet">${dashboard.description}</p>`}</div>
      <${Links} links=${dashboard.links ?? []} />
      <${Omissions} omissions=${omissions} />
    </div>
    <${Variables} variables=${dashboard.variables ?? []} answers=${variables.value?.variables ?? []} />`}
    ${variables.failure && html`<${Failure} failure=${variables.failure} />`}
    ${!context ? !variables.failure && html`<${Loading} />`
      : one ? html`<div class="panels-one">${!solo && html`<p><button type="button" class="button" onClick=${() => setQuery({ viewPanel: "" })}>${t("grafana.back")}</button></p>`}
          <${Panel} panel=${one} context=${context} top=${0} solo=${true} /></div>`
      : rows.map((/** @type {any} */ row, /** @type {number} */ place) => html`<${Section} key=${`${uid}-${place}`} row=${row} context=${context} answers=${variables.value.variables} />`)}
    ${!rows.length && html`<${Empty} title=${t("grafana.no_panels")} />`}
  </div>`;
}

/** @param {string} uid @param {string} [what] @returns {import("./panel.js").Shared} */
const sharing = (uid, what = "nothing") => ({ key: what === "nothing" ? "" : uid, tooltip: what === "tooltip" });

/** The parameters the variables were worked out with, so that the panels find the same answer. @param {any} value @param {Record<string, string[]>} parameters */
function asked(value, parameters) {
  value.parameters ??= parameters;
  return value.parameters;
}

/** @param {{links: any[]}} props */
function Links({ links }) {
  if (!links.length) return null;
  return html`<ul class="row">${links.map((link) => html`<li><a href=${link.url} target=${link.newTab ? "_blank" : undefined} rel="noopener">${link.title}</a></li>`)}</ul>`;
}

/** `$name` in a heading, with what is chosen. @param {string} text @param {any[]} answers */
export function withValues(text, answers) {
  return text.replace(/\$\{?(\w+)\}?|\[\[(\w+)\]\]/g, (whole, plain, old) => answers.find((one) => one.name === (plain ?? old))?.text ?? whole);
}

/** @param {{row: any, context: import("./panel.js").Context, answers: any[]}} props */
function Section({ row, context, answers }) {
  const [open, setOpen] = useState(!row.collapsed);
  const panels = row.panels ?? [];
  const top = Math.min(...panels.map((/** @type {any} */ panel) => panel.grid?.y ?? 0));
  const title = withValues(row.title ?? "", answers);
  return html`<section class="dashboard-row" aria-label=${title || t("grafana.first_row")}>
    ${title && html`<h2><button type="button" class="dashboard-row-title" aria-expanded=${open} onClick=${() => setOpen(!open)}>
      <${Icon} name="chevron" class=${open ? "down" : ""} />${title}${!open && html`<span class="quiet">${t("grafana.panels", { count: panels.length })}</span>`}</button></h2>`}
    ${open && html`<div class="panels">${panels.map((/** @type {any} */ panel) => html`<${Panel} key=${panel.id} panel=${panel} context=${context} top=${top} />`)}</div>`}
  </section>`;
}
