/** The address bar as signals: pages read `path` and `query`, and change them with `go` and `setQuery`. */
import { batch, signal } from "./ui.js";

export const path = signal(location.pathname);
/** @type {import("../vendor/signals.js").Signal<URLSearchParams>} */
export const query = signal(new URLSearchParams(location.search));

function read() {
  batch(() => {
    path.value = location.pathname;
    query.value = new URLSearchParams(location.search);
  });
}

addEventListener("popstate", read);

/** Go to an address of this server. @param {string} address @param {{replace?: boolean}} [how] */
export function go(address, { replace = false } = {}) {
  if (address === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", address);
  read();
}

/** Change some parameters; undefined, null and "" take one away. @param {Record<string, any>} changes @param {{replace?: boolean}} [how] */
export function setQuery(changes, how) {
  const next = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") next.append(name, String(one));
    }
  }
  const text = next.toString();
  go(path.value + (text ? `?${text}` : ""), how);
}

/**
 * The parameters of `address` under a pattern such as "/trace/:id", or null.
 * @param {string} pattern @param {string} address @returns {Record<string, string> | null}
 */
export function match(pattern, address) {
  const wanted = pattern.split("/");
  const given = address.replace(/\/$/, "").split("/");
  if (wanted.length !== given.length) return null;
  /** @type {Record<string, string>} */
  const found = {};
  for (let at = 0; at < wanted.length; at += 1) {
    if (wanted[at].startsWith(":")) found[wanted[at].slice(1)] = decodeURIComponent(given[at]);
    else if (wanted[at] !== given[at]) return null;
  }
  return found;
}

/** Plain clicks on links of `routes` stay in the page. @param {(path: string) => boolean} routes */
export function interceptLinks(routes) {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = /** @type {Element} */ (event.target).closest?.("a[href]");
    if (!(link instanceof HTMLAnchorElement) || link.target || link.download || link.origin !== location.origin) return;
    if (!routes(link.pathname)) return;
    event.preventDefault();
    go(link.pathname + link.search);
    scrollTo(0, 0);
  });
}
