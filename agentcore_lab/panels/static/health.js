import { countdown, h, pill, say } from "./lab.js";
import { codeButton, livePanel } from "./live.js";
import { pingStrip } from "./spark.js";

const PINGS = 30;
const JUMPS = [
  [60, "+1 min"],
  [300, "+5 min"],
  [900, "+15 min"],
  [3600, "+1 h"],
  [8 * 3600, "+8 h"],
];
const UPCOMING = 5;
const IDLE = "idle";

/** `15 min`, `8 h`: a time-out as people say it. */
function span(seconds) {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** One living session: its word, its checks, what follows from them. */
function healthRow(session) {
  const state = pill();
  const short = h("code", { class: "acl-id" });
  const about = h("span", { class: "acl-about acl-cut" });
  const strip = pingStrip(PINGS);
  const word = h("span", { class: "acl-word" });
  const means = h("span", { class: "acl-about" });
  const node = h("tr", {}, h("td", {}, state.node), h("td", {}, h("span", { class: "acl-stack" }, short, about)), h("td", {}, strip.node), h("td", { class: "acl-means" }, h("span", { class: "acl-stack" }, word, means)));

  function show() {
    const last = session.pings.at(-1);
    say(short, session.short);
    short.title = session.session_id;
    say(about, session.runtime);
    strip.show(session.pings);
    say(word, last ? `${last[3] ?? last[1]} · ${last[2]} ms` : "not asked yet");
    say(means, session.warnings ? `⚠ ${session.warnings}` : meaning(last?.[1]));
    means.classList.toggle("acl-warn", Boolean(session.warnings));
  }

  function meaning(status) {
    if (status === "HealthyBusy") return "works on in the background: its idle time does not run";
    if (status === "Unhealthy") return `${session.failures || "some"} in succession failed; it is ended if this goes on`;
    return status ? `asked every ${session.ping_seconds} s` : "";
  }

  function tick(now) {
    const idle = session.state === "Idle" && session.because === IDLE && now;
    state.show(session.state, idle ? (Date.parse(session.ends) - now) / 1000 / session.idle_seconds : 1);
  }

  return { node, show, tick, session, become: (other) => Object.assign(session, other) };
}

/** The Health and clock panel. It reads the model and sends it messages; it never sets a trait. */
function render({ model, el }) {
  const rows = new Map();
  const time = h("strong", { class: "acl-clock", role: "timer", "aria-label": "The engine's clock" }, "–");
  const ahead = h("span", { class: "acl-about" });
  const jump = (seconds) => ({ type: "advance", seconds });
  const buttons = JUMPS.map(([seconds, text]) => h("button", { type: "button", class: "acl-button", "aria-label": `Set the engine's clock ahead by ${span(seconds)}`, click: () => panel.tell(jump(seconds)) }, text));
  const upcoming = h("ol", { class: "acl-upcoming" });
  const calm = h("p", { class: "acl-empty" }, "Nothing is due: no session lives.");
  const table = h("tbody");
  const heads = ["State", "Session", "Health checks, the last minute", "What the agent says"];
  const body = h(
    "div",
    {},
    h("div", { class: "acl-row acl-time-row" }, h("span", { class: "acl-stack" }, time, ahead), h("span", { class: "acl-grow" }), ...buttons, codeButton("set the clock ahead", () => panel.copy(jump(900)))),
    h("section", { class: "acl-due" }, h("h3", { class: "acl-label" }, "What happens next"), upcoming, calm),
    h(
      "div",
      { class: "acl-table-box", tabindex: "0", role: "region", "aria-label": "Health checks" },
      h("table", { class: "acl-table" }, h("thead", {}, h("tr", {}, ...heads.map((name) => h("th", { scope: "col" }, name)))), table),
    ),
  );
  const panel = livePanel({ model, el, title: "Health and clock of", label: "Health and clock", body, tick, listen: { changes, "change:sessions": () => take(model.get("sessions")), clock: tick } });

  function take(sessions) {
    const ids = new Set(sessions.map(({ id }) => id));
    for (const [id, row] of rows) {
      if (!ids.has(id)) {
        row.node.remove();
        rows.delete(id);
      }
    }
    for (const session of sessions) {
      if (rows.has(session.id)) rows.get(session.id).become(session);
      else rows.set(session.id, healthRow({ ...session }));
      const row = rows.get(session.id);
      row.show();
      if (!row.node.isConnected) table.append(row.node);
    }
    due();
    tick();
  }

  function changes({ sessions, pings = {} }) {
    if (sessions) take(sessions);
    for (const [id, ping] of Object.entries(pings)) {
      const row = rows.get(id);
      if (!row || row.session.pings.at(-1)?.[0] === ping[0]) continue;
      row.session.pings = [...row.session.pings, ping].slice(-PINGS);
      row.show();
    }
  }

  /** What is due, the soonest first; made anew only when it changes. */
  function due() {
    const next = [...rows.values()]
      .map(({ session }) => session)
      .filter(({ ends }) => ends)
      .sort((one, other) => Date.parse(one.ends) - Date.parse(other.ends));
    upcoming.replaceChildren(
      ...next.slice(0, UPCOMING).map((session) => {
        const why = session.because === IDLE ? `after ${span(session.idle_seconds)} idle, unless invoked` : `at the end of its maximum lifetime of ${span(session.lifetime_seconds)}`;
        const left = () => Math.max(1, Math.ceil((Date.parse(session.ends) - panel.now()) / 1000));
        return h(
          "li",
          { class: "acl-row" },
          h("span", { class: "acl-in", "data-ends": session.ends }),
          h("span", { class: "acl-grow acl-cut" }, `session ${session.short} ends ${why}`),
          h("button", { type: "button", class: "acl-button acl-small", click: () => panel.tell(jump(left())) }, "Jump there"),
        );
      }),
    );
    if (next.length > UPCOMING) upcoming.append(h("li", { class: "acl-about" }, `and ${next.length - UPCOMING} more later`));
    calm.hidden = next.length > 0;
    const busy = next.filter(({ health }) => health === "HealthyBusy").length;
    const bad = next.filter(({ health }) => health === "Unhealthy").length;
    panel.about(next.length ? `${next.length} living · ${busy} HealthyBusy · ${bad} Unhealthy` : "");
  }

  function tick() {
    const now = panel.now();
    if (!now) return;
    say(time, `${new Date(now).toISOString().slice(0, 19).replace("T", " ")} UTC`);
    const far = Math.round(panel.clock().ahead);
    say(ahead, far ? `${countdown(far)} ahead of the machine; agents keep real time` : "the machine's own time; agents keep that too");
    for (const node of upcoming.querySelectorAll(".acl-in")) {
      const left = (Date.parse(node.dataset.ends) - now) / 1000;
      say(node, left > 0 ? `in ${countdown(left)}` : "now");
    }
    for (const row of rows.values()) row.tick(now);
  }

  take(model.get("sessions"));
  return () => panel.close();
}

export default { render };
