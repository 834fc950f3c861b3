/**
 * The frame around every page, and `start`, which a place's module calls once.
 * @typedef {{pattern: string, title: string, component: (props: any) => any, time?: boolean}} Page
 *   `pattern` as in router.match; `title` and nav titles are message keys; `time` shows the time range picker
 * @typedef {{path: string, title: string}} NavItem
 */
import { boot } from "./boot.js";
import { t } from "./i18n.js";
import { Icon } from "./icons.js";
import { Empty, Menu } from "./parts.js";
import { send } from "./api.js";
import { interceptLinks, match, path } from "./router.js";
import { chooseLanguage, chooseTheme, theme } from "./theme.js";
import { useRefreshTimer } from "./time.js";
import { TimePicker } from "./timepicker.js";
import { html, render, useEffect, useRef } from "./ui.js";

/** @param {{nav: NavItem[], pages: Page[]}} place */
export function start({ nav, pages }) {
  interceptLinks((to) => pages.some((page) => match(page.pattern, to)));
  const root = document.getElementById("app");
  if (root) render(html`<${Frame} nav=${nav} pages=${pages} />`, root);
}

/** @param {{nav: NavItem[], pages: Page[]}} props */
function Frame({ nav, pages }) {
  useRefreshTimer();
  const here = path.value;
  let params = null;
  const page = pages.find((one) => (params = match(one.pattern, here)));
  const title = page ? t(page.title) : t("page.unknown");
  const main = useRef(/** @type {HTMLElement | null} */ (null));
  const first = useRef(true);
  useEffect(() => {
    document.title = `${title} · ${boot.title}`;
    // A reader of the screen hears that another page came, as after a real navigation.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [here]);
  return html`
    <a class="skip" href="#main">${t("skip")}</a>
    <header class="header">
      <a class="brand" href="/" aria-label=${boot.title}><${Logo} /><span>${boot.title}</span></a>
      <nav class="nav" aria-label=${t("nav")}>
        ${nav.map((item) => html`<a href=${item.path} aria-current=${isCurrent(item.path, here) ? "page" : undefined}>${t(item.title)}</a>`)}
      </nav>
      <div class="header-end">
        ${page?.time && html`<${TimePicker} />`}
        <${ThemeMenu} /><${LanguageMenu} />${boot.user && html`<${UserMenu} />`}
      </div>
    </header>
    <main id="main" tabindex="-1" ref=${main} class="main">
      ${page ? html`<${page.component} ...${params} key=${page.pattern} />` : html`<${Empty} title=${title}><p><a href="/">${t("page.home")}</a></p><//>`}
    </main>`;
}

/** @param {string} target @param {string} here */
const isCurrent = (target, here) => here === target || here.startsWith(`${target}/`);

function Logo() {
  return html`<svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
    <path class="warp" d="M9 5v6M9 15v12M16 5v12M16 21v6M23 5v6M23 15v12" /><path class="weft" d="M5 13h14M24 13h3M5 19h7M18 19h9" />
  </svg>`;
}

const THEME_ICONS = /** @type {const} */ ({ system: "screen", light: "sun", dark: "moon" });

function ThemeMenu() {
  return html`<${Menu} name=${t("theme")} label=${html`<${Icon} name=${THEME_ICONS[/** @type {"system"} */ (theme.value)]} />`}>
    ${(/** @type {() => void} */ close) => html`<ul class="menu-list">${Object.entries(THEME_ICONS).map(([name, icon]) => html`<li>
      <button type="button" class="menu-item" aria-current=${theme.value === name ? "true" : undefined} onClick=${() => { chooseTheme(name); close(); }}>
        <${Icon} name=${icon} />${t(`theme.${name}`)}</button></li>`)}</ul>`}
  <//>`;
}

function LanguageMenu() {
  return html`<${Menu} name=${t("language")} label=${html`<${Icon} name="globe" /><span class="language">${boot.language.toUpperCase()}</span>`}>
    ${() => html`<ul class="menu-list">${boot.languages.map((language) => html`<li>
      <button type="button" class="menu-item" lang=${language} aria-current=${language === boot.language ? "true" : undefined}
        onClick=${() => chooseLanguage(language)}>${new Intl.DisplayNames([language], { type: "language" }).of(language)}</button></li>`)}</ul>`}
  <//>`;
}

function UserMenu() {
  const leave = async () => {
    await send("POST", "/logout");
    location.assign("/login");
  };
  return html`<${Menu} name=${boot.user} label=${html`<${Icon} name="user" />`}>
    ${() => html`<p class="menu-note">${t("user.signed_in", { user: boot.user })}</p>
      <ul class="menu-list"><li><button type="button" class="menu-item" onClick=${leave}>${t("user.leave")}</button></li></ul>`}
  <//>`;
}
