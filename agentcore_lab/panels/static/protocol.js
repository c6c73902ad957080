import { coloured, h, pause, say } from "./lab.js";
import { codeButton, livePanel } from "./live.js";
import { schemaForm } from "./schema_form.js";

const MEANING = {
  MCP: "An MCP server: its tools are listed and called here.",
  A2A: "An A2A agent: it describes itself with a card.",
  HTTP: "A plain HTTP agent has no tools and no card: talk to it in the Invoke panel.",
  AGUI: "An AG-UI agent streams events: talk to it in the Invoke panel.",
};

/** The Protocol panel. It reads the model and sends it messages; it never sets a trait. */
function render({ model, el }) {
  let form = null;
  let chosen = null;
  const about = h("p", { class: "acl-hint" });
  const list = h("button", { type: "button", class: "acl-button", click: () => ask({ type: "tools" }) }, "List tools");
  const card = h("button", { type: "button", class: "acl-button", click: () => ask({ type: "card" }) }, "Read the agent card");
  const code = codeButton("this request", () => panel.copy({ type: model.get("protocol") === "A2A" ? "card" : "tools" }));
  const tools = h("div", { class: "acl-tool-list", role: "listbox", "aria-label": "Tools", tabindex: "0", keydown: walk });
  const sheet = h("div", { class: "acl-tool" });
  const answer = h("div", { class: "acl-result", tabindex: "0", role: "region", "aria-label": "Result" });
  const live = h("p", { class: "acl-hidden", role: "status", "aria-live": "polite" });
  const explorer = h("div", { class: "acl-explorer" }, tools, h("div", { class: "acl-tool-side" }, sheet, answer));
  const viewer = h("div", { class: "acl-card", tabindex: "0", role: "region", "aria-label": "Agent card" });
  const body = h("div", {}, h("div", { class: "acl-row acl-ask-row" }, list, card, code, about), explorer, viewer, live);
  const panel = livePanel({
    model,
    el,
    title: "Protocol of",
    label: "Protocol",
    body,
    tick: () => {},
    listen: { "change:protocol": show, "change:tools": showTools, "change:result": showResult, "change:card": showCard, "change:busy": show },
  });

  function ask(message) {
    if (!model.get("busy")) panel.tell(message);
  }

  function show() {
    const protocol = model.get("protocol");
    const busy = model.get("busy");
    list.hidden = protocol !== "MCP";
    card.hidden = protocol !== "A2A";
    code.hidden = list.hidden && card.hidden;
    for (const button of [list, card, ...sheet.querySelectorAll(".acl-primary")]) pause(button, Boolean(busy));
    const what = { tools: "Asking the server for its tools …", card: "Asking the agent for its card …" }[busy] ?? (busy && `${busy} is working …`);
    say(about, busy ? `${what} The first call of a session waits for its sandbox.` : (MEANING[protocol] ?? ""));
    explorer.hidden = !model.get("tools");
    viewer.hidden = !model.get("card");
    panel.about(protocol);
  }

  function showTools() {
    const found = model.get("tools") ?? [];
    if (!found.some(({ name }) => name === chosen)) chosen = model.get("result")?.tool ?? found[0]?.name ?? null;
    tools.replaceChildren(
      ...found.map(({ name, title, description }) =>
        h("div", { class: "acl-tool-name", role: "option", "data-name": name, "aria-selected": String(name === chosen), click: () => choose(name) }, h("code", {}, title ?? name), h("span", { class: "acl-about acl-cut" }, (description ?? "").split("\n")[0])),
      ),
      ...(found.length ? [] : [h("p", { class: "acl-empty" }, "The server has no tools.")]),
    );
    showTool();
    show();
    if (model.get("tools")) say(live, `${found.length} tools.`);
  }

  function choose(name) {
    chosen = name;
    for (const node of tools.children) node.setAttribute("aria-selected", String(node.dataset.name === name));
    showTool();
  }

  function walk(event) {
    const names = (model.get("tools") ?? []).map(({ name }) => name);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !names.length) return;
    event.preventDefault();
    choose(names[Math.min(names.length - 1, Math.max(0, names.indexOf(chosen) + step))]);
  }

  function showTool() {
    const tool = (model.get("tools") ?? []).find(({ name }) => name === chosen);
    if (!tool) {
      sheet.replaceChildren();
      return;
    }
    form = schemaForm(tool.inputSchema);
    const wrong = h("span", { class: "acl-warn", role: "alert" });
    const filled = (act) => () => {
      const { values, problem } = form.values();
      say(wrong, problem ?? "");
      if (!problem) act({ type: "call", tool: tool.name, arguments: values });
    };
    sheet.replaceChildren(
      h("div", {}, h("strong", {}, tool.name), h("p", { class: "acl-about acl-description" }, tool.description ?? "")),
      form.node,
      h("div", { class: "acl-row" }, h("button", { type: "button", class: "acl-button acl-primary", click: filled(ask) }, `Call ${tool.name}`), codeButton(`call ${tool.name}`, filled((call) => panel.copy(call))), wrong),
    );
    showResult();
  }

  function showResult() {
    const result = model.get("result");
    if (!result || result.tool !== chosen) {
      answer.replaceChildren(h("p", { class: "acl-empty" }, "The tool's answer will appear here."));
      return;
    }
    answer.replaceChildren(
      h("p", { class: result.failed ? "acl-bad" : "acl-about" }, result.failed ? `▲ ${result.tool} failed` : `${result.tool} answered`),
      h("pre", { class: "acl-result-text" }, result.text),
      h("details", { class: "acl-details" }, h("summary", {}, "The whole result"), h("pre", {}, coloured(result.whole))),
    );
    say(live, `${result.tool} ${result.failed ? "failed" : "answered"}: ${result.text.slice(0, 200)}`);
  }

  function showCard() {
    const told = model.get("card");
    show();
    if (!told) return;
    const able = Object.entries(told.capabilities ?? {}).filter(([, value]) => value === true).map(([name]) => name);
    const address = told.url ?? told.supportedInterfaces?.[0]?.url ?? "–";
    const facts = [
      ["Version", told.version],
      ["Address", address],
      ["Can", able.join(", ") || "answer messages"],
      ["Takes", (told.defaultInputModes ?? []).join(", ")],
      ["Gives", (told.defaultOutputModes ?? []).join(", ")],
    ];
    viewer.replaceChildren(
      h("h3", { class: "acl-name" }, told.name ?? "An agent"),
      h("p", {}, told.description ?? ""),
      h("dl", { class: "acl-facts-list" }, ...facts.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", { class: "acl-about" }, name), h("dd", {}, value)])),
      h("h3", { class: "acl-label" }, "Skills"),
      h("ul", { class: "acl-skills" }, ...(told.skills ?? []).map((skill) => h("li", {}, h("strong", {}, skill.name ?? skill.id), ` ${skill.description ?? ""} `, ...(skill.tags ?? []).map((tag) => h("span", { class: "acl-flag" }, tag))))),
      h("details", { class: "acl-details" }, h("summary", {}, "The whole card"), h("pre", {}, coloured(JSON.stringify(told, null, 2)))),
    );
    say(live, `The card of ${told.name ?? "an agent"}.`);
  }

  showTools();
  showCard();
  show();
  return () => panel.close();
}

export default { render };
