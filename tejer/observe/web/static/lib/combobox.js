/**
 * A text field with suggestions, after the ARIA combobox pattern (list autocomplete).
 * @typedef {{text: string, detail?: string, insert?: string}} Suggestion
 */
import { html, useId, useRef, useState } from "./ui.js";

const MOST = 50;

/**
 * Suggestions that hold all letters of `typed` in order, the tightest first.
 * @param {string} typed @param {Suggestion[]} all
 */
export function matching(typed, all) {
  const wanted = typed.toLowerCase();
  if (!wanted) return all.slice(0, MOST);
  const ranked = [];
  for (const one of all) {
    const rank = rankOf(wanted, one.text.toLowerCase());
    if (rank >= 0) ranked.push({ one, rank });
  }
  return ranked.sort((a, b) => a.rank - b.rank || a.one.text.localeCompare(b.one.text)).slice(0, MOST).map(({ one }) => one);
}

/** -1: no match; else less is better. @param {string} wanted @param {string} text */
function rankOf(wanted, text) {
  const at = text.indexOf(wanted);
  if (at === 0) return text.length === wanted.length ? 0 : 1;
  if (at > 0) return /[\W_]/.test(text[at - 1]) ? 2 : 3;
  let from = -1;
  for (const letter of wanted) {
    from = text.indexOf(letter, from + 1);
    if (from < 0) return -1;
  }
  return 4 + (from - wanted.length) / 1000;
}

/**
 * The word that the caret is at the end of. @param {string} text @param {number} caret @param {RegExp} [letters]
 * @returns {{start: number, word: string}}
 */
export function wordAt(text, caret, letters = /[\w:.]/) {
  let start = caret;
  while (start > 0 && letters.test(text[start - 1])) start -= 1;
  return { start, word: text.slice(start, caret) };
}

/**
 * @param {{label: string, value: string, onInput: (text: string) => void, onEnter?: () => void, rows?: number, invalid?: boolean,
 *   suggest: (text: string, caret: number) => {start: number, items: Suggestion[]}, placeholder?: string, describedBy?: string}} props
 *   `suggest` says what may stand from `start` to the caret
 */
export function Combobox({ label, value, onInput, onEnter, suggest, placeholder = "", rows = 1, invalid = false, describedBy = undefined }) {
  const id = useId();
  const field = useRef(/** @type {any} */ (null));
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState(0);
  const [offer, setOffer] = useState(/** @type {{start: number, items: Suggestion[]}} */ ({ start: 0, items: [] }));

  const look = () => {
    const next = suggest(field.current.value, field.current.selectionStart ?? 0);
    setOffer(next);
    setChosen(0);
    setOpen(next.items.length > 0);
  };
  const take = (/** @type {Suggestion} */ item) => {
    const caret = field.current.selectionStart ?? 0;
    const inserted = item.insert ?? item.text;
    const text = field.current.value.slice(0, offer.start) + inserted + field.current.value.slice(caret);
    onInput(text);
    setOpen(false);
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(offer.start + inserted.length, offer.start + inserted.length);
    });
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setChosen((chosen + step + offer.items.length) % offer.items.length);
    } else if (open && (event.key === "Tab" || event.key === "Enter") && !event.shiftKey && !event.ctrlKey) {
      event.preventDefault();
      take(offer.items[chosen]);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      setOpen(false);
    } else if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      look();
    } else if (event.key === "Enter" && !event.shiftKey && onEnter) {
      event.preventDefault();
      setOpen(false);
      onEnter();
    }
  };
  const shared = {
    id, ref: field, value, placeholder, role: "combobox", "aria-label": label, "aria-autocomplete": "list", "aria-expanded": open,
    "aria-controls": `${id}-list`, "aria-activedescendant": open ? `${id}-${chosen}` : undefined, "aria-invalid": invalid || undefined,
    "aria-describedby": describedBy, autocomplete: "off", autocapitalize: "off", spellcheck: false, class: "combobox-field",
    onInput: (/** @type {any} */ event) => { onInput(event.target.value); look(); }, onKeyDown: key, onBlur: () => setOpen(false),
  };
  return html`<div class="combobox">
    ${rows > 1 ? html`<textarea rows=${rows} ...${shared}></textarea>` : html`<input type="text" ...${shared} />`}
    <ul class="combobox-list" id=${`${id}-list`} role="listbox" aria-label=${label} hidden=${!open}>
      ${offer.items.map((item, at) => html`<${Option} id=${`${id}-${at}`} item=${item} chosen=${at === chosen} onTake=${() => take(item)} />`)}
    </ul>
  </div>`;
}

/** @param {{id: string, item: Suggestion, chosen: boolean, onTake: () => void}} props */
function Option({ id, item, chosen, onTake }) {
  const show = (/** @type {HTMLElement | null} */ element) => chosen && element?.scrollIntoView({ block: "nearest" });
  return html`<li id=${id} role="option" aria-selected=${chosen} ref=${show}
    onMouseDown=${(/** @type {Event} */ event) => { event.preventDefault(); onTake(); }}>
    <span>${item.text}</span>${item.detail && html`<small>${item.detail}</small>`}</li>`;
}
