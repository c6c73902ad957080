import { h } from "./lab.js";

/** As whom the agent is called: signed, for a user, or bearing a token; a token is typed here and kept by the kernel. */
export function callerChoice(tell) {
  const who = h(
    "select",
    { class: "acl-select", "aria-label": "Call", change: picked },
    h("option", { value: "signature" }, "with my credentials"),
    h("option", { value: "user" }, "for a user"),
    h("option", { value: "token" }, "with a bearer token"),
  );
  const user = h("input", { class: "acl-input", "aria-label": "User id", placeholder: "user id", maxlength: 1024, autocomplete: "off", change: told });
  const token = h("input", { class: "acl-input", type: "password", "aria-label": "Bearer token", placeholder: "token", autocomplete: "off", title: "Kept by the kernel; never saved in the notebook", change: told });
  const node = h("div", { class: "acl-row acl-caller" }, h("label", { class: "acl-row acl-label" }, "Call", who), user, token);

  function told() {
    tell({ type: "caller", as: who.value, user: user.value, token: token.value });
  }

  function picked() {
    told();
    fields();
    (who.value === "user" ? user : who.value === "token" ? token : who).focus();
  }

  function fields() {
    user.hidden = who.value !== "user";
    token.hidden = who.value !== "token";
  }

  return {
    node,
    show(caller) {
      who.value = caller.as;
      if (user !== document.activeElement) user.value = caller.user;
      token.placeholder = caller.has_token ? "a token is set" : "token";
      fields();
    },
  };
}
