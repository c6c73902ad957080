import { say } from "./lab.js";

const HELLO = 30_000;
const TICK = 1000;
const PATIENCE_FOR_KERNEL = 2500;
const PATIENCE_FOR_A_WORD = 10_000;

// VS Code takes plain keys from what has the focus in an output, text boxes aside, and hears of them at the window: `m`
// would make the cell Markdown. Combinations, function keys and Escape are the host's.
function keepKeys(event) {
  const combined = event.ctrlKey || event.metaKey || event.altKey;
  if (!combined && !/^(Escape|F\d+)$/.test(event.key)) event.stopPropagation();
}

/** What joins a page with the kernel's panel: messages both ways, the engine's clock, and a notice of how it stands.

`listen` maps names of messages and `change:` events to functions; `tick` runs while the page shows the panel. */
export function kernelLink({ model, el, notice, listen, tick, every = TICK, alone = "see what happens now" }) {
  const opened = performance.now();
  let connected = false; // a saved page has no kernel: nothing may tick there
  let lost = false; // there was a kernel, and nothing is heard of it any more
  let asked = null; // when it was asked for a word that has not come
  let base = null; // what the engine's clock showed, and when that was

  function tell(message, buffers) {
    try {
      model.send(message, undefined, buffers);
    } catch {
      lose(); // the way to the kernel is closed: VS Code closes it where JupyterLab leaves it open
    }
  }

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
    const gone = "No word from the kernel: it is busy, or it was restarted. Then run this cell again.";
    const alien = lost ? gone : saved ? `This is a saved view. Run its cell to ${alone}.` : null;
    say(notice, alien ?? told?.text ?? "");
    notice.dataset.tone = alien == null ? (told?.tone ?? "") : lost ? "failed" : "";
  }

  function hello() {
    asked ??= performance.now();
    tell({ type: "hello" });
  }

  /** Time stands still until there is a word again. */
  function lose() {
    if (!connected) return;
    if (base) base = { ...base, engine: now(), at: performance.now() };
    connected = false;
    lost = true;
    showNotice();
  }

  function heard(message) {
    asked = null;
    if (message.type === "clock") setClock(message);
    if (message.type === "clock" || lost) {
      connected = true;
      lost = false;
      showNotice();
    }
    listen[message.type]?.(message);
  }

  const listeners = {
    "msg:custom": heard,
    // ipywidgets' word for a connection that has come or gone: after a restart of the kernel it has gone.
    comm_live_update: lose,
    "change:notice": showNotice,
    "change:clock": () => setClock(model.get("clock")),
  };
  for (const [name, listener] of Object.entries(listen)) {
    if (name.startsWith("change:")) listeners[name] = listener;
  }
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  el.addEventListener("keydown", keepKeys);
  const timer = setInterval(() => {
    if (!connected) showNotice();
    else if (asked && performance.now() - asked > PATIENCE_FOR_A_WORD) lose();
    if (!document.hidden && el.checkVisibility()) tick();
  }, every);
  // VS Code takes some panels off the page without ending them.
  const greeting = setInterval(() => !document.hidden && el.isConnected && hello(), HELLO);

  setClock(model.get("clock"));
  showNotice();
  hello();

  return {
    tell,
    now,
    connected: () => connected,
    clock: () => base,
    close() {
      clearInterval(timer);
      clearInterval(greeting);
      tell({ type: "bye" });
      el.removeEventListener("keydown", keepKeys);
      for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    },
  };
}
