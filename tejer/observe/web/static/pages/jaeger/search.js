/** The search: what is looked for is in the address; a cloud of durations over time, and the traces found. */
import { getJson, useLoaded } from "../../lib/api.js";
import { micros } from "../../lib/format.js";
import { ago, dateTime, t } from "../../lib/i18n.js";
import { Empty, Failure, Field, Loading, Notice } from "../../lib/parts.js";
import { go, query, setQuery } from "../../lib/router.js";
import { range, refreshNow, resolve, tick } from "../../lib/time.js";
import { html, useEffect, useMemo, useState } from "../../lib/ui.js";
import { readTags, serviceColor } from "./model.js";
import { Scatter } from "./scatter.js";

const LIMITS = [20, 50, 100, 200, 500];

/**
 * @typedef {{id: string, name: string, service: string, startMs: number, durationUs: number, spans: number, errors: number, services: {name: string, count: number}[]}} Summary
 * @param {any} one of /api/v3/trace-summaries @returns {Summary}
 */
export function readSummary(one) {
  const startUs = Number(BigInt(one.minStartTimeUnixNano) / 1000n);
  return {
    id: one.traceId, name: one.rootOperationName, service: one.rootServiceName, startMs: startUs / 1000,
    durationUs: Number(BigInt(one.maxEndTimeUnixNano) - BigInt(one.minStartTimeUnixNano)) / 1000, spans: one.spanCount, errors: one.errorSpanCount,
    services: (one.services ?? []).map((/** @type {any} */ each) => (typeof each === "string" ? { name: each, count: 0 } : { name: each.name, count: each.spanCount ?? each.numberOfSpans ?? 0 })),
  };
}

export function SearchPage() {
  const found = useTraces();
  return html`<div class="search-page">
    <aside class="card" aria-label=${t("search.title")}><h1 class="card-title">${t("search.title")}</h1><${Form} /><${ById} /></aside>
    <section class="stack" aria-label=${t("search.results")} aria-live="polite"><${Results} found=${found} /></section></div>`;
}

function useTraces() {
  const given = query.value;
  const inputs = ["service", "operation", "tags", "minDuration", "maxDuration", "limit"].map((name) => given.get(name) ?? "");
  return useLoaded(async (signal) => {
    const [service, operation, tags, shortest, longest, limit] = inputs;
    const { startMs, endMs } = resolve(range.value, Date.now());
    const wanted = readTags(tags);
    const answer = await getJson("/api/v3/trace-summaries", {
      "query.serviceName": service, "query.operationName": operation, "query.durationMin": shortest, "query.durationMax": longest,
      "query.attributes": wanted && Object.keys(wanted).length ? JSON.stringify(wanted) : "", "query.searchDepth": limit || LIMITS[0],
      "query.startTimeMin": new Date(startMs).toISOString(), "query.startTimeMax": new Date(endMs).toISOString(),
    }, signal);
    return { traces: /** @type {Summary[]} */ (answer.summaries.map(readSummary)), startMs, endMs };
  }, [...inputs, range.value.from, range.value.to, tick.value]);
}

function Form() {
  const services = useLoaded((signal) => getJson("/api/v3/services", {}, signal), [tick.value]).value?.services ?? [];
  const given = Object.fromEntries(query.value);
  const [draft, setDraft] = useState(given);
  useEffect(() => setDraft(Object.fromEntries(query.value)), [query.value]);
  const operations = useLoaded((signal) => (draft.service ? getJson("/api/v3/operations", { service: draft.service }, signal) : Promise.resolve({ operations: [] })), [draft.service]).value?.operations ?? [];
  const names = [...new Set(operations.map((/** @type {any} */ one) => one.name))].sort();
  const wrong = readTags(draft.tags ?? "") === null;
  const set = (/** @type {string} */ name) => (/** @type {any} */ event) => setDraft({ ...draft, [name]: event.target.value, ...(name === "service" ? { operation: "" } : {}) });
  const search = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (wrong) return;
    const { service, operation, tags, minDuration, maxDuration, limit } = draft;
    setQuery({ service, operation, tags, minDuration, maxDuration, limit });
    refreshNow();
  };
  return html`<form class="stack search-form" onSubmit=${search}>
    <${Field} label=${t("search.service")}>${(/** @type {string} */ id) => html`<select id=${id} value=${draft.service ?? ""} onChange=${set("service")}>
      <option value="">${t("search.all")}</option>${[...services].sort().map((name) => html`<option value=${name}>${name}</option>`)}</select>`}<//>
    <${Field} label=${t("search.operation")}>${(/** @type {string} */ id) => html`<select id=${id} value=${draft.operation ?? ""} onChange=${set("operation")} disabled=${!draft.service}>
      <option value="">${t("search.all")}</option>${names.map((name) => html`<option value=${name}>${name}</option>`)}</select>`}<//>
    <${Field} label=${t("search.tags")} hint=${wrong ? t("search.tags_wrong") : t("search.tags_hint")}>${(/** @type {string} */ id) => html`<input id=${id} class="mono" value=${draft.tags ?? ""} onInput=${set("tags")}
      aria-invalid=${wrong || undefined} placeholder="http.status_code=503 error=true" />`}<//>
    <div class="pair">
      <${Field} label=${t("search.shortest")}>${(/** @type {string} */ id) => html`<input id=${id} value=${draft.minDuration ?? ""} onInput=${set("minDuration")} placeholder="100ms" pattern="[0-9.]+(us|µs|ms|s|m)" />`}<//>
      <${Field} label=${t("search.longest")}>${(/** @type {string} */ id) => html`<input id=${id} value=${draft.maxDuration ?? ""} onInput=${set("maxDuration")} placeholder="1.2s" pattern="[0-9.]+(us|µs|ms|s|m)" />`}<//>
    </div>
    <${Field} label=${t("search.limit")}>${(/** @type {string} */ id) => html`<select id=${id} value=${draft.limit ?? LIMITS[0]} onChange=${set("limit")}>${LIMITS.map((n) => html`<option value=${n}>${n}</option>`)}</select>`}<//>
    <button class="button button-primary" type="submit">${t("search.submit")}</button>
  </form>`;
}

