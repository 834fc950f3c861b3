/** The time range and refresh picker of the header. */
import { dateTime, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { Menu } from "./parts.js";
import { setQuery } from "./router.js";
import { chooseRange, instant, range, RANGES, refresh, refreshNow, REFRESHES } from "./time.js";
import { html, useState } from "./ui.js";

/** @param {import("./time.js").Range} shown */
function rangeTitle(shown) {
  const relative = /^now-(\w+)$/.exec(shown.from);
  if (relative && shown.to === "now") return t("time.last", { span: relative[1] });
  const side = (/** @type {string} */ text) => {
    const at = instant(text, Date.now());
    return Number.isFinite(at) && !text.startsWith("now") ? dateTime(at, { dateStyle: "short", timeStyle: "short" }) : text;
  };
  return `${side(shown.from)} – ${side(shown.to)}`;
}

/** @param {number} ms as datetime-local wants it, in local time */
function local(ms) {
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60e3).toISOString().slice(0, 16);
}

/** @param {{close: () => void}} props */
function Absolute({ close }) {
  const now = Date.now();
  const [from, setFrom] = useState(local(instant(range.value.from, now) || now - 3600e3));
  const [to, setTo] = useState(local(instant(range.value.to, now) || now));
  const wrong = !(Date.parse(from) < Date.parse(to));
  const apply = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (wrong) return;
    chooseRange({ from: String(Date.parse(from)), to: String(Date.parse(to)) });
    close();
  };
  return html`<form class="absolute" onSubmit=${apply}>
    <label>${t("time.from")}<input type="datetime-local" value=${from} onInput=${(/** @type {any} */ e) => setFrom(e.target.value)} /></label>
    <label>${t("time.to")}<input type="datetime-local" value=${to} onInput=${(/** @type {any} */ e) => setTo(e.target.value)} /></label>
    ${wrong && html`<p class="hint" role="alert">${t("time.order")}</p>`}
    <button class="button button-primary" type="submit" disabled=${wrong}>${t("time.apply")}</button>
  </form>`;
}

export function TimePicker() {
  const shown = range.value;
  return html`<div class="time-picker" role="group" aria-label=${t("time.range")}>
    <${Menu} name=${t("time.range")} label=${html`<${Icon} name="clock" /><span>${rangeTitle(shown)}</span>`}>
      ${(/** @type {() => void} */ close) => html`<div class="range-panel">
        <ul class="menu-list">${RANGES.map((span) => html`<li><button type="button" class="menu-item"
          aria-current=${shown.from === `now-${span}` && shown.to === "now" ? "true" : undefined}
          onClick=${() => { chooseRange({ from: `now-${span}`, to: "now" }); close(); }}>${t("time.last", { span })}</button></li>`)}</ul>
        <${Absolute} close=${close} />
      </div>`}
    <//>
    <button type="button" class="button" aria-label=${t("time.refresh")} title=${t("time.refresh")} onClick=${refreshNow}><${Icon} name="refresh" /></button>
    <select aria-label=${t("time.every")} title=${t("time.every")} value=${refresh.value}
      onChange=${(/** @type {any} */ e) => setQuery({ refresh: e.target.value }, { replace: true })}>
      ${REFRESHES.map((every) => html`<option value=${every}>${every || t("time.off")}</option>`)}
    </select>
  </div>`;
}
