/** Import of a dashboard's JSON: what it would look like is said before it is kept. */
import { Refusal, reason } from "../../lib/api.js";
import { boot } from "../../lib/boot.js";
import { t } from "../../lib/i18n.js";
import { Failure, Field, Notice } from "../../lib/parts.js";
import { go } from "../../lib/router.js";
import { html, useState } from "../../lib/ui.js";
import { OmissionList } from "./omissions.js";

/** @param {string} text @param {boolean} check only to read it @returns {Promise<any>} */
async function post(text, check) {
  const response = await fetch(`/api/drawn${check ? "?check=true" : ""}`, {
    method: "POST", body: text, headers: { "Content-Type": "application/json", "X-CSRF-Token": boot.csrf },
  });
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Refusal(response.status, reason(body, "", response.status));
  return body;
}

export function Import() {
  const [text, setText] = useState("");
  const [checked, setChecked] = useState(/** @type {any} */ (null));
  const [failure, setFailure] = useState(/** @type {any} */ (null));
  const attempt = async (/** @type {boolean} */ check) => {
    setFailure(null);
    try {
      const answer = await post(text, check);
      if (check) setChecked(answer);
      else go(answer.url);
    } catch (error) {
      setChecked(null);
      setFailure(error);
    }
  };
  const choose = async (/** @type {any} */ event) => {
    const file = event.target.files?.[0];
    if (!file) return;
    setChecked(null);
    setText(await file.text());
  };
  return html`<form class="stack import" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); attempt(!checked); }}>
    <h1>${t("grafana.import_title")}</h1>
    <p class="quiet">${t("grafana.import_how")}</p>
    <${Field} label=${t("grafana.file")}>${(/** @type {string} */ id) => html`<input id=${id} type="file" accept=".json,application/json" onChange=${choose} />`}<//>
    <${Field} label=${t("grafana.or_json")}>${(/** @type {string} */ id) => html`<textarea id=${id} rows="12" class="mono" spellcheck="false" value=${text}
      onInput=${(/** @type {any} */ event) => { setText(event.target.value); setChecked(null); }}></textarea>`}<//>
    ${failure && html`<${Failure} failure=${failure} />`}
    ${checked && html`<${Checked} checked=${checked} />`}
    <p class="row"><button class="button button-primary" type="submit" disabled=${!text.trim()}>${t(checked ? "grafana.keep" : "grafana.check")}</button>
      <a class="button" href="/dashboards">${t("grafana.cancel")}</a></p>
  </form>`;
}

/** @param {{checked: any}} props */
function Checked({ checked }) {
  const { dashboard, omissions = [] } = checked;
  const panels = (dashboard.rows ?? []).reduce((/** @type {number} */ sum, /** @type {any} */ row) => sum + (row.panels ?? []).length, 0);
  return html`<section class="card stack"><h2>${dashboard.title}</h2>
    <p>${t("grafana.panels", { count: panels })}</p>
    ${omissions.length ? html`<${Notice} kind="warning" title=${t("grafana.omitted", { count: omissions.length })}><${OmissionList} omissions=${omissions} /><//>`
      : html`<${Notice}>${t("grafana.all_drawn")}<//>`}
  </section>`;
}
