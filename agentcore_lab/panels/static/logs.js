import { duration, h, say } from "./lab.js";
import { codeButton, livePanel } from "./live.js";

const KEPT = 500;
const INVOCATIONS = 25;
const PARTS = [
  ["wire", "wire", "the request was read and understood"],
  ["auth", "auth", "who calls, and whether they may"],
  ["engine", "engine", "the session was found, or made"],
  ["start", "sandbox start", "the session's sandbox started; warm sessions need none"],
  ["agent", "agent", "from the request to the agent until its answer began"],
  ["wait", "first byte", "from the head of the answer to the first byte of its body"],
  ["stream", "last byte", "from the answer's first byte to its last"],
];
const KINDS = {
  InvokeAgentRuntimeCommand: "command",
  InvokeAgentRuntimeCommandShell: "shell",
  InvokeAgentRuntimeWithWebSocketStream: "WebSocket",
  GetAgentCard: "card",
};

/** Where the time of a call went: parts with begin and end in milliseconds; one that is still open ends where it is. */
function parts(call) {
  const end = call.lastByteMs ?? call.headMs;
  if (call.headMs == null) return [{ kind: "failed", from: 0, to: end }];
  const parsed = call.parsedMs ?? 0;
  const may = call.authorizedMs ?? parsed;
  const asked = Math.max(may, call.headMs - (call.agentMs ?? 0));
  const started = call.sandboxStartMs == null ? asked : Math.max(may, asked - call.sandboxStartMs);
  return [
    { kind: "wire", from: 0, to: parsed },
    { kind: "auth", from: parsed, to: may },
    { kind: "engine", from: may, to: started },
    { kind: "start", from: started, to: asked },
    { kind: "agent", from: asked, to: call.headMs },
    { kind: "wait", from: call.headMs, to: call.firstByteMs },
    { kind: "stream", from: call.firstByteMs, to: end },
  ].filter(({ from, to }) => to > from);
}

