import { h } from "./lab.js";

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 64;
const HEIGHT = 18;

/** A small line of numbers with its last value in words beside it. */
export function sparkline(name) {
  const line = document.createElementNS(NS, "polyline");
  line.setAttribute("class", "acl-spark-line");
  const glyph = document.createElementNS(NS, "svg");
  glyph.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  glyph.setAttribute("class", "acl-spark");
  glyph.setAttribute("aria-hidden", "true");
  glyph.append(line);
  const value = h("span", { class: "acl-spark-value" });
  const node = h("span", { class: "acl-spark-box" }, glyph, value);
  let drawn = "";

  function show(numbers, text, ceiling) {
    const told = numbers.filter((number) => number != null);
    const key = `${told.join()}|${text}`;
    if (key === drawn) return;
    drawn = key;
    value.textContent = text;
    node.title = text ? `${name}: ${text}` : `${name}: nothing told yet`;
    const top = Math.max(ceiling, ...told);
    const points = told.map((number, index) => {
      const x = told.length > 1 ? (index * (WIDTH - 2)) / (told.length - 1) + 1 : WIDTH / 2;
      return `${x.toFixed(1)},${(HEIGHT - 2 - (number / top) * (HEIGHT - 4)).toFixed(1)}`;
    });
    line.setAttribute("points", points.join(" "));
  }

  return { node, show };
}

const MARKS = { Healthy: "acl-ping-ok", HealthyBusy: "acl-ping-busy", Unhealthy: "acl-ping-bad" };
const STEP = 5;

/** Health checks, the latest to the right: low for Healthy, tall for HealthyBusy, a gap with a cross for Unhealthy. */
export function pingStrip(kept) {
  const glyph = document.createElementNS(NS, "svg");
  glyph.setAttribute("viewBox", `0 0 ${kept * STEP} 14`);
  glyph.setAttribute("class", "acl-pings");
  glyph.setAttribute("aria-hidden", "true");
  glyph.style.width = `${kept * STEP}px`;
  const ground = document.createElementNS(NS, "path");
  ground.setAttribute("class", "acl-ping-ground");
  ground.setAttribute("d", `M0 13.5H${kept * STEP}`);
  const node = h("span", { class: "acl-ping-box", role: "img" }, glyph);
  let drawn = null;

  function mark(status, index) {
    const bad = status === "Unhealthy";
    const x = index * STEP;
    const node = document.createElementNS(NS, bad ? "path" : "rect");
    node.setAttribute("class", MARKS[status] ?? "acl-ping-ok");
    if (bad) node.setAttribute("d", `M${x} 4l4 6m0 -6l-4 6`);
    else {
      const height = status === "HealthyBusy" ? 12 : 6;
      for (const [name, value] of Object.entries({ x: x + 0.5, y: 13 - height, width: 3, height, rx: 1 })) node.setAttribute(name, value);
    }
    return node;
  }

  function show(pings) {
    const last = pings.slice(-kept);
    const key = last.length ? `${last.at(-1)[0]} ${last.length}` : "";
    if (key === drawn) return;
    drawn = key;
    glyph.replaceChildren(ground, ...last.map(([, status], index) => mark(status, kept - last.length + index)));
    const [, status, milliseconds, problem] = last.at(-1) ?? [];
    const bad = last.filter((ping) => ping[1] === "Unhealthy").length;
    const told = status ? `${problem ?? status} after ${milliseconds} ms; ${bad} of the last ${last.length} checks failed` : "not asked yet";
    node.title = `/ping: ${told}`;
    node.setAttribute("aria-label", `Health checks: ${told}`);
  }

  return { node, show };
}
