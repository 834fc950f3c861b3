/** Prometheus's place. Addresses are Prometheus's own, so links that others keep still open. */
import { start } from "../lib/layout.js";
import { GraphPage } from "../pages/prometheus/graph.js";
import { ConfigPage, StatusPage, TsdbPage } from "../pages/prometheus/status.js";
import { TargetsPage } from "../pages/prometheus/targets.js";

start({
  nav: [
    { path: "/graph", title: "nav.graph" },
    { path: "/targets", title: "nav.targets" },
    { path: "/status", title: "nav.status" },
    { path: "/tsdb-status", title: "nav.tsdb" },
    { path: "/config", title: "nav.config" },
  ],
  pages: [
    { pattern: "/graph", title: "nav.graph", component: GraphPage, time: true },
    { pattern: "/query", title: "nav.graph", component: GraphPage, time: true },
    { pattern: "/targets", title: "nav.targets", component: TargetsPage },
    { pattern: "/status", title: "nav.status", component: StatusPage },
    { pattern: "/tsdb-status", title: "nav.tsdb", component: TsdbPage },
    { pattern: "/config", title: "nav.config", component: ConfigPage },
  ],
});
