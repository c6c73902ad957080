import { copy, h, say } from "./lab.js";

/** The sheet that shows copied code over the answer, so that nothing moves. */
export function codeSheet() {
  const title = h("h3", { class: "acl-label acl-grow", role: "status" });
  const text = h("pre", { class: "acl-text", tabindex: "0" });
  const close = h("button", { type: "button", class: "acl-button acl-quiet", click: hide }, "Close");
  const node = h(
    "div",
    { class: "acl-sheet", role: "dialog", "aria-label": "Code that does the same", hidden: true, keydown: escape },
    h("div", { class: "acl-row" }, title, close),
    text,
  );
  let opener = null;

  function hide() {
    node.hidden = true;
    opener?.focus();
  }

  function escape(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    hide();
  }

  return {
    node,
    async show(kind, code) {
      opener = document.activeElement;
      say(text, code);
      node.hidden = false;
      const copied = await copy(code);
      say(title, copied ? `✓ Copied as ${kind}` : `The browser did not let it be copied: select it below (${kind})`);
      close.focus();
    },
  };
}
