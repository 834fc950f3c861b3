/** Grafana's place: dashboards. */
import { start } from "../lib/layout.js";
import { html } from "../lib/ui.js";
import { Dashboard } from "../pages/grafana/dashboard.js";
import { Import } from "../pages/grafana/import.js";
import { DashboardList } from "../pages/grafana/list.js";

const whole = (/** @type {{uid: string}} */ { uid }) => html`<${Dashboard} key=${uid} uid=${uid} />`;
const solo = (/** @type {{uid: string}} */ { uid }) => html`<${Dashboard} key=${uid} uid=${uid} solo=${true} />`;

start({
  nav: [
    { path: "/dashboards", title: "grafana.dashboards" },
    { path: "/dashboard/import", title: "grafana.import" },
  ],
  pages: [
    { pattern: "/dashboards", title: "grafana.dashboards", component: DashboardList },
    { pattern: "/dashboard/import", title: "grafana.import", component: Import },
    { pattern: "/d/:uid", title: "grafana.dashboard", component: whole, time: true },
    { pattern: "/d/:uid/:slug", title: "grafana.dashboard", component: whole, time: true },
    { pattern: "/d-solo/:uid", title: "grafana.dashboard", component: solo, time: true },
    { pattern: "/d-solo/:uid/:slug", title: "grafana.dashboard", component: solo, time: true },
  ],
});
