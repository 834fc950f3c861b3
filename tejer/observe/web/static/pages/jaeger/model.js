/**
 * A trace as it is drawn: spans in the order of a depth-first walk, and the path that decided how long it took. Pure.
 * @typedef {{id: string, parent: string, depth: number, children: string[], name: string, service: string, kind: string,
 *   startUs: number, durationUs: number, error: boolean, tags: {key: string, value: any}[], process: {key: string, value: any}[],
 *   logs: {timestamp: number, fields: {key: string, value: any}[]}[], warnings: string[], below: number, critical: boolean}} Span
 * @typedef {{id: string, spans: Span[], startUs: number, durationUs: number, services: string[], errors: number, depth: number, warnings: string[]}} Trace
 */

/** @param {any} body a trace of Jaeger's API v1 @returns {Trace} */
export function readTrace(body) {
  const spans = new Map(body.spans.map((/** @type {any} */ one) => [one.spanID, readSpan(one, body.processes)]));
  const roots = [];
  for (const span of byStart([...spans.values()])) {
    const parent = spans.get(span.parent);
    if (parent && parent !== span) parent.children.push(span.id);
    else roots.push(span);
  }
  const ordered = walk(roots, spans);
  const startUs = ordered.reduce((least, span) => Math.min(least, span.startUs), Infinity);
  const endUs = ordered.reduce((most, span) => Math.max(most, span.startUs + span.durationUs), 0);
  if (roots.length) markCritical(roots[0], spans);
  return {
    id: body.traceID, spans: ordered, startUs, durationUs: Math.max(1, endUs - startUs),
    services: [...new Set(ordered.map((span) => span.service))], errors: ordered.filter((span) => span.error).length,
    depth: ordered.reduce((most, span) => Math.max(most, span.depth + 1), 0), warnings: body.warnings ?? [],
  };
}

/** @param {any} one @param {Record<string, any>} processes @returns {Span} */
function readSpan(one, processes) {
  const process = processes?.[one.processID] ?? {};
  const tag = (/** @type {string} */ key) => one.tags?.find((/** @type {any} */ each) => each.key === key)?.value;
  return {
    id: one.spanID, parent: one.references?.find((/** @type {any} */ each) => each.refType === "CHILD_OF")?.spanID ?? "", depth: 0, children: [],
    name: one.operationName, service: process.serviceName ?? "?", kind: String(tag("span.kind") ?? ""), startUs: one.startTime, durationUs: one.duration,
    error: tag("error") === true || tag("error") === "true", tags: one.tags ?? [], process: process.tags ?? [], logs: one.logs ?? [],
    warnings: one.warnings ?? [], below: 0, critical: false,
  };
}

/** @param {Span[]} spans */
const byStart = (spans) => spans.sort((a, b) => a.startUs - b.startUs || b.durationUs - a.durationUs);

/** Depth first, without recursion: a trace may be thousands deep. Spans in a circle come last, as roots. @param {Span[]} roots @param {Map<string, Span>} spans */
function walk(roots, spans) {
  /** @type {Span[]} */
  const ordered = [];
  const seen = new Set();
  const visit = (/** @type {Span[]} */ from) => {
    const waiting = from.map((span) => ({ span, depth: 0 })).reverse();
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if (seen.has(next.span.id)) continue;
      seen.add(next.span.id);
      next.span.depth = next.depth;
      ordered.push(next.span);
      for (const id of [...next.span.children].reverse()) waiting.push({ span: /** @type {Span} */ (spans.get(id)), depth: next.depth + 1 });
    }
  };
  visit(roots);
  visit([...spans.values()].filter((span) => !seen.has(span.id)));
  for (let at = ordered.length - 1; at >= 0; at -= 1) {
    const span = ordered[at];
    span.below = span.children.reduce((total, id) => total + 1 + (spans.get(id)?.below ?? 0), 0);
  }
  return ordered;
}

/**
 * Marks the spans that the root waited for at its end: from each span's end back, the child that ended last before it.
 * @param {Span} root @param {Map<string, Span>} spans
 */
function markCritical(root, spans) {
  const waiting = [{ span: root, untilUs: root.startUs + root.durationUs }];
  const seen = new Set();
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (seen.has(next.span.id)) continue;
    seen.add(next.span.id);
    next.span.critical = true;
    let until = next.untilUs;
    const ends = next.span.children.map((id) => /** @type {Span} */ (spans.get(id))).map((span) => ({ span, end: span.startUs + span.durationUs }));
    for (const { span, end } of ends.sort((a, b) => b.end - a.end)) {
      if (span.startUs >= until || end > until + 1000) continue;
      waiting.push({ span, untilUs: Math.min(end, until) });
      until = span.startUs;
    }
  }
}

/** The spans to show when those in `closed` hide what is below them. @param {Span[]} spans @param {Set<string>} closed */
export function visible(spans, closed) {
  const shown = [];
  let hiddenBelow = Infinity;
  for (const span of spans) {
    if (span.depth > hiddenBelow) continue;
    hiddenBelow = closed.has(span.id) ? span.depth : Infinity;
    shown.push(span);
  }
  return shown;
}

/** Whether a span is what `text` looks for: in its name, service or tags. @param {Span} span @param {string} text */
export function found(span, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return false;
  return [span.name, span.service, span.id, ...span.tags.map((tag) => `${tag.key}=${tag.value}`)].some((one) => one.toLowerCase().includes(wanted));
}

/** The tags that tell most about a request, in this order; the others follow by name. */
export const TELLING = [
  "error", "http.method", "http.request.method", "http.url", "url.full", "http.status_code", "http.response.status_code", "response_flags",
  "upstream_cluster", "upstream_cluster.name", "db.statement", "db.query.text", "db.system", "grpc.status_code", "guid:x-request-id", "istio.canonical_service", "istio.namespace",
];

/** @param {{key: string, value: any}[]} tags */
export function arranged(tags) {
  const rank = (/** @type {string} */ key) => (TELLING.includes(key) ? TELLING.indexOf(key) : TELLING.length);
  return [...tags].sort((a, b) => rank(a.key) - rank(b.key) || a.key.localeCompare(b.key));
}

/**
 * `error=true http.status_code="503"` as an object; a value in quotes may hold blanks.
 * @param {string} text @returns {Record<string, string> | null} null when it can't be read
 */
export function readTags(text) {
  /** @type {Record<string, string>} */
  const tags = {};
  const rest = text.replace(/([^\s=]+)=("(?:\\.|[^"\\])*"|\S+)/g, (_, key, value) => {
    tags[key] = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
    return "";
  });
  return rest.trim() ? null : tags;
}

const COLORS = 12;
/** @type {Map<string, number>} */
const colors = new Map();

/** A colour for each service: by its name, or the next one that no other service has on this page. @param {string} service */
export function serviceColor(service) {
  let color = colors.get(service);
  if (color === undefined) {
    color = [...service].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 0) % COLORS;
    const taken = new Set(colors.values());
    while (taken.size < COLORS && taken.has(color)) color = (color + 1) % COLORS;
    colors.set(service, color);
  }
  return `var(--series-${color + 1})`;
}
