/**
 * What the server told the page at once: words, user, CSRF token.
 * @typedef {{place: string, title: string, version: string, language: string, languages: string[], theme: string,
 *   messages: Record<string, string | Record<string, string>>, data: Record<string, any>, user: string, csrf: string}} Boot
 */

const element = document.getElementById("boot");

/** @type {Boot} */
export const boot = {
  place: "", title: "", version: "", language: document.documentElement.lang || "en", languages: ["en"], theme: "system",
  messages: {}, data: {}, user: "", csrf: "",
  ...(element ? JSON.parse(element.textContent || "{}") : {}),
};
