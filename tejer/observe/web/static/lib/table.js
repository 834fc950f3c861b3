/**
 * A table that sorts by its headings and shows long lists in parts.
 * @typedef {{id: string, title: string, value?: (row: any) => any, render?: (row: any) => any, align?: "end", grow?: boolean, sort?: boolean}} Column
 *   `value` gives what is sorted by and, without `render`, shown
 */
import { t } from "./i18n.js";
import { html, useMemo, useState } from "./ui.js";

const PART = 200;
const collator = new Intl.Collator(undefined, { numeric: true });

/** Order for sorting: numbers by size with NaN last, all else as people sort text. @param {any} a @param {any} b */
export function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return a - b;
  }
  return collator.compare(String(a ?? ""), String(b ?? ""));
}

/**
 * @param {any[]} rows @param {Column[]} columns @param {{by: string, down: boolean} | null} order
 * @returns {any[]} a sorted copy, equal rows in their old order
 */
export function sorted(rows, columns, order) {
  const value = columns.find((column) => column.id === order?.by)?.value;
  if (!order || !value) return rows;
  const sign = order.down ? -1 : 1;
  return [...rows].sort((a, b) => sign * compare(value(a), value(b)));
}

/**
 * @param {{label: string, columns: Column[], rows: any[], order?: {by: string, down: boolean}, rowKey?: (row: any) => string,
 *   rowClass?: (row: any) => string}} props `label` is read by screen readers
 */
export function Table({ label, columns, rows, order: first = undefined, rowKey = undefined, rowClass = undefined }) {
  const [order, setOrder] = useState(first ?? null);
  const [shown, setShown] = useState(PART);
  const inOrder = useMemo(() => sorted(rows, columns, order), [rows, columns, order]);
  const turn = (/** @type {string} */ id) => setOrder(order?.by === id ? { by: id, down: !order.down } : { by: id, down: false });
  return html`<div class="table-box">
    <table class="table" aria-label=${label}>
      <thead><tr>${columns.map((column) => html`<${Heading} column=${column} order=${order} onTurn=${turn} />`)}</tr></thead>
      <tbody>${inOrder.slice(0, shown).map((row, at) => html`<tr key=${rowKey ? rowKey(row) : at} class=${rowClass ? rowClass(row) : undefined}>
        ${columns.map((column) => html`<td class=${cellClass(column)}>${column.render ? column.render(row) : column.value?.(row)}</td>`)}
      </tr>`)}</tbody>
    </table>
    ${inOrder.length > shown && html`<button type="button" class="button" onClick=${() => setShown(shown + 5 * PART)}>
      ${t("table.more", { shown, count: inOrder.length })}</button>`}
  </div>`;
}

/** @param {{column: Column, order: {by: string, down: boolean} | null, onTurn: (id: string) => void}} props */
function Heading({ column, order, onTurn }) {
  if (!column.value || column.sort === false) return html`<th scope="col" class=${cellClass(column)}>${column.title}</th>`;
  const mine = order?.by === column.id;
  return html`<th scope="col" class=${cellClass(column)} aria-sort=${mine ? (order.down ? "descending" : "ascending") : undefined}>
    <button type="button" class="sort" onClick=${() => onTurn(column.id)}>${column.title}<span aria-hidden="true" class="sort-mark">${mine ? (order.down ? "▾" : "▴") : ""}</span></button></th>`;
}

/** @param {Column} column */
const cellClass = (column) => [column.align === "end" && "end", column.grow && "grow"].filter(Boolean).join(" ") || undefined;
