import { h, pill, say } from "./lab.js";
import { kernelLink } from "./link.js";
import { known, outlook, sessionRail } from "./invoke_sessions.js";
import { answerArea, history } from "./invoke_answer.js";
import { callerChoice } from "./invoke_caller.js";
import { codeSheet } from "./code_sheet.js";
import { filePicker } from "./invoke_file.js";
import { promptBox } from "./invoke_prompt.js";

const TICKS = 200;
const PATIENCE = 2500;
const COLD = new Set(["New", "Provisioning", "Terminated"]);

/** The Invoke panel. It reads the model and sends it messages; it never sets a trait. */
function render({ model, el }) {
  let sessions = model.get("sessions");
  let queued = null; // a message on its way to the kernel: when, and what it says
  let began = null;
  let picked = null;
  let link = null;

  const tell = (message, buffers) => link.tell(message, buffers);
  const rail = sessionRail(
    (id) => tell({ type: "choose", session_id: id }),
    () => tell({ type: "new" }),
  );
  const file = filePicker({ tell, changed: showBusy });
  const caller = callerChoice(tell);
  const ask = promptBox({ send, code: (kind, prompt, raw) => tell({ type: "code", kind, prompt, raw }), extras: file.node });
  file.takeFrom(ask.node);
  const area = answerArea();
  const notice = h("p", { class: "acl-notice", role: "status" });
  const past = history((index) => {
    picked = index;
    showAnswer();
  }, notice);
  const sheet = codeSheet();
  const state = pill();
  const short = h("code", { class: "acl-id" });
  const next = h("span", { class: "acl-grow acl-next" });
  const stop = h("button", { type: "button", class: "acl-button acl-quiet", click: () => tell({ type: "stop" }) }, "Stop session");
  const endpoint = h("select", { class: "acl-select", change: () => tell({ type: "endpoint", qualifier: endpoint.value }) });
  const live = h("p", { class: "acl-hidden", role: "status", "aria-live": "polite" });
  const name = h("strong", { class: "acl-name acl-cut" });

  el.classList.add("acl");
  el.append(
    h(
      "div",
      { class: "acl-panel acl-invoke", role: "group", "aria-label": "Invoke an agent runtime" },
      h(
        "div",
        { class: "acl-head acl-row" },
        h("span", { class: "acl-label acl-what" }, "Agent runtime"),
        name,
        h("span", { class: "acl-grow" }),
        caller.node,
        h("label", { class: "acl-row acl-label" }, "Endpoint", endpoint),
      ),
      rail.node,
      h(
        "div",
        { class: "acl-main" },
        h("div", { class: "acl-row acl-bar" }, short, state.node, next, stop),
        ask.node,
        h("div", { class: "acl-stage" }, area.node, past.node, sheet.node),
        live,
      ),
    ),
  );

  const mine = () => model.get("turns").filter((turn) => turn.session_id === model.get("session_id"));
  const listed = () => known(model, sessions);
  const chosen = () => listed().find((session) => session.id === model.get("session_id"));
  const waiting = () => (link?.connected() ? model.get("waiting") : null);
  const left = (session) => (session.ends && link?.now() ? Math.max(0, (Date.parse(session.ends) - link.now()) / 1000) : null);

  function send(prompt, raw) {
    queued = { at: performance.now(), prompt };
    tell({ type: "send", prompt, raw });
    say(live, "Sent. Waiting for the agent.");
    showAnswer();
  }

  function showHead(endpoints = model.get("endpoints")) {
    const runtime = model.get("runtime");
    say(name, runtime.name);
    name.title = runtime.arn;
    const qualifier = model.get("qualifier");
    const all = endpoints.some((each) => each.name === qualifier) ? endpoints : [{ name: qualifier }, ...endpoints];
    const options = all.map(({ name, version, status }) => {
      const settled = !status || status === "READY" ? "" : ` · ${status}`;
      return h("option", { value: name }, (version ? `${name} · version ${version}` : name) + settled);
    });
    endpoint.replaceChildren(...options);
    endpoint.value = qualifier;
  }

  function showSessions() {
    const session = chosen();
    const turns = (id) => model.get("turns").filter((turn) => turn.session_id === id).length;
    rail.show(listed(), session.id, left, turns);
    say(short, session.short);
    short.title = session.id;
    state.show(session.state, left(session) == null ? 1 : left(session) / session.idle_seconds);
    say(next, outlook(session, left(session)));
    stop.disabled = COLD.has(session.state) && session.state !== "Provisioning";
  }

  function showBusy() {
    if (link) ask.busy(queued || waiting() ? "Waiting …" : file.busy() ? "Uploading …" : "");
  }

  function showFile() {
    file.held(model.get("file"));
    ask.beside(model.get("file"));
  }

  function showAnswer() {
    const turns = mine();
    const index = picked ?? turns.length - 1;
    const busy = Boolean(queued || waiting());
    past.show(turns, busy ? -1 : index);
    showBusy();
    if (busy) showWait();
    else if (turns.length) area.turn(turns[index]);
    else area.empty();
  }

  function showWait() {
    const wait = waiting();
    began ??= queued?.at ?? performance.now();
    const seconds = `${((performance.now() - began) / 1000).toFixed(1)} s`;
    if (!wait) {
      const hint = "It is busy with another cell, or it is not running: then run this cell again.";
      area.wait(`Waiting for the kernel … ${seconds}`, performance.now() - began > PATIENCE ? hint : "", queued);
    } else if (wait.arrived) {
      area.wait(`The answer is arriving … ${seconds}`, "", wait);
    } else if (COLD.has(chosen().state)) {
      const hint = "A session's first message waits for its sandbox; the next one finds it warm.";
      area.wait(`Starting a sandbox for this session … ${seconds}`, hint, wait);
    } else {
      area.wait(`The agent is working … ${seconds}`, "Its sandbox is running.", wait);
    }
  }

  function answered() {
    picked = null;
    const turn = mine().at(-1);
    if (!turn) return;
    const { failure, gist, total } = turn.answer;
    say(live, failure ? `Failed. ${failure.cause}` : `Answer after ${(total / 1000).toFixed(1)} seconds: ${gist}`);
  }

  function changes({ sessions: rows = [], endpoints }) {
    if (endpoints) showHead(endpoints);
    for (const row of rows) {
      const at = sessions.findIndex((session) => session.id === row.id);
      sessions = at < 0 ? [...sessions, row] : sessions.with(at, row);
    }
    const over = ({ state }) => state === "Terminated";
    sessions = [...sessions.filter((each) => !over(each)), ...sessions.filter(over)];
    showSessions();
  }

  function tick() {
    showSessions();
    if (queued || waiting()) showWait();
  }

  link = kernelLink({
    model,
    el,
    notice,
    tick,
    every: TICKS,
    alone: "talk to the agent",
    listen: {
      changes,
      clock: showSessions,
      code: (message) => sheet.show(message.kind, message.code),
      upload: file.heard,
      "change:sessions": () => {
        sessions = model.get("sessions");
        showSessions();
      },
      "change:session_id": () => {
        picked = null;
        showSessions();
        showAnswer();
      },
      "change:turns": () => {
        answered();
        showSessions();
        showAnswer();
      },
      "change:waiting": () => {
        queued = null;
        if (!model.get("waiting")) began = null;
        showAnswer();
      },
      "change:prompt": () => ask.fill(model.get("prompt"), model.get("raw")),
      "change:raw": () => ask.fill(model.get("prompt"), model.get("raw")),
      "change:endpoints": () => showHead(),
      "change:qualifier": () => showHead(),
      "change:file": showFile,
      "change:caller": () => caller.show(model.get("caller")),
    },
  });

  showHead();
  ask.fill(model.get("prompt"), model.get("raw"));
  showFile();
  caller.show(model.get("caller"));
  showSessions();
  showAnswer();

  return () => link.close();
}

export default { render };
