import { h, pause, paused, say } from "./lab.js";

let boxes = 0;

/** The prompt box with its Text/JSON switch, Send, and the code that would do the same. */
export function promptBox({ send, code, extras }) {
  const id = `acl-prompt-${++boxes}`;
  let file = null;
  const box = h("textarea", { id, class: "acl-prompt", rows: 3, spellcheck: "false", input: check, keydown: key });
  const how = h("span", { class: "acl-hint acl-grow acl-cut", "aria-live": "polite" });
  const json = h("input", { type: "checkbox", role: "switch", change: change });
  const go = h("button", { type: "button", class: "acl-button acl-primary", click: submit }, "Send");
  const keys = /Mac|iP(hone|ad)/.test(navigator.platform) ? "⌘ Enter" : "Ctrl + Enter";
  const copyAs = (kind) =>
    h("button", { type: "button", class: "acl-button acl-quiet", click: () => code(kind, box.value, json.checked) }, `Copy as ${kind}`);
  const node = h(
    "section",
    { class: "acl-ask" },
    h(
      "div",
      { class: "acl-row" },
      h("label", { class: "acl-label acl-grow", for: id }, "Prompt"),
      h("label", { class: "acl-switch" }, json, "JSON payload"),
    ),
    box,
    extras,
    h(
      "div",
      { class: "acl-row acl-actions" },
      go,
      h("kbd", {}, keys),
      how,
      copyAs("boto3"),
      copyAs("curl"),
    ),
  );

  function submit() {
    if (!paused(go)) send(box.value, json.checked);
  }

  function key(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    submit();
  }

  function change() {
    box.value = json.checked ? `{"prompt": ${JSON.stringify(box.value)}}` : plain(box.value);
    check();
  }

  function check() {
    const whole = file?.whole;
    const plain = file ? "Sent as prompt and media" : 'Sent as {"prompt": "…"}';
    say(how, whole ? "The file is the payload; the prompt stays here" : json.checked ? judged(box.value) : plain);
    how.classList.toggle("acl-warn", !whole && json.checked && !valid(box.value));
  }

  return {
    node,
    fill(prompt, raw) {
      if (box.value !== prompt) box.value = prompt;
      json.checked = raw;
      check();
    },
    /** The file that goes out with the prompt, or instead of it. */
    beside(held) {
      file = held;
      check();
    },
    busy(word) {
      pause(go, Boolean(word));
      say(go, word || "Send");
    },
  };
}

function valid(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function judged(text) {
  return valid(text) ? "Sent as it stands" : "⚠ Not valid JSON: the SDK's agents refuse it";
}

function plain(text) {
  try {
    const { prompt, ...rest } = JSON.parse(text);
    return typeof prompt === "string" && !Object.keys(rest).length ? prompt : text;
  } catch {
    return text;
  }
}
