/** The bar of a dashboard's variables. What is chosen stands in the address as `var-NAME`, as Grafana has it. */
import { t } from "../../lib/i18n.js";
import { Icon } from "../../lib/icons.js";
import { Menu } from "../../lib/parts.js";
import { setQuery } from "../../lib/router.js";
import { html, useId, useState } from "../../lib/ui.js";

export const ALL = "$__all";
const MOST = 300;

/** @param {string} name @param {string[]} values */
const choose = (name, values) => setQuery({ [`var-${name}`]: values });

/** @param {{variables: any[], answers: any[]}} props as the dashboard has them, and their options and values now */
export function Variables({ variables, answers }) {
  const shown = variables.filter((one) => one.hide !== "variable" && one.kind !== "constant");
  const of = (/** @type {any} */ variable) => answers.find((answer) => answer.name === variable.name) ?? {};
  const useful = shown.filter((one) => one.kind !== "datasource" || (of(one).options ?? []).length > 1);
  if (!useful.length) return null;
  return html`<form class="variables" aria-label=${t("grafana.variables")} onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${useful.map((variable) => html`<${Variable} key=${variable.name} variable=${variable} answer=${of(variable)} />`)}
  </form>`;
}

/** @param {{variable: any, answer: any}} props */
function Variable({ variable, answer }) {
  const id = useId();
  const label = variable.label || variable.name;
  const Control = variable.kind === "textbox" ? Text : variable.multi ? Several : One;
  return html`<div class="variable" data-variable=${variable.name} title=${variable.description}>
    ${variable.hide !== "label" && html`<label for=${id}>${label}</label>`}
    <${Control} id=${id} variable=${variable} answer=${answer} label=${label} />
    ${answer.error && html`<span class="badge badge-bad" role="alert" title=${answer.error}>${answer.error}</span>`}
  </div>`;
}

/** @param {{id: string, variable: any, answer: any, label: string}} props */
function Text({ id, variable, answer }) {
  return html`<input id=${id} value=${answer.values?.[0] ?? ""} onChange=${(/** @type {any} */ event) => choose(variable.name, [event.target.value])} />`;
}

/** @param {{id: string, variable: any, answer: any, label: string}} props */
function One({ id, variable, answer, label }) {
  const value = answer.values?.[0] ?? "";
  const options = answer.options ?? [];
  const known = options.some((/** @type {any} */ option) => option.value === value);
  return html`<select id=${id} aria-label=${label} value=${value} onChange=${(/** @type {any} */ event) => choose(variable.name, [event.target.value])}>
    ${variable.includeAll && html`<option value=${ALL}>${t("grafana.all")}</option>`}
    ${value && value !== ALL && !known && html`<option value=${value}>${value}</option>`}
    ${options.map((/** @type {any} */ option) => html`<option value=${option.value}>${option.text}</option>`)}
    ${!options.length && !value && html`<option value="">${t("grafana.none")}</option>`}
  </select>`;
}

/** @param {{id: string, variable: any, answer: any, label: string}} props */
function Several({ id, variable, answer, label }) {
  const [typed, setTyped] = useState("");
  const values = answer.values ?? [];
  const options = (answer.options ?? []).filter((/** @type {any} */ option) => option.text.toLowerCase().includes(typed.toLowerCase()));
  const toggle = (/** @type {string} */ value, /** @type {boolean} */ on) => {
    const rest = values.filter((/** @type {string} */ one) => one !== ALL && one !== value);
    const next = on ? [...rest, value] : rest;
    choose(variable.name, next.length ? next : [variable.includeAll ? ALL : value]);
  };
  const shown = values.includes(ALL) ? t("grafana.all") : answer.text || t("grafana.none");
  return html`<${Menu} name=${`${label}: ${shown}`} align="start" class="variable-menu"
      label=${html`<span class="variable-text" id=${id}>${shown}</span><${Icon} name="chevron" class="down" />`}>
    ${() => html`<div class="variable-panel">
      <input type="search" aria-label=${t("grafana.filter")} placeholder=${t("grafana.filter")} value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} />
      <ul>${variable.includeAll && html`<li><label><input type="checkbox" checked=${values.includes(ALL)} onChange=${() => choose(variable.name, [ALL])} />${t("grafana.all")}</label></li>`}
        ${options.slice(0, MOST).map((/** @type {any} */ option) => html`<li key=${option.value}><label>
          <input type="checkbox" checked=${values.includes(option.value)} onChange=${(/** @type {any} */ event) => toggle(option.value, event.target.checked)} />
          <span>${option.text}</span></label></li>`)}
        ${!options.length && html`<li class="quiet">${t("grafana.none")}</li>`}</ul></div>`}
  <//>`;
}