function ById() {
  const open = (/** @type {any} */ event) => {
    event.preventDefault();
    const id = new FormData(event.target).get("id")?.toString().trim();
    if (id) go(`/trace/${encodeURIComponent(id)}`);
  };
  return html`<form class="by-id" onSubmit=${open}><${Field} label=${t("search.by_id")}>${(/** @type {string} */ id) => html`<input id=${id} class="mono" name="id" autocomplete="off" />`}<//></form>`;
}

/** @param {{found: any}} props */
function Results({ found }) {
  const [order, setOrder] = useState("recent");
  const { value, failure } = found;
  const traces = useMemo(() => inOrder(value?.traces ?? [], order), [value, order]);
  if (failure) return html`<${Failure} failure=${failure} />`;
  if (!value) return html`<${Loading} />`;
  if (!traces.length) return html`<div class="card"><${Empty} title=${t("search.nothing")}><ul><li>${t("search.nothing_range")}</li><li>${t("search.nothing_sampling")}</li></ul><//></div>`;
  const longest = Math.max(...traces.map((one) => one.durationUs));
  return html`
    <div class="card" aria-busy=${found.loading}><${Scatter} traces=${traces} startMs=${value.startMs} endMs=${value.endMs} /></div>
    <div class="row row-between"><h2>${t("search.count", { count: traces.length })}</h2>
      <label class="row quiet">${t("search.order")}<select value=${order} onChange=${(/** @type {any} */ event) => setOrder(event.target.value)}>
        ${["recent", "longest", "shortest", "most"].map((name) => html`<option value=${name}>${t(`search.order_${name}`)}</option>`)}</select></label></div>
    ${traces.length >= Number(query.value.get("limit") || LIMITS[0]) && html`<${Notice}>${t("search.limited")}<//>`}
    <ol class="trace-list">${traces.map((one) => html`<${Row} key=${one.id} trace=${one} longest=${longest} />`)}</ol>`;
}

/** @param {Summary[]} traces @param {string} order */
function inOrder(traces, order) {
  /** @type {Record<string, (a: Summary, b: Summary) => number>} */
  const orders = {
    recent: (a, b) => b.startMs - a.startMs, longest: (a, b) => b.durationUs - a.durationUs,
    shortest: (a, b) => a.durationUs - b.durationUs, most: (a, b) => b.spans - a.spans,
  };
  return [...traces].sort(orders[order]);
}

/** @param {{trace: Summary, longest: number}} props */
function Row({ trace, longest }) {
  return html`<li class="trace-row card" data-error=${trace.errors > 0}>
    <a class="trace-link" href=${`/trace/${trace.id}`}>
      <span class="trace-name"><strong>${trace.service}</strong> ${trace.name} <code class="quiet">${trace.id.slice(0, 8)}</code></span>
      <span class="trace-duration">${micros(trace.durationUs)}</span>
      <svg class="trace-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="4" class="bar-rest" /><rect width=${(100 * trace.durationUs) / longest} height="4" class="bar-done" /></svg>
      <span class="trace-facts">
        <span class="badge">${t("trace.spans", { count: trace.spans })}</span>
        ${trace.errors > 0 && html`<span class="badge badge-bad">${t("trace.errors", { count: trace.errors })}</span>`}
        ${trace.services.map((one) => html`<span class="service-tag" style=${{ borderColor: serviceColor(one.name) }}>${one.name}${one.count > 0 && html` <b>${one.count}</b>`}</span>`)}
      </span>
      <time class="trace-time quiet" datetime=${new Date(trace.startMs).toISOString()} title=${dateTime(trace.startMs)}>${dateTime(trace.startMs, { timeStyle: "medium" })} · ${ago(trace.startMs, Date.now())}</time>
    </a></li>`;
}
