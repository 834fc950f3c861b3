/** Jaeger's place. Addresses are jaeger-ui's own, so links that others keep still open. */
import { start } from "../lib/layout.js";
import { DependenciesPage } from "../pages/jaeger/dependencies.js";
import { SearchPage } from "../pages/jaeger/search.js";
import { TracePage } from "../pages/jaeger/trace.js";

start({
  nav: [{ path: "/search", title: "nav.search" }, { path: "/dependencies", title: "nav.dependencies" }],
  pages: [
    { pattern: "/search", title: "nav.search", component: SearchPage, time: true },
    { pattern: "/trace/:id", title: "nav.trace", component: TracePage },
    { pattern: "/dependencies", title: "nav.dependencies", component: DependenciesPage, time: true },
  ],
});
