/** The expression browser: an expression, its answer as a table or a graph. All of it is in the address. */
import { Refusal, getJson, useLoaded } from "../../lib/api.js";
import { Chart, distinct } from "../../lib/chart.js";
import { Combobox, matching } from "../../lib/combobox.js";
import { compact } from "../../lib/format.js";
import { dateTime, t } from "../../lib/i18n.js";
import { Empty, Loading, Notice, Tabs } from "../../lib/parts.js";
import { query, setQuery } from "../../lib/router.js";
import { Table } from "../../lib/table.js";
import { range, refreshNow, resolve, stepSeconds, tick, zoom } from "../../lib/time.js";
import { html, useEffect, useMemo, useRef, useState } from "../../lib/ui.js";
import { context, errorOffset, names, selected, seriesName } from "./promql.js";

const POINTS = 240;
const MAX_DRAWN = 200;

export function GraphPage() {
  const expression = query.value.get("g0.expr") ?? "";
  const tab = query.value.get("g0.tab") === "1" || query.value.get("g0.tab") === "table" ? "table" : "graph";
  const [text, setText] = useState(expression);
  useEffect(() => setText(expression), [expression]);
  const run = () => {
    setQuery({ "g0.expr": text.trim() });
    refreshNow();
  };
  const answer = useAnswer(expression, tab);
  return html`
    <h1 class="visually-hidden">${t("nav.graph")}</h1>
    <section class="card stack" aria-label=${t("graph.expression")}>
      <form class="expression" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); run(); }}>
        <${Expression} text=${text} onInput=${setText} onEnter=${run} failure=${answer.failure} />
        <button class="button button-primary" type="submit">${t("graph.run")}</button>
      </form>
      ${answer.failure && html`<${Problem} failure=${answer.failure} expression=${expression} />`}
    </section>
    ${expression ? html`<section class="card stack" aria-label=${t("graph.answer")} aria-live="polite" aria-busy=${answer.loading}>
      <div class="row row-between">
        <${Tabs} label=${t("graph.view")} chosen=${tab} onChoose=${(/** @type {string} */ id) => setQuery({ "g0.tab": id === "table" ? "1" : "0" })}
          tabs=${[{ id: "graph", title: t("graph.graph") }, { id: "table", title: t("graph.table") }]} />
        <${Facts} answer=${answer} tab=${tab} />
      </div>
      <${Answer} answer=${answer} tab=${tab} expression=${expression} />
    </section>` : html`<${Examples} />`}`;
}

/** @param {string} expression @param {string} tab */
function useAnswer(expression, tab) {
  return useLoaded(async (signal) => {
    if (!expression) return null;
    const began = performance.now();
    const { startMs, endMs } = resolve(range.value, Date.now());
    const step = stepSeconds(endMs - startMs, POINTS);
    const asked = tab === "graph"
      ? await getJson("/api/v1/query_range", { query: expression, start: startMs / 1000, end: endMs / 1000, step }, signal)
      : await getJson("/api/v1/query", { query: expression, time: endMs / 1000 }, signal);
    return { ...asked.data, tab, warnings: asked.warnings ?? [], took: performance.now() - began, startMs, endMs, step };
  }, [expression, tab, range.value.from, range.value.to, tick.value]);
}

/** @param {{text: string, onInput: (text: string) => void, onEnter: () => void, failure: any}} props */
function Expression({ text, onInput, onEnter, failure }) {
  const metrics = useLoaded((signal) => getJson("/api/v1/label/__name__/values", {}, signal), []).value?.data ?? [];
  const metadata = useLoaded((signal) => getJson("/api/v1/metadata", {}, signal).catch(() => ({ data: {} })), []).value?.data ?? {};
  const lists = useLists();
  const suggest = (/** @type {string} */ value, /** @type {number} */ caret) => {
    const at = context(value, caret);
    if (at.kind === "name") return { start: at.start, items: names(at.word, metrics, metadata) };
    if (at.kind === "label") return { start: at.start, items: matching(at.word, lists.labels(at.metric)) };
    if (at.kind === "value") return { start: at.start, items: matching(at.word, lists.values(at.label, at.metric)) };
    return { start: at.start, items: [] };
  };
  return html`<${Combobox} label=${t("graph.expression")} value=${text} onInput=${onInput} onEnter=${onEnter} suggest=${suggest}
    rows=${Math.min(8, Math.max(2, text.split("\n").length))} placeholder=${t("graph.placeholder")} invalid=${failure?.kind === "bad_data"} describedBy="problem" />`;
}

