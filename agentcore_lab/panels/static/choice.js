import { h, pill, say } from "./lab.js";
import { kernelLink } from "./link.js";

/** The head of the dashboard: which runtime's panels stand below. */
function render({ model, el }) {
  const which = h("select", { class: "acl-select", "aria-label": "Agent runtime", change: () => link.tell({ type: "choose", arn: which.value }) });
  const state = pill();
  const engine = h("span", { class: "acl-hint acl-grow acl-cut" });
  const notice = h("p", { class: "acl-notice", role: "status" });
  let runtimes = model.get("runtimes");

  el.classList.add("acl");
  el.append(
    h(
      "header",
      { class: "acl-panel acl-live acl-choice", role: "group", "aria-label": "Dashboard" },
      h("div", { class: "acl-row" }, h("strong", { class: "acl-name" }, "agentcore-lab"), engine, h("label", { class: "acl-row acl-label" }, "Agent runtime", which), state.node),
      notice,
    ),
  );

  function show() {
    say(engine, model.get("engine"));
    const all = h("option", { value: "" }, runtimes.length ? "All runtimes" : "No runtime yet");
    which.replaceChildren(all, ...runtimes.map(({ arn, name, latestVersion }) => h("option", { value: arn }, `${name} · version ${latestVersion}`)));
    which.value = model.get("chosen");
    const chosen = runtimes.find(({ arn }) => arn === which.value);
    state.node.hidden = !chosen;
    if (chosen) state.show(SHOWN_AS[chosen.status] ?? "Active", 1, chosen.status);
  }

  const link = kernelLink({
    model,
    el,
    notice,
    tick: () => {},
    listen: {
      changes: (told) => {
        runtimes = told.runtimes ?? runtimes;
        show();
      },
      "change:runtimes": () => {
        runtimes = model.get("runtimes");
        show();
      },
      "change:chosen": show,
      "change:engine": show,
    },
  });
  show();
  return () => link.close();
}

// A runtime's status as the pill of a session's state that means the same.
const SHOWN_AS = { CREATING: "Provisioning", UPDATING: "Provisioning", DELETING: "Provisioning", CREATE_FAILED: "Failed", UPDATE_FAILED: "Failed" };

export default { render };
