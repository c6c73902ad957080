import { h, say } from "./lab.js";

const PIECE = 1 << 20; // a server refuses messages of 10 MiB
const AHEAD = 4; // pieces on their way at once: the kernel is never given more than it has taken
const LIMIT = 100_000_000; // AWS: the largest payload
const BASE64 = 4 / 3;

const megabytes = (bytes) => (bytes < 100_000 ? `${Math.max(1, Math.round(bytes / 1000))} KB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** A file to send with what is sent next: chosen, dropped or pasted; it goes to the kernel piece by piece. */
export function filePicker({ tell, changed }) {
  let current = null; // the upload that is under way
  const input = h("input", { type: "file", class: "acl-hidden", tabindex: "-1", "aria-hidden": "true", change: picked });
  const add = h("button", { type: "button", class: "acl-button acl-quiet acl-small", click: () => input.click() }, "Attach a file");
  const name = h("span", { class: "acl-cut acl-file-name" });
  const size = h("span", { class: "acl-hint", role: "status" });
  const bar = h("progress", { class: "acl-progress", max: 1, "aria-label": "On its way to the kernel" });
  const json = h("option", { value: "" }, "in the JSON, as media");
  const how = h("select", { class: "acl-select acl-small", "aria-label": "How the file is sent", change: () => tell({ type: "whole", whole: how.value === "whole" }) }, json, h("option", { value: "whole" }, "as the payload itself"));
  const drop = h("button", { type: "button", class: "acl-button acl-quiet acl-small", "aria-label": "Remove the file", title: "Remove the file", click: remove }, "×");
  const chip = h("span", { class: "acl-row acl-chip" }, name, size, bar, how, drop);
  const wrong = h("span", { class: "acl-bad acl-cut", role: "alert" });
  const node = h("div", { class: "acl-row acl-file" }, input, add, chip, wrong);

  function picked() {
    if (input.files[0]) send(input.files[0]);
    input.value = "";
  }

  function send(file) {
    say(wrong, "");
    if (file.size > LIMIT) return refuse(`${file.name} has ${megabytes(file.size)}; a payload has 100 MB at most.`);
    current = { id: `${performance.now()}`, file, sent: 0, received: 0, wake: null };
    tell({ type: "upload", id: current.id, name: file.name, kind: file.type, size: file.size });
    show(null);
    pump(current);
  }

  async function pump(upload) {
    while (upload === current && upload.sent < upload.file.size) {
      if (upload.sent - upload.received >= AHEAD * PIECE) {
        await new Promise((wake) => (upload.wake = wake));
        continue;
      }
      const at = upload.sent;
      const piece = await upload.file.slice(at, at + PIECE).arrayBuffer();
      if (upload !== current) return;
      upload.sent += piece.byteLength;
      tell({ type: "piece", id: upload.id, at }, [piece]);
    }
  }

  /** What the kernel says of the upload: how much of it is there, or why it is not taken. */
  function heard({ id, received, refused }) {
    if (id !== current?.id) return;
    if (refused) return refuse(refused);
    current.received = received;
    current.wake?.();
    show(null);
  }

  function refuse(sentence) {
    current = null;
    show(null);
    say(wrong, `▲ ${sentence}`);
  }

  function remove() {
    current = null;
    tell({ type: "detach" });
    show(null);
    add.focus();
  }

  /** The file the kernel holds, unless another one is on its way. */
  function show(held) {
    const file = current?.file ?? held;
    add.hidden = Boolean(file);
    chip.hidden = !file;
    bar.hidden = !current;
    how.hidden = Boolean(current);
    if (file) {
      say(wrong, "");
      say(name, file.name);
      name.title = file.name;
      const all = megabytes(file.size);
      say(size, current ? `${(current.received / 1e6).toFixed(0)} of ${all}` : `${all} ${held.type}`);
    }
    if (current) bar.value = current.file.size ? current.received / current.file.size : 1;
    else if (held) {
      json.disabled = held.size * BASE64 > LIMIT;
      how.value = held.whole ? "whole" : "";
    }
    changed();
  }

  return {
    node,
    heard,
    held(file) {
      if (file) current = null;
      show(file);
    },
    busy: () => Boolean(current),
    /** Take files that are dropped on, or pasted into, a part of the panel. */
    takeFrom(area) {
      const take = (event, files) => {
        if (!files?.length) return;
        event.preventDefault();
        event.stopPropagation();
        send(files[0]);
      };
      area.addEventListener("dragover", (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
      area.addEventListener("drop", (event) => take(event, event.dataTransfer?.files));
      area.addEventListener("paste", (event) => take(event, event.clipboardData?.files));
    },
  };
}
