"""The Invoke panel: talk to an agent runtime from a notebook, session by session."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from threading import Event, Lock, RLock, Thread
from typing import Any
from uuid import uuid4

import anywidget
import traitlets
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.clock import Clock, SystemClock, stopwatch
from agentcore_lab.panels.answer import SHOWN_CHARACTERS, Answer
from agentcore_lab.panels.assets import module, stylesheet
from agentcore_lab.panels.failure import explain
from agentcore_lab.panels.invocation import Question, ask
from agentcore_lab.panels.snippets import snippet
from agentcore_lab.panels.views import RuntimeName, SessionView

_TURNS_KEPT = 50
_WATCH_SECONDS = 0.4
_STREAM_SECONDS = 0.1
# AWS: runtime-lifecycle-settings, idleRuntimeSessionTimeout.
_IDLE_SECONDS = 900


class InvokePanel(anywidget.AnyWidget):
    """A prompt, the runtime's sessions and the answer with the figures that matter.

    The browser talks to this object alone, by custom messages; this object talks to the engine through the
    boto3 clients it was given. Whatever the panel shows is in its traits, so a saved notebook shows it too.
    The browser never sets a trait: traits change under one lock, and may change on any thread.
    """

    _esm = module("invoke.js")
    _css = stylesheet("lab.css", "invoke.css")

    runtime = traitlets.Dict().tag(sync=True)
    endpoints: Any = traitlets.List().tag(sync=True)
    qualifier = traitlets.Unicode().tag(sync=True)
    idle_seconds = traitlets.Int(_IDLE_SECONDS).tag(sync=True)
    sessions: Any = traitlets.List().tag(sync=True)
    session_id = traitlets.Unicode().tag(sync=True)
    prompt = traitlets.Unicode().tag(sync=True)
    raw = traitlets.Bool(False).tag(sync=True)
    waiting: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    turns: Any = traitlets.List().tag(sync=True)
    notice = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

    def __init__(
        self,
        runtime_arn: str,
        *,
        data: Any,
        control: Any,
        sessions: Callable[[str], list[SessionView]],
        qualifier: str = "DEFAULT",
        prompt: str = "Hello! What machine are you running on?",
        clock: Clock | None = None,
    ) -> None:
        """Make a panel for one agent runtime.

        Args:
            runtime_arn: the runtime's ARN.
            data: boto3's ``bedrock-agentcore`` client.
            control: boto3's ``bedrock-agentcore-control`` client.
            sessions: gives the engine's list of this runtime's sessions.
            qualifier: the endpoint to invoke.
            prompt: what the prompt box holds at first.
            clock: the time idle sessions are counted down against where the engine does not say its own.
        """
        self._data, self._control, self._list_sessions = data, control, sessions
        self._clock = clock or SystemClock()
        self._name = RuntimeName.parse(runtime_arn)
        # One turn at a time; lists of sessions applied in the order they were asked for; traits changed by one.
        self._turn, self._listing, self._changing = Lock(), Lock(), RLock()
        self._last: Answer | None = None
        super().__init__(runtime=dict(self._name.shown()), qualifier=qualifier, prompt=prompt)
        self.on_msg(self._on_message)
        self._describe()
        self.refresh()
        alive = [seen["id"] for seen in self.sessions if seen["state"] != "Terminated"]
        self.session_id = alive[0] if alive else str(uuid4())

    def send(self, prompt: str | Mapping[str, Any] | None = None, *, session_id: str | None = None) -> Answer:
        """Invoke the agent and wait for its answer, as the Send button does; the panel shows it.

        Args:
            prompt: sent as ``{"prompt": …}``; a mapping is sent as it is; None sends what the box holds.
            session_id: the session to send to; None is the chosen one.

        Returns:
            The answer; where the invocation failed, ``answer.failure`` says why and nothing is raised.
        """
        if isinstance(prompt, Mapping):
            return self._converse(json.dumps(prompt, ensure_ascii=False), True, session_id)
        raw = self.raw if prompt is None else False
        return self._converse(self.prompt if prompt is None else prompt, raw, session_id)

    def new_session(self) -> str:
        """Choose a fresh session and return its id; its sandbox starts with the first message."""
        # AWS: InvokeAgentRuntime, runtimeSessionId has 33 characters or more; a UUID has 36.
        self.choose(str(uuid4()))
        return str(self.session_id)

    def choose(self, session_id: str) -> None:
        """Make ``session_id`` the session that Send sends to."""
        self._set(session_id=session_id, notice=None)

    def stop_session(self) -> None:
        """Stop the chosen session; what stopping it failed of, if it did, stands in ``notice``."""
        try:
            self._data.stop_runtime_session(
                agentRuntimeArn=self._name.arn, runtimeSessionId=self.session_id, qualifier=self.qualifier
            )
        except (ClientError, BotoCoreError) as error:
            self._notice_of(error)
        else:
            self._set(notice={"tone": "done", "text": "The session was stopped."})
        self.refresh()

    def refresh(self) -> None:
        """Ask the engine for the runtime's sessions again."""
        with self._listing:
            try:
                seen = self._list_sessions(self._name.arn)
            except Exception as error:
                # Whatever the engine fails with, the panel stays usable.
                self._set(
                    notice={"tone": "failed", "text": f"The list of sessions could not be read: {error}"}
                )
                return
            now = self._clock.now()
            self._set(sessions=[view.shown(now) for view in seen])

    def __repr__(self) -> str:
        last = self._last.gist() if self._last else None
        answered = f"last answer: {last}" if last else "no answer yet"
        return (
            f"InvokePanel(runtime {self._name.name!r}, endpoint {self.qualifier}, "
            f"sessions {len(self.sessions)}, {answered})"
        )

    def _set(self, **traits: Any) -> None:
        with self._changing, self.hold_sync():
            for name, value in traits.items():
                setattr(self, name, value)

    def _notice_of(self, error: ClientError | BotoCoreError) -> None:
        failure = explain(error)
        self._set(notice={"tone": "failed", "text": f"{failure.cause} {failure.mend} ({failure.code})"})

    def _describe(self) -> None:
        """Read the runtime's endpoints and idle time; an engine that cannot tell leaves what is known."""
        found = []
        try:
            runtime = self._control.get_agent_runtime(agentRuntimeId=self._name.id)
            lifecycle = runtime.get("lifecycleConfiguration", {})
            self._set(idle_seconds=lifecycle.get("idleRuntimeSessionTimeout", _IDLE_SECONDS))
            pages = self._control.get_paginator("list_agent_runtime_endpoints")
            found = [
                {"name": each["name"], "version": each.get("liveVersion"), "status": each["status"]}
                for page in pages.paginate(agentRuntimeId=self._name.id)
                for each in page["runtimeEndpoints"]
            ]
        except (ClientError, BotoCoreError) as error:
            self._notice_of(error)
        if self.qualifier not in [each["name"] for each in found]:
            found.insert(0, {"name": self.qualifier, "version": None, "status": None})
        self._set(endpoints=found)

    def _converse(self, prompt: str, raw: bool, session_id: str | None) -> Answer:
        with self._turn:
            chosen = session_id or self.session_id
            question = Question(self._name.arn, chosen, self.qualifier, prompt, raw)
            waiting = {"session_id": chosen, "prompt": prompt, "arrived": ""}
            self._set(session_id=chosen, prompt=prompt, raw=raw, notice=None, waiting=waiting)
            answered = Event()
            Thread(target=self._watch, args=(answered,), daemon=True).start()
            answer = None
            try:
                answer = ask(self._data, question, self._arriving())
            finally:
                answered.set()
                self._set(waiting=None, turns=[*self.turns, *self._kept(question, answer)][-_TURNS_KEPT:])
            self.refresh()
            return answer

    def _watch(self, answered: Event) -> None:
        """Follow the session's state while its answer is awaited: it says what the wait is for."""
        while not answered.wait(_WATCH_SECONDS):
            self.refresh()

    def _arriving(self) -> Callable[[str], None]:
        lines: list[str] = []
        shown = stopwatch()

        def line(text: str) -> None:
            nonlocal shown
            lines.append(text)
            if stopwatch() - shown >= _STREAM_SECONDS or len(lines) == 1:
                shown = stopwatch()
                self._set(waiting={**(self.waiting or {}), "arrived": "\n".join(lines)[-SHOWN_CHARACTERS:]})

        return line

    def _kept(self, question: Question, answer: Answer | None) -> list[dict[str, Any]]:
        """The turn to remember; none where waiting was interrupted."""
        if answer is None:
            return []
        self._last = answer
        earlier = [turn["number"] for turn in self.turns if turn["session_id"] == question.session_id]
        turn = {
            "number": 1 + max(earlier, default=0),
            "session_id": question.session_id,
            "prompt": question.prompt[:SHOWN_CHARACTERS],
            "raw": question.raw,
            "answer": answer.shown(),
        }
        return [turn]

    def _on_message(self, _widget: Any, message: Any, _buffers: Any) -> None:
        """Act on what a person did in the browser; whatever may wait runs on its own thread."""
        match message:
            case {"type": "send", "prompt": str(prompt), "raw": bool(raw)}:
                if self.waiting is None:
                    Thread(target=self._converse, args=(prompt, raw, None), daemon=True).start()
            case {"type": "stop"}:
                Thread(target=self.stop_session, daemon=True).start()
            case {"type": "refresh"}:
                Thread(target=self._refresh_for, daemon=True).start()
            case {"type": "choose", "session_id": str(session_id)}:
                self.choose(session_id)
            case {"type": "new"}:
                self.new_session()
            case {"type": "endpoint", "qualifier": str(qualifier)}:
                self._set(qualifier=qualifier)
            case {"type": "copy", "kind": "boto3" | "curl" as kind, "prompt": str(prompt), "raw": bool(raw)}:
                question = Question(self._name.arn, self.session_id, self.qualifier, prompt, raw)
                self._tell({"type": "code", "kind": kind, "code": snippet(kind, question, self._data.meta)})

    def _refresh_for(self) -> None:
        self.refresh()
        self._tell({"type": "refreshed"})

    def _tell(self, content: Mapping[str, Any]) -> None:
        # ipywidgets calls this `send`, which here is the learner's word.
        with self._changing:
            super().send(content)
