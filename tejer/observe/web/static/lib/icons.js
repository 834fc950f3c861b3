/** A few icons, 16 by 16, drawn with the text's colour. Decorative: the control around one carries the name. */
import { html } from "./ui.js";

const PATHS = {
  chevron: "M6 4l4 4-4 4",
  close: "M4 4l8 8M12 4l-8 8",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9L13 13M3 13l1.1-1.1M11.9 4.1L13 3",
  screen: "M2 3h12v8H2zM6 14h4M8 11v3",
  refresh: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 5v3.2l2 1.3",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.5 10.5L14 14",
  warning: "M8 2l6.5 12h-13zM8 6.5v3.5M8 11.8v.4",
  info: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 7.2V11M8 4.8v.4",
  link: "M6 3H3v10h10v-3M9 3h4v4M13 3L7.5 8.5",
  plus: "M8 3v10M3 8h10",
  user: "M8 2.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM3 13.5c.6-2.6 2.6-4 5-4s4.4 1.4 5 4",
  globe: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM2 8h12M8 2c2 2 2.5 4 2.5 6S10 12 8 14c-2-2-2.5-4-2.5-6S6 4 8 2z",
};

/** @param {{name: keyof typeof PATHS, class?: string}} props */
export function Icon({ name, class: extra = "" }) {
  return html`<svg class="icon ${extra}" viewBox="0 0 16 16" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