/** Label names and values of a metric, asked for once and there at the next key. */
function useLists() {
  const [, redraw] = useState(0);
  const known = useRef(/** @type {Map<string, {text: string}[]>} */ (new Map()));
  const of = (/** @type {string} */ path, /** @type {string} */ metric) => {
    const key = `${path} ${metric}`;
    if (!known.current.has(key)) {
      known.current.set(key, []);
      getJson(path, metric ? { "match[]": metric } : {}).then((answer) => {
        known.current.set(key, answer.data.map((/** @type {string} */ text) => ({ text })));
        redraw((/** @type {number} */ n) => n + 1);
      }, () => known.current.delete(key));
    }
    return known.current.get(key) ?? [];
  };
  return {
    labels: (/** @type {string} */ metric) => of("/api/v1/labels", metric).filter((one) => one.text !== "__name__"),
    values: (/** @type {string} */ label, /** @type {string} */ metric) => of(`/api/v1/label/${label}/values`, metric),
  };
}

/** An error with the place in the expression it is about. @param {{failure: Refusal, expression: string}} props */
function Problem({ failure, expression }) {
  const at = errorOffset(failure.message, expression);
  return html`<div id="problem"><${Notice} kind="error" title=${t(failure.status === 422 ? "graph.not_done" : failure.status === 400 ? "graph.not_read" : "api.failed")}>
    ${failure.message}
    ${at >= 0 && html`<pre class="error-place">${expression.slice(0, at)}<mark>${expression.slice(at, at + 1) || " "}</mark>${expression.slice(at + 1)}</pre>`}
  <//></div>`;
}

/** @param {{answer: any, tab: string}} props */
function Facts({ answer, tab }) {
  const { value } = answer;
  if (!value?.resultType) return null;
  const count = Array.isArray(value.result) && value.resultType !== "scalar" && value.resultType !== "string" ? value.result.length : 1;
  return html`<p class="hint">${t("graph.series", { count })} · ${Math.round(value.took)} ms${tab === "graph" ? ` · ${t("graph.step", { step: value.step })}` : ""}</p>`;
}

/** @param {{answer: any, tab: string, expression: string}} props */
function Answer({ answer, tab, expression }) {
  const { value, failure } = answer;
  if (failure) return html`<p class="hint">${t("graph.see_problem")}</p>`;
  if (!value || value.tab !== tab) return html`<${Loading} />`;
  const warnings = value.warnings.map((/** @type {string} */ one) => html`<${Notice} kind="warning">${one}<//>`);
  if (value.resultType === "scalar" || value.resultType === "string") return html`${warnings}<p class="scalar mono">${value.result[1]}</p>`;
  if (!value.result.length) return html`${warnings}<${Nothing} expression=${expression} />`;
  return html`${warnings}${tab === "graph" ? html`<${Graph} value=${value} expression=${expression} />` : html`<${Values} value=${value} />`}`;
}

