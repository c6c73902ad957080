import { countdown, h, pill, say } from "./lab.js";
import { age, codeButton, livePanel } from "./live.js";
import { pingStrip, sparkline } from "./spark.js";

const PINGS_SHOWN = 10;
const PINGS_KEPT = 30;
const ENDED_SHOWN = 8;

/** What happens next, and when. */
function next(session, now) {
  const left = session.ends && now ? (Date.parse(session.ends) - now) / 1000 : null;
  if (session.state === "Terminated") return session.detail ?? session.reason ?? "it has ended";
  if (session.state === "Provisioning") return "its sandbox is starting";
  if (session.state === "Idle" && session.because === "idle") {
    return left == null || left <= 0 ? "ends unless invoked" : `ends in ${countdown(left)} unless invoked`;
  }
  const calls = session.in_flight ? `answers ${session.in_flight} ${session.in_flight === 1 ? "call" : "calls"}` : session.state === "Idle" ? "waits" : "works in the background";
  return left == null ? calls : `${calls}; ends in ${countdown(left)} at the latest`;
}

/** One row: nodes made once, changed only where the session has. */
function sessionRow(session, { stop, copy }) {
  const state = pill();
  const short = h("code", { class: "acl-id" });
  const about = h("span", { class: "acl-about acl-cut" });
  const old = h("td", { class: "acl-num" });
  const coming = h("span", { class: "acl-next acl-coming" });
  const warn = h("span", { class: "acl-warn acl-cut" });
  const cpu = sparkline("Processor");
  const memory = sparkline("Memory");
  const pings = pingStrip(PINGS_SHOWN);
  const end = h("button", { type: "button", class: "acl-button acl-quiet", click: () => stop(session) }, "Stop");
  const code = codeButton("stop this session", () => copy(session));
  const node = h(
    "tr",
    {},
    h("td", {}, state.node),
    h("td", { class: "acl-who" }, short, about),
    old,
    h("td", { class: "acl-outlook" }, coming, warn),
    h("td", {}, cpu.node, memory.node),
    h("td", {}, pings.node),
    h("td", { class: "acl-do" }, end, code),
  );

  function show() {
    say(short, session.short);
    short.title = session.session_id;
    say(about, `${session.runtime} · v${session.version} · ${session.endpoint}`);
    about.title = session.where;
    const alive = session.state !== "Terminated";
    node.classList.toggle("acl-over", !alive);
    end.hidden = code.hidden = !alive;
    end.disabled = session.state === "Provisioning";
    end.setAttribute("aria-label", `Stop session ${session.short}`);
    say(warn, session.warnings.length ? `⚠ ${session.warnings.at(-1)}` : "");
    warn.title = session.warnings.join("\n");
    cpu.node.hidden = memory.node.hidden = pings.node.hidden = !alive;
    showPings();
    showUse();
  }

  function showPings() {
    pings.show(session.pings);
  }

  function showUse() {
    const { cpu: load = [], memory: held = [] } = session.use ?? {};
    const percent = load.filter((number) => number != null).at(-1);
    cpu.show(load, percent == null ? "" : `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} % CPU`, 100);
    memory.show(held, held.length ? `${Math.round(held.at(-1))} MiB` : "", 64);
  }

  function tick(now) {
    const alive = session.state !== "Terminated";
    const left = alive && session.because === "idle" && now ? (Date.parse(session.ends) - now) / 1000 : null;
    state.show(session.state, left == null ? 1 : left / session.idle_seconds);
    const until = alive ? now : Date.parse(session.ended);
    say(old, until ? age(until - Date.parse(session.created)) : "–");
    say(coming, next(session, now));
  }

  return {
    node,
    show,
    showPings,
    showUse,
    tick,
    get session() {
      return session;
    },
    become(other) {
      session = other;
    },
  };
}

