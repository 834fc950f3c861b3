/** Small parts that every page uses. */
import { Icon } from "./icons.js";
import { t } from "./i18n.js";
import { html, useEffect, useId, useRef, useState } from "./ui.js";

/** A message. @param {{kind?: "info" | "warning" | "error", title?: string, children?: any}} props */
export function Notice({ kind = "info", title = "", children }) {
  return html`<div class="notice notice-${kind}" role=${kind === "error" ? "alert" : "status"}>
    <${Icon} name=${kind === "info" ? "info" : "warning"} />
    <div>${title && html`<strong>${title}</strong>`} ${children}</div>
  </div>`;
}

/** A refusal of the server. @param {{failure: import("./api.js").Refusal}} props */
export function Failure({ failure }) {
  return html`<${Notice} kind="error" title=${t("api.failed")}>${failure.message}<//>`;
}

/** Nothing to show, and what to try. @param {{title: string, children?: any}} props */
export function Empty({ title, children }) {
  return html`<div class="empty" role="status"><p class="empty-title">${title}</p>${children}</div>`;
}

/** Shown only when it takes a while, so that quick answers do not flicker. @param {{label?: string}} props */
export function Loading({ label = t("loading") }) {
  return html`<div class="loading" role="status"><span class="loading-bar" aria-hidden="true"></span>${label}</div>`;
}

/** Loading, failure or `children(value)`. @param {{loaded: any, children: (value: any) => any}} props */
export function Loaded({ loaded, children }) {
  if (loaded.failure) return html`<${Failure} failure=${loaded.failure} />`;
  if (loaded.value === undefined) return html`<${Loading} />`;
  return html`<div class="stack" aria-busy=${loaded.loading}>${children(loaded.value)}</div>`;
}

/**
 * Tabs, moved between with the arrow keys.
 * @param {{label: string, tabs: {id: string, title: string}[], chosen: string, onChoose: (id: string) => void}} props
 */
export function Tabs({ label, tabs, chosen, onChoose }) {
  const bar = useRef(/** @type {HTMLElement | null} */ (null));
  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = tabs.findIndex((tab) => tab.id === chosen);
    const next = (at + step + tabs.length) % tabs.length;
    onChoose(tabs[next].id);
    /** @type {HTMLElement} */ (bar.current?.children[next])?.focus();
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} ref=${bar} onKeyDown=${move}>
    ${tabs.map((tab) => html`<button type="button" role="tab" class="tab" aria-selected=${tab.id === chosen}
      tabindex=${tab.id === chosen ? 0 : -1} onClick=${() => onChoose(tab.id)}>${tab.title}</button>`)}
  </div>`;
}

/** A labelled field. @param {{label: string, hint?: string, class?: string, children: (id: string) => any}} props */
export function Field({ label, hint = "", class: extra = "", children }) {
  const id = useId();
  return html`<div class="field ${extra}"><label for=${id}>${label}</label>${children(id)}
    ${hint && html`<p class="hint">${hint}</p>`}</div>`;
}

/**
 * A button that opens a panel; Escape and a click elsewhere close it.
 * @param {{label: any, name: string, class?: string, align?: "start" | "end", children: (close: () => void) => any}} props
 */
export function Menu({ label, name, class: extra = "", align = "end", children }) {
  const [open, setOpen] = useState(false);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!open) return undefined;
    const away = (/** @type {Event} */ event) => box.current?.contains(/** @type {Node} */ (event.target)) || setOpen(false);
    const escape = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      box.current?.querySelector("button")?.focus();
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("keydown", escape);
    };
  }, [open]);
  return html`<div class="menu ${extra}" ref=${box}>
    <button type="button" class="button" aria-expanded=${open} aria-label=${name} title=${name} onClick=${() => setOpen(!open)}>${label}</button>
    ${open && html`<div class="menu-panel menu-${align}">${children(() => setOpen(false))}</div>`}
  </div>`;
}

/** Copies `text`. @param {{text: string}} props */
export function Copy({ text }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return html`<button type="button" class="button button-quiet" onClick=${copy}>${t(done ? "copied" : "copy")}</button>`;
}