/** @param {{value: any, expression: string}} props */
function Graph({ value, expression }) {
  const { times, series } = useMemo(() => toSeries(value.result.slice(0, MAX_DRAWN), value.startMs / 1000, value.endMs / 1000, value.step), [value]);
  return html`
    ${value.result.length > MAX_DRAWN && html`<${Notice} kind="warning">${t("graph.too_many", { count: value.result.length, shown: MAX_DRAWN })}<//>`}
    <${Chart} label=${expression} times=${times} series=${series} height=${340} onZoom=${zoom} span=${[value.startMs / 1000, value.endMs / 1000]} />`;
}

/**
 * A matrix on one grid of times; where a series has no sample there is a gap.
 * @param {any[]} result @param {number} start @param {number} end @param {number} step seconds
 */
export function toSeries(result, start, end, step) {
  const count = Math.floor((end - start) / step + 1e-6) + 1;
  const times = Array.from({ length: count }, (_, at) => start + at * step);
  const all = result.map((one) => one.metric);
  const series = result.map((one) => {
    const values = /** @type {(number | null)[]} */ (new Array(count).fill(null));
    for (const [time, text] of one.values) {
      const value = Number(text.replace("Inf", "Infinity"));
      const at = Math.round((time - start) / step);
      if (at >= 0 && at < count && Number.isFinite(value)) values[at] = value;
    }
    const told = distinct(all, one.metric);
    return { key: seriesName(one.metric), label: told.length ? seriesName(Object.fromEntries(told)) : seriesName(one.metric), values };
  });
  return { times, series };
}

/** @param {{value: any}} props */
function Values({ value }) {
  const matrix = value.resultType === "matrix";
  const columns = [
    { id: "series", title: t("graph.column_series"), grow: true, value: (/** @type {any} */ row) => seriesName(row.metric), render: (/** @type {any} */ row) => html`<${Labels} labels=${row.metric} />` },
    matrix
      ? { id: "value", title: t("graph.column_values"), render: (/** @type {any} */ row) => html`<pre>${row.values.map((/** @type {any} */ [time, text]) => `${text} @${dateTime(time * 1000)}\n`)}</pre>` }
      : { id: "value", title: t("graph.column_value"), align: /** @type {const} */ ("end"), value: (/** @type {any} */ row) => Number(row.value[1].replace("Inf", "Infinity")),
        render: (/** @type {any} */ row) => html`<span class="mono" title=${compact(Number(row.value[1]))}>${row.value[1]}</span>` },
  ];
  return html`<${Table} label=${t("graph.answer")} columns=${columns} rows=${value.result} rowKey=${(/** @type {any} */ row) => seriesName(row.metric)} />`;
}

/** @param {{labels: Record<string, string>}} props */
export function Labels({ labels }) {
  const { __name__: name, ...rest } = labels;
  return html`<span class="label-set">${name && html`<strong class="mono">${name}</strong>`}
    ${Object.entries(rest).map(([label, value]) => html`<span class="label"><b>${label}=</b>${value}</span>`)}</span>`;
}

/** Why there may be nothing: names that do not exist are told from selectors that match nothing. @param {{expression: string}} props */
function Nothing({ expression }) {
  const metrics = selected(expression);
  const known = useLoaded((signal) => getJson("/api/v1/label/__name__/values", {}, signal), []).value?.data;
  const unknown = known ? metrics.filter((name) => !known.includes(name)) : [];
  const close = unknown.flatMap((name) => matching(name, (known ?? []).map((/** @type {string} */ text) => ({ text }))).slice(0, 3));
  return html`<${Empty} title=${t("graph.nothing")}><ul>
    ${unknown.map((name) => html`<li>${t("graph.no_metric", { name })}</li>`)}
    ${close.length > 0 && html`<li>${t("graph.close")} ${close.map(({ text }) => html`<code>${text}</code> `)}</li>`}
    ${!unknown.length && html`<li>${t("graph.no_match")}</li>`}
    <li>${t("graph.no_samples")}</li>
    ${/rate|increase|delta/.test(expression) && html`<li>${t("graph.short_range")}</li>`}
  </ul><//>`;
}

const EXAMPLES = [
  ["graph.example_up", "up"],
  ["graph.example_rate", 'sum by (destination_workload, response_code) (rate(istio_requests_total{reporter="destination"}[1m]))'],
  ["graph.example_p95", 'histogram_quantile(0.95, sum by (destination_workload, le) (rate(istio_request_duration_milliseconds_bucket{reporter="destination"}[1m])))'],
  ["graph.example_errors", 'sum by (destination_service_name) (rate(istio_requests_total{response_code=~"5.."}[5m]))'],
];

function Examples() {
  return html`<section class="card" aria-label=${t("graph.examples")}><h2 class="card-title">${t("graph.examples")}</h2>
    <ul class="examples">${EXAMPLES.map(([title, expression]) => html`<li><a href=${`/graph?g0.expr=${encodeURIComponent(expression)}`}>${t(title)}</a><code>${expression}</code></li>`)}</ul></section>`;
}