/** The Logs and trace panel. It reads the model and sends it messages; it never sets a trait. */
function render({ model, el }) {
  let lines = [];
  let calls = [];
  const which = h("select", { class: "acl-select acl-session-choice", "aria-label": "Session", change: () => panel.tell({ type: "follow", id: which.value }) });
  const filter = h("input", { class: "acl-input acl-filter", type: "search", placeholder: "only lines with …", "aria-label": "Only lines with", input: showLines });
  const stay = h("input", { type: "checkbox", checked: true });
  const count = h("span", { class: "acl-hint" });
  const log = h("div", { class: "acl-log-lines", tabindex: "0", role: "log", "aria-label": "Log", "aria-live": "off" });
  const calm = h("p", { class: "acl-empty" });
  const list = h("ol", { class: "acl-calls" });
  const none = h("p", { class: "acl-empty" }, "No call since this panel was opened.");
  const legend = h("div", { class: "acl-row acl-legend" }, ...PARTS.map(([kind, word, meaning]) => h("span", { class: "acl-hint", title: meaning }, h("i", { class: "acl-part", "data-kind": kind, "aria-hidden": "true" }), word)));
  const body = h(
    "div",
    {},
    h("div", { class: "acl-row acl-log-tools" }, h("label", { class: "acl-row acl-label" }, "Log of", which), filter, h("label", { class: "acl-switch" }, stay, "follow"), h("span", { class: "acl-grow" }), count),
    log,
    h("section", { class: "acl-trace" }, h("div", { class: "acl-row" }, h("h3", { class: "acl-label acl-grow" }, "Calls, the latest first"), legend), none, list),
  );
  const panel = livePanel({
    model,
    el,
    title: "Logs and trace of",
    label: "Logs and trace",
    body,
    tick: () => {},
    listen: { changes, "change:sessions": showChoice, "change:chosen": chosen, "change:lines": saved, "change:invocations": () => take(model.get("invocations")) },
  });

  function showChoice(sessions = model.get("sessions"), id = model.get("chosen")) {
    const told = Array.isArray(sessions) ? sessions : model.get("sessions");
    which.replaceChildren(...(told.length ? told.map(({ id, text }) => h("option", { value: id }, text)) : [h("option", { value: "" }, "no session yet")]));
    which.value = typeof id === "string" ? id : model.get("chosen");
    which.disabled = !told.length;
  }

  function chosen() {
    lines = [...model.get("lines")];
    showChoice();
    showLines();
  }

  /** The saved end of the log counts only where nothing longer is known. */
  function saved() {
    if (lines.length >= model.get("lines").length) return;
    lines = [...model.get("lines")];
    showLines();
  }

  function changes({ sessions, chosen: id, log: told = [], invocations = [] }) {
    if (sessions) showChoice(sessions, id);
    for (const piece of told) {
      lines = [...(piece.afresh ? [] : lines), ...piece.lines].slice(-KEPT);
    }
    if (told.length) showLines();
    if (invocations.length) {
      const known = new Map([...calls, ...invocations].map((call) => [call.id, call]));
      take([...known.values()].slice(-INVOCATIONS));
    }
  }

  function showLines() {
    const wanted = filter.value.toLowerCase();
    const found = wanted ? lines.filter((line) => line.toLowerCase().includes(wanted)) : lines;
    const nodes = found.map((line) => {
      const at = wanted ? line.toLowerCase().indexOf(wanted) : -1;
      if (at < 0) return h("code", {}, line || " ");
      return h("code", {}, line.slice(0, at), h("mark", {}, line.slice(at, at + wanted.length)), line.slice(at + wanted.length));
    });
    say(calm, lines.length ? "No line has that." : "The agent has written nothing yet.");
    log.replaceChildren(...(nodes.length ? nodes : [calm]));
    say(count, wanted ? `${found.length} of ${lines.length} lines` : `${lines.length} ${lines.length === 1 ? "line" : "lines"}`);
    if (stay.checked) log.scrollTop = log.scrollHeight;
  }

  function take(told) {
    calls = told.slice(-INVOCATIONS);
    // A connection of minutes would leave of all others nothing to see.
    const longest = Math.max(1, ...calls.map((call) => (call.status === 101 ? call.headMs : call.lastByteMs)));
    list.replaceChildren(...calls.toReversed().map((call) => row(call, longest)));
    none.hidden = calls.length > 0;
    legend.hidden = !calls.length;
    const failed = calls.filter(({ status }) => status >= 400).length;
    panel?.about(calls.length ? `${calls.length} calls · ${failed} failed` : "");
  }

  function row(call, longest) {
    const pieces = parts(call);
    const told = pieces.map(({ kind, from, to }) => `${PARTS.find(([name]) => name === kind)?.[1] ?? "failed after"} ${duration(to - from)}`).join(", ");
    const bar = h("span", { class: "acl-waterfall", role: "img", "aria-label": told, title: told });
    for (const { kind, from, to } of pieces) {
      const piece = h("i", { class: "acl-part", "data-kind": kind });
      const [left, right] = [from, to].map((moment) => Math.min(100, (100 * moment) / longest));
      piece.style.left = `min(${left}%, calc(100% - 2px))`;
      piece.style.width = `max(2px, ${right - left}%)`;
      bar.append(piece);
    }
    const bad = call.status >= 400;
    const kind = KINDS[call.operation];
    return h(
      "li",
      { class: "acl-call" },
      h("span", { class: "acl-about" }, call.at.slice(11, 19)),
      h("code", { title: call.sessionId ?? "" }, (call.sessionId ?? "–").slice(0, 8)),
      h("span", { class: bad ? "acl-bad acl-cut" : "acl-about acl-cut", title: call.error ?? "" }, bad ? `▲ ${call.status} ${call.error ?? ""}` : `${kind ?? call.status} · v${call.agentRuntimeVersion ?? "?"}`),
      bar,
      h("span", { class: "acl-about acl-total" }, call.lastByteMs == null ? "open" : duration(call.lastByteMs)),
      kind ? h("span") : codeButton("such an invocation", () => panel.copy({ type: "invocation", id: call.id })),
    );
  }

  chosen();
  take(model.get("invocations"));
  return () => panel.close();
}

export default { render };
