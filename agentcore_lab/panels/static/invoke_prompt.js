import { copy, h, say } from "./lab.js";

let boxes = 0;

/** The prompt box with its Text/JSON switch, Send, and the code that would do the same. */
export function promptBox({ send, code }) {
  const id = `acl-prompt-${++boxes}`;
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
    if (!go.disabled) send(box.value, json.checked);
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
    say(how, json.checked ? judged(box.value) : 'Sent as {"prompt": "…"}');
    how.classList.toggle("acl-warn", json.checked && !valid(box.value));
  }

  return {
    node,
    fill(prompt, raw) {
      if (box.value !== prompt) box.value = prompt;
      json.checked = raw;
      check();
    },
    busy(yes) {
      go.disabled = yes;
      say(go, yes ? "Waiting …" : "Send");
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

/** The sheet that shows copied code over the answer, so that nothing moves. */
export function codeSheet() {
  const title = h("h3", { class: "acl-label acl-grow", role: "status" });
  const text = h("pre", { class: "acl-text", tabindex: "0" });
  const close = h("button", { type: "button", class: "acl-button acl-quiet", click: hide }, "Close");
  const node = h(
    "div",
    { class: "acl-sheet", role: "dialog", "aria-label": "Code that does the same", hidden: true, keydown: escape },
    h("div", { class: "acl-row" }, title, close),
    text,
  );
  let opener = null;

  function hide() {
    node.hidden = true;
    opener?.focus();
  }

  function escape(event) {
    if (event.key === "Escape") hide();
  }

  return {
    node,
    async show(kind, code) {
      opener = document.activeElement;
      say(text, code);
      node.hidden = false;
      const copied = await copy(code);
      say(title, copied ? `✓ Copied as ${kind}` : `The browser did not let it be copied: select it below (${kind})`);
      close.focus();
    },
  };
}
