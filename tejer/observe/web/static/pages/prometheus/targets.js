/** What is scraped, and how that went. */
import { getJson, useLoaded } from "../../lib/api.js";
import { durationText } from "../../lib/format.js";
import { ago, t } from "../../lib/i18n.js";
import { Empty, Loaded } from "../../lib/parts.js";
import { query, setQuery } from "../../lib/router.js";
import { Table } from "../../lib/table.js";
import { html, useEffect } from "../../lib/ui.js";
import { Labels } from "./graph.js";

const REFRESH_MS = 10_000;

export function TargetsPage() {
  const loaded = useLoaded((signal) => getJson("/api/v1/targets", { state: "active" }, signal), []);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || loaded.reload(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  return html`<div class="row row-between"><h1>${t("nav.targets")}</h1><${Filter} /></div>
    <${Loaded} loaded=${loaded}>${(/** @type {any} */ answer) => html`<${Pools} targets=${answer.data.activeTargets} />`}<//>`;
}

function Filter() {
  const unhealthy = query.value.get("unhealthy") === "1";
  return html`<div class="row">
    <label class="row"><input type="checkbox" checked=${unhealthy} onChange=${() => setQuery({ unhealthy: unhealthy ? "" : "1" })} /> ${t("targets.unhealthy")}</label>
    <input type="search" class="search" aria-label=${t("targets.search")} placeholder=${t("targets.search")} value=${query.value.get("search") ?? ""}
      onInput=${(/** @type {any} */ event) => setQuery({ search: event.target.value }, { replace: true })} /></div>`;
}

/** @param {{targets: any[]}} props */
function Pools({ targets }) {
  const search = (query.value.get("search") ?? "").toLowerCase();
  const wanted = targets.filter((one) => (query.value.get("unhealthy") !== "1" || one.health !== "up")
    && `${one.scrapeUrl} ${JSON.stringify(one.labels)}`.toLowerCase().includes(search));
  if (!targets.length) return html`<${Empty} title=${t("targets.none")}><p>${t("targets.none_why")}</p><//>`;
  if (!wanted.length) return html`<${Empty} title=${t("targets.filtered")} />`;
  const pools = Map.groupBy ? Map.groupBy(wanted, (one) => one.scrapePool) : new Map([["", wanted]]);
  return html`<div class="stack">${[...pools].map(([name, members]) => html`<${Pool} key=${name} name=${name} targets=${members} />`)}</div>`;
}

/** @param {{name: string, targets: any[]}} props */
function Pool({ name, targets }) {
  const up = targets.filter((one) => one.health === "up").length;
  return html`<section class="card" aria-label=${name}><div class="card-title"><h2>${name}</h2>
    <span class=${`badge ${up === targets.length ? "badge-good" : "badge-bad"}`}>${t("targets.up", { up, count: targets.length })}</span></div>
    <${Table} label=${name} rows=${targets} rowKey=${(/** @type {any} */ one) => one.scrapeUrl + JSON.stringify(one.labels)} columns=${columns()} /></section>`;
}

const HEALTH = /** @type {Record<string, string>} */ ({ up: "badge-good", down: "badge-bad", unknown: "badge-warn" });

/** @returns {import("../../lib/table.js").Column[]} */
function columns() {
  return [
    { id: "endpoint", title: t("targets.endpoint"), value: (one) => one.scrapeUrl, render: (one) => html`<span class="mono endpoint">${one.scrapeUrl}</span>${one.lastError && html`<p class="target-error">${one.lastError}</p>`}` },
    { id: "health", title: t("targets.state"), value: (one) => one.health, render: (one) => html`<span class=${`badge ${HEALTH[one.health] ?? ""}`}>${t(`targets.state_${one.health}`)}</span>` },
    { id: "labels", title: t("targets.labels"), grow: true, render: (one) => html`<${Labels} labels=${one.labels} />` },
    { id: "last", title: t("targets.last"), value: (one) => Date.parse(one.lastScrape), render: (one) => html`<span class="nowrap">${Date.parse(one.lastScrape) > 0 ? ago(Date.parse(one.lastScrape), Date.now()) : t("targets.never")}</span>` },
    { id: "took", title: t("targets.took"), align: "end", value: (one) => one.lastScrapeDuration, render: (one) => `${Math.round(one.lastScrapeDuration * 1000)} ms` },
    { id: "every", title: t("targets.every"), align: "end", value: (one) => one.scrapeInterval ?? "", render: (one) => one.scrapeInterval ?? durationText(0) },
  ];
}
