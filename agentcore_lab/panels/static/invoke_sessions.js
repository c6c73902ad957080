import { countdown, h, pill, say } from "./lab.js";

let groups = 0;

/** What a session does now, what happens next, and when. */
export function outlook(session, left) {
  if (session.state === "Idle") return left == null ? "waits for a message" : `ends in ${countdown(left)} unless invoked`;
  if (session.state === "Terminated") {
    return `${session.reason ? `${session.reason}; ` : ""}the next message starts a fresh sandbox`;
  }
  return {
    New: "its sandbox starts with the first message",
    Provisioning: "its sandbox is starting",
    Active: "its agent is working",
  }[session.state];
}

/** The sessions to choose from: the engine's, and those that only this panel knows. */
export function known(model, listed) {
  const has = (id) => listed.some((session) => session.id === id);
  const unlisted = (id, state, reason) => ({ id, short: id.slice(0, 8), state, reason });
  const talked = [...new Set(model.get("turns").map((turn) => turn.session_id))];
  const gone = talked.filter((id) => !has(id)).map((id) => unlisted(id, "Terminated", "the engine does not list it"));
  const chosen = model.get("session_id");
  const fresh = has(chosen) || talked.includes(chosen) ? [] : [unlisted(chosen, "New")];
  return [...fresh, ...listed, ...gone];
}

/** The rail of sessions: one radio button each, so that arrow keys walk it. */
export function sessionRail(choose, create) {
  const group = `acl-session-${++groups}`;
  const list = h("div", { class: "acl-sessions", role: "radiogroup", "aria-label": "Session" });
  const node = h(
    "section",
    { class: "acl-rail" },
    h("h3", { class: "acl-label" }, "Sessions"),
    h("button", { type: "button", class: "acl-button acl-new", click: create }, "+ New session"),
    list,
  );
  const rows = new Map();

  function row(id) {
    const state = pill();
    const short = h("code", { class: "acl-id", title: id });
    const about = h("span", { class: "acl-about" });
    const input = h("input", { type: "radio", name: group, value: id, class: "acl-hidden", change: () => choose(id) });
    const label = h("label", { class: "acl-session" }, input, h("span", { class: "acl-row" }, short, about), state.node);
    return { label, input, show };

    function show(session, chosen, left, turns) {
      input.checked = chosen;
      say(short, session.short);
      state.show(session.state, left == null ? 1 : left / session.idle_seconds);
      const talk = turns === 1 ? "1 turn" : turns ? `${turns} turns` : "";
      say(about, [session.version && `v${session.version}`, talk].filter(Boolean).join(" · "));
    }
  }

  function show(sessions, chosen, left, turns) {
    for (const [id, old] of rows) {
      if (!sessions.some((session) => session.id === id)) {
        old.label.remove();
        rows.delete(id);
      }
    }
    sessions.forEach((session, index) => {
      if (!rows.has(session.id)) rows.set(session.id, row(session.id));
      const { label } = rows.get(session.id);
      if (list.children[index] !== label) list.insertBefore(label, list.children[index] ?? null);
      rows.get(session.id).show(session, session.id === chosen, left(session), turns(session.id));
    });
  }

  return { node, show };
}
