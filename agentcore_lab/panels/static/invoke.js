import { h, pill, say } from "./lab.js";
import { known, outlook, sessionRail } from "./invoke_sessions.js";
import { answerArea, history } from "./invoke_answer.js";
import { codeSheet } from "./code_sheet.js";
import { promptBox } from "./invoke_prompt.js";

const TICK = 200;
const PATIENCE = 2500;
const COLD = new Set(["New", "Provisioning", "Terminated"]);

/** The Invoke panel. It reads the model and sends it messages; it never sets a trait. */
function render({ model, el }) {
  const now = () => performance.now();
  const opened = now();
  let connected = false; // a saved page has no kernel: nothing may tick or wait there
  let counted = now(); // when the sessions' seconds were true
  let asked = now();
  let queued = null; // a message on its way to the kernel: when, and what it says
  let began = null;
  let picked = null;

  const tell = (message) => model.send(message);
  const rail = sessionRail(
    (id) => tell({ type: "choose", session_id: id }),
    () => tell({ type: "new" }),
  );
  const ask = promptBox({ send, code: (kind, prompt, raw) => tell({ type: "copy", kind, prompt, raw }) });
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
  const chosen = () => known(model).find((session) => session.id === model.get("session_id"));
  const waiting = () => (connected ? model.get("waiting") : null);
  const left = (session) => {
    if (session.idle_left == null) return null;
    return Math.max(0, session.idle_left - (connected ? (now() - counted) / 1000 : 0));
  };

  function send(prompt, raw) {
    queued = { at: now(), prompt };
    tell({ type: "send", prompt, raw });
    say(live, "Sent. Waiting for the agent.");
    showAnswer();
  }

  function refresh() {
    asked = now();
    tell({ type: "refresh" });
  }

  function showHead() {
    const runtime = model.get("runtime");
    say(name, runtime.name);
    name.title = runtime.arn;
    const options = model.get("endpoints").map(({ name, version }) =>
      h("option", { value: name }, version ? `${name} · version ${version}` : name),
    );
    endpoint.replaceChildren(...options);
    endpoint.value = model.get("qualifier");
  }

  function showSessions() {
    const session = chosen();
    const whole = model.get("idle_seconds");
    const turns = (id) => model.get("turns").filter((turn) => turn.session_id === id).length;
    rail.show(known(model), session.id, left, turns, whole);
    say(short, session.short);
    short.title = session.id;
    state.show(session.state, left(session) == null ? 1 : left(session) / whole);
    say(next, outlook(session, left(session)));
    stop.disabled = COLD.has(session.state) && session.state !== "Provisioning";
  }

  function showAnswer() {
    const turns = mine();
    const index = picked ?? turns.length - 1;
    const busy = Boolean(queued || waiting());
    past.show(turns, busy ? -1 : index);
    ask.busy(busy);
    if (busy) showWait();
    else if (turns.length) area.turn(turns[index]);
    else area.empty();
  }

  function showWait() {
    const wait = waiting();
    began ??= queued?.at ?? now();
    const seconds = `${((now() - began) / 1000).toFixed(1)} s`;
    if (!wait) {
      const hint = "It is busy with another cell, or it is not running: then run this cell again.";
      area.wait(`Waiting for the kernel … ${seconds}`, now() - began > PATIENCE ? hint : "", queued);
    } else if (wait.arrived) {
      area.wait(`The answer is arriving … ${seconds}`, "", wait);
    } else if (COLD.has(chosen().state)) {
      const hint = "A session's first message waits for its sandbox; the next one finds it warm.";
      area.wait(`Starting a sandbox for this session … ${seconds}`, hint, wait);
    } else {
      area.wait(`The agent is working … ${seconds}`, "Its sandbox is running.", wait);
    }
  }

  function showNotice() {
    const told = model.get("notice");
    const alone = !connected && now() - opened > PATIENCE;
    say(notice, alone ? "This is a saved view. Run its cell to talk to the agent." : (told?.text ?? ""));
    notice.dataset.tone = alone ? "" : (told?.tone ?? "");
  }

  function heard() {
    connected = true;
    counted = now();
    showSessions();
    showNotice();
  }

  function answered() {
    picked = null;
    const turn = mine().at(-1);
    if (!turn) return;
    const { failure, gist, total } = turn.answer;
    say(live, failure ? `Failed. ${failure.cause}` : `Answer after ${(total / 1000).toFixed(1)} seconds: ${gist}`);
  }

  function tick() {
    showSessions();
    if (queued || waiting()) showWait();
    if (!connected) showNotice();
    const session = chosen();
    const due = session.state === "Active" || session.state === "Provisioning" || left(session) === 0;
    if (connected && due && !document.hidden && now() - asked > 2000) refresh();
  }

  const listeners = {
    "change:sessions": heard,
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
      connected = true;
      queued = null;
      if (!model.get("waiting")) began = null;
      showAnswer();
    },
    "change:prompt change:raw": () => ask.fill(model.get("prompt"), model.get("raw")),
    "change:endpoints change:qualifier": showHead,
    "change:notice": showNotice,
    "msg:custom": (message) => {
      if (message.type === "refreshed") heard();
      if (message.type === "code") sheet.show(message.kind, message.code);
    },
  };
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  const timer = setInterval(tick, TICK);

  showHead();
  ask.fill(model.get("prompt"), model.get("raw"));
  showSessions();
  showAnswer();
  refresh();

  return () => {
    clearInterval(timer);
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
  };
}

export default { render };
