// The bundle of the wheel: one entry for each place, shared chunks, names that hold the hash of what is inside.
import { resolve } from "node:path";

const source = resolve(process.env.TEJER_WEB_SOURCE);

export default {
  root: source,
  base: "/static/bundle/",
  publicDir: false,
  logLevel: "warn",
  build: {
    outDir: resolve(process.env.TEJER_WEB_BUNDLE),
    emptyOutDir: true,
    assetsDir: ".",
    assetsInlineLimit: 0,
    manifest: "manifest.json",
    modulePreload: { polyfill: false },
    target: "es2022",
    rollupOptions: {
      input: ["prometheus", "grafana", "jaeger"].map((place) => resolve(source, `places/${place}.js`)),
    },
  },
};
