/** Heatmap panels: a histogram's buckets over time, on a canvas. */
import { dateTime, t } from "../../lib/i18n.js";
import { dark, token } from "../../lib/theme.js";
import { html, useEffect, useRef, useState } from "../../lib/ui.js";
import { format } from "./units.js";

const LEFT = 62;
const BOTTOM = 22;

/** @param {{panel: any, view: {times: number[], labels: string[], counts: (number | null)[][]}, span: {start: number, end: number}, title: string}} props */
export function Heatmap({ panel, view, span, title }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [hover, setHover] = useState(/** @type {{row: number, place: number, x: number, y: number} | null} */ (null));
  const isDark = dark.value;
  const step = view.times.length > 1 ? view.times[1] - view.times[0] : span.end - span.start;

  useEffect(() => {
    const parent = canvas.current?.parentElement;
    if (!parent) return undefined;
    const observer = new ResizeObserver(([entry]) => setSize({ width: entry.contentRect.width, height: entry.contentRect.height }));
    observer.observe(parent);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (canvas.current && size.width) draw(canvas.current, size, view, span, step, panel.options.unit);
  }, [size, view, span, isDark]);

  const point = (/** @type {MouseEvent} */ event) => {
    const box = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const time = span.start + ((x - LEFT) / (size.width - LEFT)) * (span.end - span.start);
    const place = view.times.findIndex((one) => one - step / 2 <= time && time < one + step / 2);
    const row = Math.floor((1 - y / (size.height - BOTTOM)) * view.labels.length);
    setHover(place >= 0 && row >= 0 && row < view.labels.length ? { row, place, x, y } : null);
  };
  return html`<div class="heatmap" onMouseMove=${point} onMouseLeave=${() => setHover(null)}>
    <canvas ref=${canvas} role="img" aria-label=${`${title}: ${t("grafana.buckets", { count: view.labels.length })}`}></canvas>
    ${hover && html`<div class="plot-tooltip" role="status" style=${hover.x > size.width / 2 ? { right: `${size.width - hover.x + 12}px` } : { left: `${hover.x + 12}px` }}>
      <p class="quiet">${dateTime(view.times[hover.place])}</p>
      <p>≤ ${bucket(view.labels[hover.row], panel.options.unit)}: <b>${format(view.counts[hover.row][hover.place])}</b></p></div>`}
  </div>`;
}

/** @param {string} label @param {string} unit */
function bucket(label, unit) {
  const value = Number(label);
  return Number.isFinite(value) ? format(value, unit) : label.replace("+Inf", "∞");
}

/** @param {HTMLCanvasElement} canvas @param {{width: number, height: number}} size @param {any} view @param {any} span @param {number} step @param {string} unit */
function draw(canvas, size, view, span, step, unit) {
  const ratio = devicePixelRatio || 1;
  canvas.width = size.width * ratio;
  canvas.height = size.height * ratio;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.scale(ratio, ratio);
  const [width, height] = [size.width - LEFT, size.height - BOTTOM];
  const most = Math.max(1e-12, ...view.counts.flat().filter((/** @type {any} */ value) => value !== null));
  const [tall, wide] = [height / view.labels.length, (step / (span.end - span.start)) * width];
  pen.fillStyle = token("--warn");
  view.counts.forEach((/** @type {(number | null)[]} */ row, /** @type {number} */ at) => row.forEach((value, place) => {
    if (!value) return;
    pen.globalAlpha = 0.12 + 0.88 * Math.sqrt(value / most);
    const x = LEFT + ((view.times[place] - step / 2 - span.start) / (span.end - span.start)) * width;
    pen.fillRect(Math.max(x, LEFT), height - (at + 1) * tall + 0.5, Math.max(wide - 1, 1), Math.max(tall - 1, 1));
  }));
  pen.globalAlpha = 1;
  pen.fillStyle = token("--text-quiet");
  pen.font = `11px ${token("--font")}`;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  const every = Math.ceil(14 / tall);
  view.labels.forEach((/** @type {string} */ label, /** @type {number} */ at) => {
    if (at % every === 0) pen.fillText(bucket(label, unit), LEFT - 6, height - (at + 0.5) * tall);
  });
  pen.textAlign = "center";
  const ticks = Math.max(2, Math.floor(width / 90));
  for (let at = 0; at < ticks; at += 1) {
    const part = (at + 0.5) / ticks;
    const time = span.start + part * (span.end - span.start);
    pen.fillText(dateTime(time, { hour: "2-digit", minute: "2-digit", hour12: false }), LEFT + part * width, height + 12);
  }
}
