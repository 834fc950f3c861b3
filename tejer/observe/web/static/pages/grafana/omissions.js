/** What of a dashboard's JSON isn't drawn: nothing is dropped in silence. */
import { t } from "../../lib/i18n.js";
import { Icon } from "../../lib/icons.js";
import { Menu } from "../../lib/parts.js";
import { html } from "../../lib/ui.js";

/** @typedef {{where: string, kind: string, name: string}} Omission */

/** @param {{omissions: Omission[]}} props */
export function Omissions({ omissions }) {
  if (!omissions.length) return null;
  const title = t("grafana.omitted", { count: omissions.length });
  return html`<${Menu} name=${title} class="omissions" label=${html`<${Icon} name="warning" /><span>${title}</span>`}>
    ${() => html`<${OmissionList} omissions=${omissions} />`}
  <//>`;
}

/** @param {{omissions: Omission[]}} props */
export function OmissionList({ omissions }) {
  const places = [...new Set(omissions.map((one) => one.where))];
  return html`<div class="omission-list"><p class="quiet">${t("grafana.omitted_why")}</p>
    ${places.map((where) => html`<section><h3>${where}</h3><ul>${omissions.filter((one) => one.where === where).map((one) => html`<li>
      ${t(`grafana.omission.${one.kind}`)} <code>${one.name}</code></li>`)}</ul></section>`)}</div>`;
}
