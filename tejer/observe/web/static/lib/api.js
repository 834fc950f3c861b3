/** Requests to our own server. */
import { boot } from "./boot.js";
import { t } from "./i18n.js";
import { useEffect, useRef, useState } from "./ui.js";

/** A refusal: `status` is HTTP's (0: no answer), `kind` the server's own word for it, `body` the whole answer. */
export class Refusal extends Error {
  /** @param {number} status @param {string} message @param {string} [kind] @param {any} [body] */
  constructor(status, message, kind = "", body = null) {
    super(message);
    this.status = status;
    this.kind = kind;
    this.body = body;
  }
}

/** @typedef {Record<string, string | number | boolean | undefined | null | (string | number)[]>} Params */

/** A path with its query; undefined and empty values are left out, arrays repeat. @param {string} path @param {Params} [params] */
export function url(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") query.append(name, String(one));
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/**
 * The JSON answer to a GET. Throws Refusal; an AbortError when `signal` was aborted.
 * @param {string} path @param {Params} [params] @param {AbortSignal} [signal]
 */
export const getJson = (path, params, signal) => ask(url(path, params), { signal });

/** The JSON answer to a request that changes something. @param {string} method @param {string} path @param {any} [body] */
export function send(method, path, body) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": boot.csrf };
  return ask(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

/** @param {string} address @param {RequestInit} options */
async function ask(address, options) {
  const response = await reach(address, { ...options, headers: { Accept: "application/json", ...options.headers } });
  if (response.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const text = await response.text();
  let body = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    if (response.ok) throw new Refusal(response.status, t("api.not_json"), "bad_answer");
  }
  if (!response.ok) throw new Refusal(response.status, reason(body, text, response.status), body?.errorType ?? "", body);
  return body;
}

/**
 * A browser gives up what it is loading whenever a network interface comes or goes, and with a cluster on the same machine each
 * pod is one: what only reads is asked for again. @param {string} address @param {RequestInit} options
 */
async function reach(address, options) {
  const waits = options.method ? [] : [200, 400, 800, 1600];
  for (;;) {
    try {
      return await fetch(address, options);
    } catch (error) {
      if (/** @type {Error} */ (error).name === "AbortError") throw error;
      const wait = waits.shift();
      if (!wait) throw new Refusal(0, t("api.unreachable"), "unreachable");
      await new Promise((again) => setTimeout(again, wait));
    }
  }
}

/** The message in an error of Prometheus, Grafana or Jaeger. @param {any} body @param {string} text @param {number} status */
export function reason(body, text, status) {
  const said = body?.error?.message ?? body?.error ?? body?.message ?? body?.errors?.[0]?.msg;
  return typeof said === "string" && said ? said : (text && !body && text.length < 500 ? text.trim() : `HTTP ${status}`);
}

/**
 * What `load` gives, again whenever one of `inputs` changes or `reload()` is called. While that runs the old value stays.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {any[]} inputs
 * @returns {{value: T | undefined, failure: Refusal | undefined, loading: boolean, reload: () => void}}
 */
export function useLoaded(load, inputs) {
  const [state, setState] = useState(/** @type {any} */ ({ loading: true }));
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const controller = new AbortController();
    setState((/** @type {any} */ old) => ({ ...old, loading: true }));
    latest.current(controller.signal).then(
      (value) => controller.signal.aborted || setState({ value, loading: false }),
      (failure) => controller.signal.aborted || setState((/** @type {any} */ old) => ({ ...old, failure, loading: false })),
    );
    return () => controller.abort();
  }, [...inputs, turn]);
  return { ...state, reload: () => setTurn((/** @type {number} */ n) => n + 1) };
}