/** The Sessions panel. It reads the model and sends it messages; it never sets a trait. */
function render({ model, el }) {
  const rows = new Map();
  let all = false;
  const table = h("tbody");
  const more = h("button", { type: "button", class: "acl-button acl-quiet", click: showMore });
  const empty = h("p", { class: "acl-empty" }, "No sessions yet: the first invocation of a runtime starts one.");
  const live = h("p", { class: "acl-hidden", role: "status", "aria-live": "polite" });
  const heads = ["State", "Session", "Age", "What happens next", "Use", "Health", "Actions"];
  const body = h(
    "div",
    { class: "acl-table-box", tabindex: "0", role: "region", "aria-label": "Sessions" },
    h("table", { class: "acl-table" }, h("thead", {}, h("tr", {}, ...heads.map((name) => h("th", { scope: "col" }, name)))), table),
    empty,
    h("div", { class: "acl-row acl-foot" }, more),
    live,
  );
  const panel = livePanel({
    model,
    el,
    title: "Sessions of",
    label: "Sessions",
    body,
    tick,
    listen: { changes, "change:sessions": load, clock: tick },
  });
  const acts = {
    stop: (session) => panel.tell({ type: "stop", id: session.id }),
    copy: (session) => panel.copy({ type: "stop", id: session.id }),
  };

  function load() {
    const told = model.get("sessions");
    const ids = new Set(told.map((session) => session.id));
    for (const [id, row] of rows) {
      if (!ids.has(id)) {
        row.node.remove();
        rows.delete(id);
      }
    }
    for (const session of told) take(session);
    arrange();
    tick();
  }

  function take(session) {
    const row = rows.get(session.id);
    if (row) row.become(session);
    else rows.set(session.id, sessionRow(session, acts));
    rows.get(session.id).show();
    return !row;
  }

  function changes({ sessions = [], pings = {}, use = {} }) {
    let moved = false;
    const now = panel.now();
    for (const session of sessions) {
      const before = rows.get(session.id)?.session.state;
      moved = take(session) || before !== session.state || moved;
      if (before && before !== session.state) say(live, `Session ${session.short} is ${session.state}.`);
      rows.get(session.id).tick(now);
    }
    for (const [id, ping] of Object.entries(pings)) {
      const row = rows.get(id);
      if (!row || row.session.pings.at(-1)?.[0] === ping[0]) continue;
      row.session.pings = [...row.session.pings, ping].slice(-PINGS_KEPT);
      row.showPings();
    }
    for (const [id, used] of Object.entries(use)) {
      const row = rows.get(id);
      if (!row) continue;
      row.session.use = used;
      row.showUse();
    }
    if (moved) arrange();
    // What measures how soon a change is seen listens to this.
    el.dispatchEvent(new CustomEvent("acl-changed", { bubbles: true, detail: sessions }));
  }

  function order(one, other) {
    const [a, b] = [one.session, other.session];
    if (!a.ended !== !b.ended) return a.ended ? 1 : -1;
    return a.ended ? (a.ended < b.ended ? 1 : -1) : a.created < b.created ? -1 : 1;
  }

  function arrange() {
    const sorted = [...rows.values()].sort(order);
    const ended = sorted.filter((row) => row.session.ended);
    const living = sorted.length - ended.length;
    const shown = sorted.slice(0, living + (all ? ended.length : ENDED_SHOWN));
    shown.forEach(({ node }, index) => {
      if (table.children[index] !== node) table.insertBefore(node, table.children[index] ?? null);
    });
    while (table.children.length > shown.length) table.lastChild.remove();
    const hidden = sorted.length - shown.length;
    more.hidden = !hidden && !(all && ended.length > ENDED_SHOWN);
    say(more, all ? "Show fewer that ended" : `Show ${hidden} more that ended`);
    empty.hidden = sorted.length > 0;
    const active = sorted.filter((row) => row.session.state === "Active").length;
    panel.about(sorted.length ? `${living} living, ${active} of them Active · ${ended.length} ended` : "");
  }

  function showMore() {
    all = !all;
    arrange();
    tick();
  }

  function tick() {
    const now = panel.now();
    for (const row of rows.values()) if (row.node.isConnected) row.tick(now);
  }

  load();
  return () => panel.close();
}

export default { render };
