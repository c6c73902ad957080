import { h, pill, say } from "./lab.js";
import { age, codeButton, livePanel } from "./live.js";

const SHAPE = (status) => {
  if (status === "READY") return "Active";
  return status.endsWith("FAILED") ? "Failed" : "Provisioning";
};

/** What an endpoint does now, in words; empty when it is at rest. */
function movement(endpoint) {
  const { name, status, liveVersion: live, targetVersion: target } = endpoint;
  if (status === "READY") return "";
  if (status.endsWith("FAILED")) return `${name}: ${status}. ${endpoint.failureReason ?? ""}`;
  if (status === "DELETING") return `${name} is being deleted`;
  return live ? `${name} moves to version ${target}; version ${live} serves until that is ready` : `${name} waits until version ${target} is ready`;
}

/** What a version is made of, in a few words: its image's name, or its zip's and what runs it. */
function about({ protocol, image, language }) {
  const name = (image ?? "").split("?")[0].split("/").at(-1);
  return [protocol, language, name].filter(Boolean).join(" · ");
}

/** The Versions panel. It reads the model and sends it messages; it never sets a trait. */
function render({ model, el }) {
  const runtimes = new Map();
  let chosen = null;
  let endpoint = "";
  const which = h("select", { class: "acl-select", "aria-label": "Agent runtime", change: () => choose(which.value) });
  const flag = h("select", { class: "acl-select", change: () => pick(flag.value) });
  const state = pill();
  const next = h("p", { class: "acl-next acl-moving", role: "status" });
  const list = h("ol", { class: "acl-versions" });
  let touched = false; // until somebody chooses, the two newest versions are compared
  const touch = () => (touched = true);
  const one = h("select", { class: "acl-select", "aria-label": "Older version", change: touch });
  const two = h("select", { class: "acl-select", "aria-label": "Newer version", change: touch });
  const name = h("strong", { class: "acl-name acl-cut" });
  const compare = () => ({ type: "diff", runtime: chosen, one: one.value, two: two.value });
  const diff = h("button", { type: "button", class: "acl-button", click: () => panel.tell(compare()) }, "Show differences");
  const differences = h("div", { class: "acl-differences", tabindex: "0", role: "region", "aria-label": "Differences" });
  const fresh = h("input", { class: "acl-input", placeholder: "prod", "aria-label": "Name of a new endpoint", maxlength: 48, input: check });
  const make = () => ({ type: "create", runtime: chosen, endpoint: fresh.value, version: runtimes.get(chosen)?.latestVersion });
  const create = h("button", { type: "button", class: "acl-button", click: () => panel.tell(make()) }, "Create endpoint");
  const createCode = codeButton("create the endpoint", () => panel.copy(make()));
  const remove = h("button", { type: "button", class: "acl-button acl-quiet", click: () => panel.tell(gone()) }, "Delete");
  const gone = () => ({ type: "delete", runtime: chosen, endpoint });
  const history = h("ol", { class: "acl-history" });
  const empty = h("p", { class: "acl-empty" }, "No agent runtime yet: create one with create_agent_runtime, or lab.build and %%agent.");
  const tools = h(
    "div",
    { class: "acl-tools" },
    h("div", { class: "acl-row" }, h("label", { class: "acl-row acl-label" }, "Endpoint to move", flag), remove, h("span", { class: "acl-grow" }), fresh, create, createCode),
    next,
  );
  const below = h(
    "div",
    { class: "acl-below" },
    h(
      "section",
      {},
      h("div", { class: "acl-row" }, h("span", { class: "acl-label" }, "Compare"), one, h("span", { class: "acl-label" }, "with"), two, diff, codeButton("read a version", () => panel.copy(compare()))),
      differences,
    ),
    h("section", {}, h("h3", { class: "acl-label" }, "What has moved"), history),
  );
  const body = h("div", { class: "acl-version-body" }, empty, h("div", { class: "acl-row acl-which" }, which, name, state.node), tools, list, below);
  const panel = livePanel({
    model,
    el,
    title: "Versions and endpoints of",
    label: "Versions and endpoints",
    body,
    tick,
    listen: { changes, diff: showDifferences, "change:runtimes": load, "change:transitions": () => showHistory(model.get("transitions")), clock: tick },
  });

  function load() {
    runtimes.clear();
    for (const runtime of model.get("runtimes")) runtimes.set(runtime.id, runtime);
    showHistory(model.get("transitions"));
    showAll();
  }

  function changes({ runtimes: told = [], transitions }) {
    for (const runtime of told) {
      if (runtime.deleted) runtimes.delete(runtime.id);
      else runtimes.set(runtime.id, runtime);
    }
    showHistory(transitions);
    showAll();
  }

  function choose(id) {
    chosen = id;
    endpoint = "";
    touched = false;
    differences.replaceChildren();
    showAll();
  }

  function pick(name) {
    endpoint = name;
    showAll();
  }

  function options(select, values, value) {
    const key = values.map(String).join("|");
    if (select.dataset.key !== key) {
      select.dataset.key = key;
      select.replaceChildren(...values.map(([value, text]) => h("option", { value }, text)));
    }
    select.value = value;
  }

  function showAll() {
    if (!runtimes.has(chosen)) chosen = [...runtimes.keys()].at(-1) ?? null;
    const runtime = runtimes.get(chosen);
    empty.hidden = Boolean(runtime);
    tools.hidden = below.hidden = list.hidden = which.parentNode.hidden = !runtime;
    if (!runtime) return;
    options(which, [...runtimes.values()].map(({ id, name }) => [id, name]), chosen);
    which.hidden = runtimes.size < 2;
    name.hidden = !which.hidden || Boolean(model.get("runtime"));
    say(name, runtime.name);
    state.show(SHAPE(runtime.status), 1, runtime.status);
    const own = runtime.endpoints.filter(({ name }) => name !== "DEFAULT").map(({ name }) => name);
    if (!own.includes(endpoint)) endpoint = own[0] ?? "";
    options(flag, own.length ? own.map((name) => [name, name]) : [["", "none but DEFAULT"]], endpoint);
    flag.disabled = remove.disabled = !own.length;
    say(next, runtime.endpoints.map(movement).filter(Boolean).join(" · ") || "DEFAULT follows the latest version; every other endpoint stays until it is moved.");
    const numbers = runtime.versions.map(({ version }) => [version, `version ${version}`]);
    const [newest, before] = [numbers[0]?.[0], numbers[1]?.[0]];
    options(one, numbers, touched ? one.value : (before ?? newest));
    options(two, numbers, touched ? two.value : newest);
    diff.disabled = numbers.length < 2;
    list.replaceChildren(...runtime.versions.map((version) => versionRow(version, runtime)));
    panel.about(`${runtime.versions.length} ${runtime.versions.length === 1 ? "version" : "versions"} · ${runtime.endpoints.length} ${runtime.endpoints.length === 1 ? "endpoint" : "endpoints"}`);
    check();
    tick();
  }

  function versionRow(version, runtime) {
    const here = runtime.endpoints.filter(({ liveVersion }) => liveVersion === version.version);
    const coming = runtime.endpoints.filter(({ liveVersion, targetVersion }) => targetVersion === version.version && liveVersion !== version.version);
    const flags = [
      ...here.map(({ name }) => h("span", { class: "acl-flag", title: `Endpoint ${name} serves this version` }, `⚑ ${name}`)),
      ...coming.map(({ name }) => h("span", { class: "acl-flag acl-coming", title: `Endpoint ${name} is on its way here` }, `⚐ ${name} …`)),
    ];
    const moved = runtime.endpoints.find(({ name }) => name === endpoint);
    const back = moved && Number(version.version) < Number(moved.liveVersion);
    const move = () => ({ type: "move", runtime: chosen, endpoint, version: version.version });
    const serving = moved?.liveVersion === version.version;
    const go = h("button", { type: "button", class: "acl-button acl-small", disabled: moved?.status.endsWith("ING") && true, click: () => panel.tell(move()) }, back ? `Roll ${endpoint} back here` : `Move ${endpoint} here`);
    const status = pill();
    status.show(SHAPE(version.status), 1, version.status);
    return h(
      "li",
      { class: "acl-version", "data-state": SHAPE(version.status) },
      h("strong", {}, `Version ${version.version}`),
      status.node,
      h("span", { class: "acl-about acl-when", "data-at": version.createdAt, title: version.createdAt }),
      h("span", { class: "acl-flags" }, ...flags),
      h("span", { class: "acl-about acl-grow acl-cut", title: [version.failureReason, version.image, version.digest].filter(Boolean).join("\n") }, version.failureReason ?? version.description ?? about(version)),
      moved && !serving ? go : null,
      moved && !serving ? codeButton(`move ${endpoint}`, () => panel.copy(move())) : null,
    );
  }

  function showDifferences({ one, two, rows }) {
    const cell = (text) => h("td", {}, text == null ? h("span", { class: "acl-about" }, "not set") : h("code", {}, text));
    differences.replaceChildren(
      rows.length
        ? h(
            "table",
            { class: "acl-table" },
            h("thead", {}, h("tr", {}, ...["Field", `Version ${one}`, `Version ${two}`].map((text) => h("th", { scope: "col" }, text)))),
            h("tbody", {}, ...rows.map((row) => h("tr", {}, h("td", {}, row.field), cell(row.one), cell(row.two)))),
          )
        : h("p", { class: "acl-empty" }, `Versions ${one} and ${two} have the same configuration.`),
    );
  }

  function showHistory(transitions = []) {
    history.replaceChildren(
      ...(transitions.length
        ? transitions.toReversed().map(({ at, text }) => h("li", {}, h("span", { class: "acl-about" }, at?.slice(11, 19) ?? ""), text))
        : [h("li", { class: "acl-empty" }, "Nothing since this panel was opened.")]),
    );
  }

  function check() {
    create.disabled = !/^[a-zA-Z][a-zA-Z0-9_]{0,47}$/.test(fresh.value);
    say(create, create.disabled ? "Create endpoint" : `Create ${fresh.value} on version ${runtimes.get(chosen)?.latestVersion}`);
  }

  function tick() {
    const now = panel.now();
    if (!now) return;
    for (const node of list.querySelectorAll(".acl-when")) say(node, `made ${age(now - Date.parse(node.dataset.at))} ago`);
  }

  load();
  return () => panel.close();
}

export default { render };
