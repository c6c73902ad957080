import { codeSheet } from "./code_sheet.js";
import { h, say } from "./lab.js";

const HELLO = 30_000;
const PATIENCE_FOR_KERNEL = 2500;

/** What every live panel shares: its frame, the engine's clock, what is told to the kernel and what comes back.

`listen` maps names of messages and `change:` events to functions; `tick` runs once a second while the page shows it. */
export function livePanel({ model, el, title, label, body, tick, listen }) {
  const opened = performance.now();
  let connected = false; // a saved page has no kernel: nothing may tick there
  let base = null; // what the engine's clock showed, and when that was
  const sheet = codeSheet();
  const notice = h("p", { class: "acl-notice acl-live-notice", role: "status" });
  const about = h("span", { class: "acl-hint acl-grow acl-cut" });
  const scope = h("strong", { class: "acl-name acl-cut" });

  el.classList.add("acl");
  const frame = h(
    "div",
    { class: "acl-panel acl-live", role: "group", "aria-label": label },
    h("div", { class: "acl-head acl-row" }, h("span", { class: "acl-label" }, title), scope, about),
    h("div", { class: "acl-live-stage" }, body, sheet.node),
    notice,
  );
  el.append(frame);

  const tell = (message) => model.send(message);

  function setClock(told) {
    if (told?.now) base = { engine: Date.parse(told.now), at: performance.now(), ahead: told.ahead };
  }

  /** The engine's time in milliseconds; it stands still on a saved page. */
  function now() {
    if (!base) return null;
    return base.engine + (connected ? performance.now() - base.at : 0);
  }

  function showNotice() {
    const told = model.get("notice");
    const alone = !connected && performance.now() - opened > PATIENCE_FOR_KERNEL;
    say(notice, alone ? "This is a saved view. Run its cell to see what happens now." : (told?.text ?? ""));
    notice.dataset.tone = alone ? "" : (told?.tone ?? "");
  }

  function heard(message) {
    if (message.type === "clock") {
      connected = true;
      setClock(message);
      showNotice();
    }
    if (message.type === "code") sheet.show(message.kind, message.code);
    listen[message.type]?.(message);
  }

  const listeners = {
    "msg:custom": heard,
    "change:notice": showNotice,
    "change:clock": () => setClock(model.get("clock")),
  };
  for (const [name, listener] of Object.entries(listen)) {
    if (name.startsWith("change:")) listeners[name] = listener;
  }
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  const timer = setInterval(() => {
    if (!connected) showNotice();
    if (!document.hidden && el.checkVisibility()) tick();
  }, 1000);
  const hello = setInterval(() => !document.hidden && tell({ type: "hello" }), HELLO);

  const runtime = model.get("runtime");
  say(scope, runtime ? runtime.name : "All runtimes");
  if (runtime) scope.title = runtime.arn;
  setClock(model.get("clock"));
  showNotice();
  tell({ type: "hello" });

  return {
    tell,
    now,
    sheet,
    about: (text) => say(about, text),
    clock: () => base,
    copy: (what) => tell({ ...what, what: what.type, type: "copy" }),
    close() {
      clearInterval(timer);
      clearInterval(hello);
      tell({ type: "bye" });
      for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    },
  };
}

/** `48 s`, `12:41`, `7:59:03`, `3 d 4 h`: how old something is. */
export function age(milliseconds) {
  const whole = Math.max(0, Math.floor(milliseconds / 1000));
  const pad = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

/** A button that shows the boto3 call another button makes. */
export function codeButton(what, click) {
  const label = `Copy as boto3: ${what}`;
  return h("button", { type: "button", class: "acl-button acl-quiet acl-code", title: label, "aria-label": label, click }, "</>");
}
