/** Table panels. */
import { dateTime, t } from "../../lib/i18n.js";
import { Table } from "../../lib/table.js";
import { dark } from "../../lib/theme.js";
import { html, useMemo, useState } from "../../lib/ui.js";
import { thresholdColor, words } from "./looks.js";

/** @param {{panel: any, view: {tables: {columns: any[]}[]}, title: string}} props */
export function Tables({ panel, view, title }) {
  const [chosen, setChosen] = useState(0);
  const tables = view.tables ?? [];
  const shown = tables[Math.min(chosen, tables.length - 1)];
  if (!shown) return null;
  return html`<div class="panel-tables">
    <${One} table=${shown} panel=${panel} title=${title} key=${chosen} />
    ${tables.length > 1 && html`<select aria-label=${t("grafana.frame")} value=${chosen}
      onChange=${(/** @type {any} */ event) => setChosen(Number(event.target.value))}>
      ${tables.map((_, place) => html`<option value=${place}>${t("grafana.frame_of", { place: place + 1, count: tables.length })}</option>`)}</select>`}
  </div>`;
}

/** @param {{table: {columns: any[]}, panel: any, title: string}} props */
function One({ table, panel, title }) {
  const isDark = dark.value;
  const columns = useMemo(() => table.columns.map((column, place) => ({
    id: String(place), title: column.name, align: /** @type {"end" | undefined} */ (column.kind === "number" ? "end" : undefined),
    value: (/** @type {number} */ row) => column.values[row],
    render: (/** @type {number} */ row) => html`<${Cell} column=${column} row=${row} />`,
  })), [table, isDark]);
  const rows = useMemo(() => Array.from({ length: table.columns[0]?.values.length ?? 0 }, (_, row) => row), [table]);
  const by = table.columns.findIndex((column) => column.name === panel.options.sortBy);
  const order = by >= 0 ? { by: String(by), down: Boolean(panel.options.sortDesc) } : undefined;
  return html`<${Table} label=${title} columns=${columns} rows=${rows} order=${order} />`;
}

/** @param {{column: any, row: number}} props */
function Cell({ column, row }) {
  const style = column.style ?? {};
  const value = column.values[row];
  const text = column.kind === "time" && typeof value === "number" && !style.unit ? dateTime(value) : words(value, style);
  const color = style.cell ? thresholdColor(value, style) : "";
  const look = color ? (style.cell === "color-background" ? { background: color, color: "var(--raised)" } : { color }) : undefined;
  const href = column.links?.[row];
  return html`<span class="cell" style=${look}>${href ? html`<a href=${href} title=${style.links?.[0]?.title}>${text}</a>` : text}</span>`;
}
