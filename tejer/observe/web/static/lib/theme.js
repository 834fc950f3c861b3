/** Light, dark or as the system has it. A cookie remembers the choice, so the server's first byte is right already. */
import { boot } from "./boot.js";
import { computed, signal } from "./ui.js";

const YEAR = 31536000;
const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
system.addEventListener("change", (event) => (systemDark.value = event.matches));

/** What was chosen: "system", "light" or "dark". */
export const theme = signal(boot.theme);
/** What is shown. */
export const dark = computed(() => (theme.value === "system" ? systemDark.value : theme.value === "dark"));

/** @param {string} chosen */
export function chooseTheme(chosen) {
  remember("tejer-theme", chosen);
  document.documentElement.dataset.theme = chosen;
  theme.value = chosen;
}

/** The words come with the page, so a new language is a new page. @param {string} language */
export function chooseLanguage(language) {
  remember("tejer-language", language);
  location.reload();
}

/** @param {string} name @param {string} value */
function remember(name, value) {
  document.cookie = `${name}=${value}; Path=/; Max-Age=${YEAR}; SameSite=Strict`;
}

/** The value of a CSS custom property as the current theme has it. @param {string} name */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The colour of the n-th series, the same in every chart. @param {number} index */
export const seriesColor = (index) => token(`--series-${(index % 12) + 1}`);
