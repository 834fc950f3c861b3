/** Server-sent events. The browser connects again by itself; `state` tells whether it is connected. */
import { signal } from "./ui.js";

/**
 * @param {string} url
 * @param {Record<string, (data: any) => void>} handlers by the event's name; data is the parsed JSON
 * @returns {{state: {value: "connecting" | "open" | "closed"}, close: () => void}}
 */
export function listen(url, handlers) {
  const source = new EventSource(url);
  const state = signal(/** @type {"connecting" | "open" | "closed"} */ ("connecting"));
  source.addEventListener("open", () => (state.value = "open"));
  source.addEventListener("error", () => (state.value = source.readyState === EventSource.CLOSED ? "closed" : "connecting"));
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handle(JSON.parse(/** @type {MessageEvent} */ (event).data)));
  }
  return {
    state,
    close() {
      source.close();
      state.value = "closed";
    },
  };
}
