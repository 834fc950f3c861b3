import { start } from "../lib/layout.js";
start({ nav: [], pages: [] });
