import { say } from "./lab.js";

const HELLO = 30_000;
const TICK = 1000;
const PATIENCE_FOR_KERNEL = 2500;

/** What joins a page with the kernel's panel: messages both ways, the engine's clock, and a notice of how it stands.

`listen` maps names of messages and `change:` events to functions; `tick` runs while the page shows the panel. */
export function kernelLink({ model, el, notice, listen, tick, every = TICK, alone = "see what happens now" }) {
  const opened = performance.now();
  let connected = false; // a saved page has no kernel: nothing may tick there
  let base = null; // what the engine's clock showed, and when that was

  const tell = (message, buffers) => model.send(message, undefined, buffers);

  function setClock(told) {
    if (told?.now) base = { engine: Date.parse(told.now), at: performance.now(), ahead: told.ahead };
  }

  /** The engine's time in milliseconds; it stands still on a saved page. */
  function now() {
    if (!base) return null;
    return base.engine + (connected ? performance.now() - base.at : 0);
  }

  function showNotice() {
    const told = model.get("notice");
    const saved = !connected && performance.now() - opened > PATIENCE_FOR_KERNEL;
    say(notice, saved ? `This is a saved view. Run its cell to ${alone}.` : (told?.text ?? ""));
    notice.dataset.tone = saved ? "" : (told?.tone ?? "");
  }

  function heard(message) {
    if (message.type === "clock") {
      connected = true;
      setClock(message);
      showNotice();
    }
    listen[message.type]?.(message);
  }

  const listeners = {
    "msg:custom": heard,
    "change:notice": showNotice,
    "change:clock": () => setClock(model.get("clock")),
  };
  for (const [name, listener] of Object.entries(listen)) {
    if (name.startsWith("change:")) listeners[name] = listener;
  }
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  const timer = setInterval(() => {
    if (!connected) showNotice();
    if (!document.hidden && el.checkVisibility()) tick();
  }, every);
  const hello = setInterval(() => !document.hidden && tell({ type: "hello" }), HELLO);

  setClock(model.get("clock"));
  showNotice();
  tell({ type: "hello" });

  return {
    tell,
    now,
    connected: () => connected,
    clock: () => base,
    close() {
      clearInterval(timer);
      clearInterval(hello);
      tell({ type: "bye" });
      for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    },
  };
}
