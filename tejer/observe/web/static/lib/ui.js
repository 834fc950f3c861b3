/** Preact, its hooks and signals under one name, so that no other module knows where the libraries lie. */
import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { Fragment, h, render } from "../vendor/preact.js";
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";
export { batch, computed, effect, signal, useComputed, useSignal } from "../vendor/signals.js";

/** Markup as a tagged template: html`<p class="x">${text}</p>`. Text is always text: nothing here can inject HTML. */
export const html = htm.bind(h);
