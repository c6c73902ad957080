/** What every panel shares: elements, state pills, words for durations, the clipboard. */

const SVG = "http://www.w3.org/2000/svg";
const RING = 2 * Math.PI * 5;

// JupyterLab takes arrows, Enter and letters from whatever has the focus, text boxes aside, unless it is marked.
const KEYS_ARE_OURS = "data-lm-suppress-shortcuts";
const TAKES_KEYS = new Set(["button", "input", "select", "summary"]);

/** An element with attributes (functions become listeners) and children. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  if (TAKES_KEYS.has(tag) || "tabindex" in attributes) node.setAttribute(KEYS_ARE_OURS, "true");
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** Let a button wait, or not any more. It keeps the focus, which a disabled one loses: VS Code would then give it to the
first control of the output. */
export function pause(button, waits) {
  button.setAttribute("aria-disabled", String(waits));
}

/** Whether a button waits. */
export function paused(button) {
  return button.getAttribute("aria-disabled") === "true";
}

/** Set text only where it differs, so that nothing is announced or repainted without need. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** `12 ms`, `3.24 s`, `2 min 5 s`; an en dash where nothing was measured. */
export function duration(milliseconds) {
  if (milliseconds == null) return "–";
  if (milliseconds < 1) return "<1 ms";
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return `${Math.floor(milliseconds / 60_000)} min ${Math.round((milliseconds % 60_000) / 1000)} s`;
}

/** Seconds as a clock counts them down: `12:41`, `7:59:03`. */
export function countdown(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  const pad = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(left / 60) % 60;
  const hours = Math.floor(left / 3600);
  return hours ? `${hours}:${pad(minutes)}:${pad(left % 60)}` : `${minutes}:${pad(left % 60)}`;
}

function shape(kind, attributes) {
  const node = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// A state's shape: never its colour alone.
const SHAPES = {
  New: () => [shape("circle", { cx: 7, cy: 7, r: 5, class: "acl-line" })],
  Provisioning: () => [
    shape("circle", { cx: 7, cy: 7, r: 5, class: "acl-line acl-turning", "stroke-dasharray": "3.6 4.25" }),
  ],
  Active: () => [shape("circle", { cx: 7, cy: 7, r: 5.5, class: "acl-fill" })],
  Idle: () => [
    shape("circle", { cx: 7, cy: 7, r: 5, class: "acl-line acl-track" }),
    shape("circle", { cx: 7, cy: 7, r: 5, class: "acl-line acl-left", transform: "rotate(-90 7 7)" }),
  ],
  Terminated: () => [shape("rect", { x: 2.5, y: 2.5, width: 9, height: 9, rx: 1.5, class: "acl-line" })],
  Failed: () => [shape("path", { d: "M7 1.8 13 12.2H1Z", class: "acl-fill" })],
};

/** A state as a pill: `show(state, fraction, word)`; fraction is what is left of an idle session's time, and the word
is the state's own where none is given. */
export function pill() {
  const glyph = shape("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" });
  const word = h("span");
  const node = h("span", { class: "acl-pill" }, glyph, word);
  const show = (state, fraction = 1, text = state) => {
    if (node.dataset.state !== state) {
      node.dataset.state = state;
      glyph.replaceChildren(...SHAPES[state]());
    }
    say(word, text);
    const left = glyph.querySelector(".acl-left");
    if (left) left.setAttribute("stroke-dasharray", `${RING * Math.min(1, Math.max(0, fraction))} ${RING}`);
  };
  return { node, show };
}

/** Put text on the clipboard; false where the browser refuses (then the text can be selected by hand). */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = h("textarea", { class: "acl-hidden", "aria-hidden": "true" });
    box.value = text;
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
}

const JSON_PARTS = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Pretty JSON with its keys, strings and numbers told apart. */
export function coloured(json) {
  const parts = document.createDocumentFragment();
  let end = 0;
  for (const found of json.matchAll(JSON_PARTS)) {
    const kind = found[2] ? "acl-key" : found[1] ? "acl-string" : "acl-number";
    parts.append(json.slice(end, found.index), h("span", { class: kind }, found[1] ?? found[0]), found[2] ?? "");
    end = found.index + found[0].length;
  }
  parts.append(json.slice(end));
  return parts;
}
