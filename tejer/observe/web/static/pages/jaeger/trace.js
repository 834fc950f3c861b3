/** One trace: a waterfall of its spans, what each says of itself, and the log lines of its requests. */
import { getJson, useLoaded } from "../../lib/api.js";
import { micros } from "../../lib/format.js";
import { dateTime, t } from "../../lib/i18n.js";
import { Icon } from "../../lib/icons.js";
import { Copy, Loaded, Notice } from "../../lib/parts.js";
import { query, setQuery } from "../../lib/router.js";
import { html, useMemo, useState } from "../../lib/ui.js";
import { Logs } from "./logs.js";
import { arranged, found, readTrace, serviceColor, visible } from "./model.js";

const PART = 500;

/** @param {{id: string}} props */
export function TracePage({ id }) {
  const loaded = useLoaded(async (signal) => readTrace((await getJson(`/api/traces/${encodeURIComponent(id)}`, {}, signal)).data[0]), [id]);
  return html`<${Loaded} loaded=${loaded}>${(/** @type {import("./model.js").Trace} */ trace) => html`<${Waterfall} trace=${trace} /><${Logs} trace=${id} startUs=${trace.startUs} />`}<//>`;
}

/** @param {{trace: import("./model.js").Trace}} props */
function Waterfall({ trace }) {
  const [closed, setClosed] = useState(/** @type {Set<string>} */ (new Set()));
  const [shown, setShown] = useState(PART);
  const open = query.value.get("uiFind_span") ?? query.value.get("span") ?? "";
  const text = query.value.get("uiFind") ?? "";
  const hits = useMemo(() => new Set(trace.spans.filter((span) => found(span, text)).map((span) => span.id)), [trace, text]);
  const rows = visible(trace.spans, closed);
  const fold = (/** @type {string} */ id) => {
    const next = new Set(closed);
    if (!next.delete(id)) next.add(id);
    setClosed(next);
  };
  const root = trace.spans[0];
  return html`
    <header class="stack trace-head">
      <div class="row row-between"><div><p class="hint"><a href="/search">${t("nav.search")}</a> / <code>${trace.id}</code></p>
        <h1><span class="quiet">${root.service}</span> ${root.name}</h1></div>
        <div class="row"><${Copy} text=${trace.id} /><a class="button" href=${`/api/traces/${trace.id}?prettyPrint=true`} target="_blank" rel="noopener"><${Icon} name="link" />JSON</a></div></div>
      <dl class="trace-stats">${[["trace.began", dateTime(trace.startUs / 1000)], ["trace.duration", micros(trace.durationUs)], ["trace.services", trace.services.length],
        ["trace.depth", trace.depth], ["trace.total", trace.spans.length], ["trace.failed", trace.errors]].map(([key, value]) => html`<div data-bad=${key === "trace.failed" && trace.errors > 0}><dt>${t(String(key))}</dt><dd>${value}</dd></div>`)}</dl>
      ${trace.warnings.map((one) => html`<${Notice} kind="warning">${one}<//>`)}
    </header>
    <section class="card waterfall" aria-label=${t("trace.waterfall")}>
      <div class="row row-between waterfall-tools"><ul class="row service-legend">${trace.services.map((name) => html`<li class="service-tag" style=${{ borderColor: serviceColor(name) }}>${name}</li>`)}</ul>
        <div class="row"><input type="search" class="search" aria-label=${t("trace.find")} placeholder=${t("trace.find")} value=${text} onInput=${(/** @type {any} */ event) => setQuery({ uiFind: event.target.value }, { replace: true })} />
          ${text && html`<span class="hint" role="status">${t("trace.found", { count: hits.size })}</span>`}
          <button type="button" class="button" onClick=${() => setClosed(new Set())}>${t("trace.expand")}</button>
          <button type="button" class="button" onClick=${() => setClosed(new Set(trace.spans.filter((span) => span.children.length).map((span) => span.id)))}>${t("trace.collapse")}</button></div></div>
      <${Ruler} durationUs=${trace.durationUs} />
      <ul class="spans" role="tree" aria-label=${t("trace.waterfall")}>${rows.slice(0, shown).map((span) => html`<${Row} key=${span.id} span=${span} trace=${trace} closed=${closed.has(span.id)} open=${open === span.id}
        faded=${hits.size > 0 && !hits.has(span.id)} hit=${hits.has(span.id)} onFold=${() => fold(span.id)} onOpen=${() => setQuery({ span: open === span.id ? "" : span.id }, { replace: true })} />`)}</ul>
      ${rows.length > shown && html`<button type="button" class="button" onClick=${() => setShown(shown + PART)}>${t("table.more", { shown, count: rows.length })}</button>`}
      <p class="hint critical-key"><svg viewBox="0 0 20 4" width="20" height="4" aria-hidden="true"><rect width="20" height="4" class="critical" /></svg>${t("trace.critical")}</p>
    </section>`;
}

/** @param {{durationUs: number}} props */
function Ruler({ durationUs }) {
  return html`<div class="ruler" aria-hidden="true"><span>${t("trace.span")}</span><div class="ruler-times">${[0, 0.25, 0.5, 0.75, 1].map((part) => html`<span>${micros(durationUs * part)}</span>`)}</div></div>`;
}

/** @param {{span: import("./model.js").Span, trace: import("./model.js").Trace, closed: boolean, open: boolean, faded: boolean, hit: boolean, onFold: () => void, onOpen: () => void}} props */
function Row({ span, trace, closed, open, faded, hit, onFold, onOpen }) {
  const key = (/** @type {KeyboardEvent} */ event) => {
    const list = /** @type {HTMLElement} */ (event.currentTarget);
    if (event.key === "ArrowRight" && closed && span.children.length) onFold();
    else if (event.key === "ArrowLeft" && !closed && span.children.length) onFold();
    else if (event.key === "ArrowDown") /** @type {HTMLElement | null} */ (list.closest("li")?.nextElementSibling?.querySelector(".span-open"))?.focus();
    else if (event.key === "ArrowUp") /** @type {HTMLElement | null} */ (list.closest("li")?.previousElementSibling?.querySelector(".span-open"))?.focus();
    else return;
    event.preventDefault();
  };
  return html`<li class="span" role="treeitem" aria-level=${span.depth + 1} aria-expanded=${span.children.length ? !closed : undefined} data-error=${span.error} data-faded=${faded} data-hit=${hit} data-open=${open} data-span=${span.id}>
    <div class="span-line">
      <div class="span-name" style=${{ paddingLeft: `${Math.min(span.depth, 24) * 16}px` }}>
        ${span.children.length ? html`<button type="button" class="fold" data-closed=${closed} aria-label=${t(closed ? "trace.unfold" : "trace.fold", { count: span.below })} onClick=${onFold}><${Icon} name="chevron" /></button>` : html`<span class="fold"></span>`}
        <button type="button" class="span-open" aria-expanded=${open} onClick=${onOpen} onKeyDown=${key} title=${`${span.service} ${span.name}`}>
          <span class="span-mark" style=${{ background: serviceColor(span.service) }}></span><strong>${span.service}</strong> <span class="quiet">${span.name}</span>
          ${span.error && html`<span class="badge badge-bad">${t("trace.error")}</span>`}${closed && html`<span class="badge">+${span.below}</span>`}</button>
      </div>
      <${Bar} span=${span} trace=${trace} onOpen=${onOpen} />
    </div>
    ${open && html`<${Detail} span=${span} trace=${trace} />`}
  </li>`;
}

/** @param {{span: import("./model.js").Span, trace: import("./model.js").Trace, onOpen: () => void}} props */
function Bar({ span, trace, onOpen }) {
  const left = ((span.startUs - trace.startUs) / trace.durationUs) * 100;
  const wide = Math.max(0.25, (span.durationUs / trace.durationUs) * 100);
  const place = left + wide < 88 ? "after" : left > 12 ? "before" : "inside";
  const at = { after: { left: `calc(${left + wide}% + 6px)` }, before: { right: `calc(${100 - left}% + 6px)` }, inside: { left: `calc(${left}% + 8px)` } };
  return html`<div class="span-track" onClick=${onOpen}>
    <span class="span-bar" data-critical=${span.critical} style=${{ left: `${left}%`, width: `${wide}%`, background: serviceColor(span.service) }}></span>
    <span class="span-duration" style=${at[place]} data-place=${place}>${micros(span.durationUs)}</span>
  </div>`;
}

/** @param {{span: import("./model.js").Span, trace: import("./model.js").Trace}} props */
function Detail({ span, trace }) {
  return html`<div class="span-detail" role="group" aria-label=${t("trace.details", { name: span.name })}>
    <p class="row"><span class="badge">${t("trace.start_after", { time: micros(span.startUs - trace.startUs) })}</span><span class="badge">${micros(span.durationUs)}</span>${span.kind && html`<span class="badge">${span.kind}</span>`}<code class="quiet">${span.id}</code></p>
    ${span.warnings.map((one) => html`<${Notice} kind="warning">${one}<//>`)}
    <${Tags} title=${t("trace.tags")} tags=${arranged(span.tags)} /><${Tags} title=${t("trace.process")} tags=${span.process} />
    ${span.logs.length > 0 && html`<section><h3>${t("trace.events")}</h3><ul class="events">${span.logs.map((log) => html`<li><code>${micros(log.timestamp - trace.startUs)}</code> ${log.fields.map((field) => html`<span class="label"><b>${field.key}=</b>${String(field.value)}</span> `)}</li>`)}</ul></section>`}
  </div>`;
}

/** @param {{title: string, tags: {key: string, value: any}[]}} props */
function Tags({ title, tags }) {
  if (!tags.length) return null;
  return html`<section><h3>${title}</h3><dl class="tag-list">${tags.map((tag) => html`<div data-bad=${(tag.key === "error" && String(tag.value) === "true") || (/status_code$/.test(tag.key) && /^5\d\d$/.test(String(tag.value)))}><dt>${tag.key}</dt><dd class="mono">${String(tag.value)}</dd></div>`)}</dl></section>`;
}
