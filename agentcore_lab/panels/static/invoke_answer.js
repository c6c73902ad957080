import { coloured, duration, h, pill, say } from "./lab.js";

const FIGURES = [
  ["engine", "engine", "The rest of the first byte's time: boto3, the wire and the engine itself"],
  ["sandbox_start", "sandbox start", "How long the engine took to start a sandbox for this session; warm: it ran already"],
  ["agent", "agent", "From the engine's request to the agent until the agent's answer began"],
  ["first_byte", "first byte", "From the call in the notebook's kernel until the answer's first byte"],
  ["total", "total", "From the call in the notebook's kernel until the answer's last byte"],
];

/** The answer beside the figures that matter, in a space that is there before the answer is. */
export function answerArea() {
  const figures = FIGURES.map(([name, label, meaning]) => {
    const value = h("span", { class: "acl-value" }, "–");
    return { name, value, node: h("div", { class: "acl-figure", title: meaning }, h("span", { class: "acl-measure" }, label), value) };
  });
  const question = h("p", { class: "acl-question" });
  const body = h("div", { class: "acl-body", tabindex: "0", role: "region", "aria-label": "Answer" });
  const facts = h("p", { class: "acl-facts" });
  const split = h("div", { class: "acl-split" });
  const node = h(
    "section",
    { class: "acl-answer" },
    h("div", { class: "acl-figures" }, ...figures.map((figure) => figure.node)),
    split,
    question,
    body,
    facts,
  );

  function measure(answer) {
    for (const { name, value } of figures) {
      const warm = name === "sandbox_start" && answer?.[name] === 0;
      say(value, warm ? "warm" : duration(answer?.[name]));
      value.classList.toggle("acl-none", answer?.[name] == null);
    }
    split.replaceChildren(...parts(answer));
  }

  return {
    node,
    empty() {
      measure(null);
      say(question, "");
      body.replaceChildren(h("p", { class: "acl-empty" }, "The agent's answer will appear here. Write a prompt and press Send."));
      say(facts, "");
    },
    wait(sentence, hint, waiting) {
      measure(null);
      say(question, waiting?.prompt ?? "");
      if (!body.querySelector(".acl-waiting")) body.replaceChildren(waitingLines());
      say(body.querySelector(".acl-doing"), sentence);
      say(body.querySelector(".acl-hint"), hint);
      say(body.querySelector(".acl-text"), waiting?.arrived ?? "");
      say(facts, "");
    },
    turn(turn) {
      const { answer } = turn;
      measure(answer);
      say(question, turn.prompt);
      body.replaceChildren(...(answer.failure ? failed(answer) : []), ...text(answer));
      body.scrollTop = 0;
      say(facts, factsOf(answer, turn.caller));
    },
  };
}

/** Where the time went, as a bar; what its parts are stands above it in words. */
function parts(answer) {
  if (answer?.engine == null) return [];
  const told = { engine: answer.engine, start: answer.sandbox_start, agent: answer.agent, stream: answer.total - answer.first_byte };
  return Object.entries(told)
    .filter(([, milliseconds]) => milliseconds > 0)
    .map(([kind, milliseconds]) => {
      const part = h("i", { class: "acl-part", "data-kind": kind, "aria-hidden": "true" });
      part.style.flexGrow = milliseconds;
      return part;
    });
}

function waitingLines() {
  return h(
    "div",
    { class: "acl-waiting" },
    h("p", { class: "acl-doing" }),
    h("p", { class: "acl-hint" }),
    h("pre", { class: "acl-text" }),
  );
}

function text(answer) {
  if (answer.failure && !answer.body) return [];
  const shown = answer.kind === "json" ? coloured(answer.body) : answer.body || "The agent answered with an empty body.";
  const left = answer.left_out ? h("p", { class: "acl-hint" }, `${answer.left_out} more characters: see answer.text in a cell.`) : null;
  return [h("pre", { class: `acl-text acl-${answer.kind}` }, shown), ...(left ? [left] : [])];
}

function failed({ failure }) {
  const state = pill();
  state.show("Failed");
  const status = failure.status ? ` · HTTP ${failure.status}` : "";
  return [
    h("p", { class: "acl-cause" }, state.node, h("strong", {}, failure.cause)),
    h("p", { class: "acl-mend" }, failure.mend),
    h(
      "details",
      { class: "acl-details" },
      h("summary", {}, h("code", {}, failure.code), status, failure.log ? " · log" : ""),
      h("p", {}, failure.words),
      failure.log ? h("pre", { class: "acl-log", tabindex: "0", "aria-label": "The end of the agent's log" }, failure.log) : null,
    ),
  ];
}

function factsOf(answer, caller) {
  return [
    answer.architecture,
    answer.version && `version ${answer.version}`,
    answer.sandbox && `${answer.sandbox} sandbox`,
    answer.content_type,
    caller && `as ${caller}`,
  ]
    .filter(Boolean)
    .join("  ·  ");
}

/** The turns of the chosen session, newest last; choosing one shows it again. */
export function history(choose, notice) {
  const list = h("ol", { class: "acl-turns" });
  const title = h("h3", { class: "acl-label acl-grow" }, "This session so far");
  const node = h("section", { class: "acl-history" }, h("div", { class: "acl-row" }, title, notice), list);
  let listed = null;
  return {
    node,
    show(turns, chosen) {
      const key = turns.map((turn) => `${turn.session_id} ${turn.number}`).join();
      if (key !== listed) {
        listed = key;
        const rows = turns.map((turn, index) => turnRow(turn, () => choose(index)));
        list.replaceChildren(...(rows.length ? rows : [h("li", { class: "acl-empty" }, "Nothing has been said yet.")]));
        list.scrollTop = list.scrollHeight;
      }
      list.querySelectorAll("button").forEach((row, index) => row.setAttribute("aria-pressed", index === chosen));
    },
  };
}

function turnRow({ number, prompt, answer }, choose) {
  return h(
    "li",
    {},
    h(
      "button",
      { type: "button", class: "acl-turn", click: choose },
      h("span", { class: "acl-nth" }, String(number)),
      h("span", { class: "acl-cut" }, prompt),
      h("span", { class: "acl-cut" }, `${answer.failure ? "▲ " : ""}${answer.gist}`),
      h("span", { class: "acl-time" }, duration(answer.total)),
    ),
  );
}
