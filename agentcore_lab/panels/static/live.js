import { codeSheet } from "./code_sheet.js";
import { h, say } from "./lab.js";
import { kernelLink } from "./link.js";

/** What every live panel shares: its frame, the engine's clock, what is told to the kernel and what comes back.

`listen` maps names of messages and `change:` events to functions; `tick` runs once a second while the page shows it. */
export function livePanel({ model, el, title, label, body, tick, listen }) {
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

  const runtime = model.get("runtime");
  say(scope, runtime ? runtime.name : "All runtimes");
  if (runtime) scope.title = runtime.arn;
  const link = kernelLink({
    model,
    el,
    notice,
    tick,
    listen: { ...listen, code: (message) => sheet.show(message.kind, message.code) },
  });

  return {
    tell: link.tell,
    now: link.now,
    sheet,
    about: (text) => say(about, text),
    clock: link.clock,
    copy: (what) => link.tell({ ...what, what: what.type, type: "copy" }),
    close: link.close,
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
