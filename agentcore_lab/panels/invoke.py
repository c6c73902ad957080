"""The Invoke panel: talk to an agent runtime from a notebook, session by session."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Literal
from uuid import uuid4

import traitlets
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.clock import stopwatch
from agentcore_lab.panels.answer import SHOWN_CHARACTERS, Answer
from agentcore_lab.panels.assets import module, stylesheet
from agentcore_lab.panels.calls import Action, Call, Source
from agentcore_lab.panels.invocation import ask
from agentcore_lab.panels.invoke_words import asked, busy, rows
from agentcore_lab.panels.live import LivePanel
from agentcore_lab.panels.question import Attachment, Caller, Question
from agentcore_lab.panels.snippets import snippet
from agentcore_lab.panels.uploads import Uploads, sized
from agentcore_lab.panels.views import RuntimeName
from agentcore_lab.panels.world import Change

_TURNS_KEPT = 50
_STREAM_SECONDS = 0.1
_AT_REST_SECONDS = 1.0
_LOOK_SECONDS = 0.02

As = Literal["signature", "user", "token"]


class InvokePanel(LivePanel):
    """A prompt or a file, the runtime's sessions and endpoints as they are, the answer with where its time went.

    What the panel shows is in its traits, so a saved notebook shows it too; files and tokens never are.
    """

    _esm = module("invoke.js")
    _css = stylesheet("lab.css", "invoke.css")

    endpoints: Any = traitlets.List().tag(sync=True)
    qualifier = traitlets.Unicode().tag(sync=True)
    sessions: Any = traitlets.List().tag(sync=True)
    session_id = traitlets.Unicode().tag(sync=True)
    prompt = traitlets.Unicode().tag(sync=True)
    raw = traitlets.Bool(False).tag(sync=True)
    file: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    caller: Any = traitlets.Dict().tag(sync=True)
    waiting: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    turns: Any = traitlets.List().tag(sync=True)

    def __init__(
        self,
        source: Source,
        runtime_arn: str,
        *,
        qualifier: str = "DEFAULT",
        prompt: str = "Hello! What machine are you running on?",
        user_id: str = "",
        token: str = "",
    ) -> None:
        """A panel of one agent runtime.

        Args:
            source: the engine's feed, and boto3's clients.
            runtime_arn: the runtime's ARN.
            qualifier: the endpoint to invoke.
            prompt: what the prompt box holds at first.
            user_id: the user on whose behalf to invoke.
            token: the bearer token to send instead of a signature, for a runtime with a JWT authorizer.
        """
        self._turn = Lock()
        self._token = token
        self._attached: Attachment | None = None
        self._last: Answer | None = None
        self._uploads = Uploads(self._tell, self._hold)
        super().__init__(source, runtime_arn)
        as_: As = "token" if token or self._takes_tokens() else "user" if user_id else "signature"
        alive = [seen["id"] for seen in self.sessions if seen["state"] != "Terminated"]
        self._set(
            qualifier=qualifier,
            prompt=prompt,
            caller={"as": as_, "user": user_id, "has_token": bool(token)},
            session_id=alive[-1] if alive else str(uuid4()),
        )
        self.settle()

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

    def attach(self, path: Path | str, *, whole: bool = False) -> None:
        """Send this file with what is sent next: beside the prompt in base64, or, ``whole``, as the payload itself.

        Raises:
            UploadRefused: it is larger than a payload may be.
        """
        source = Path(path).expanduser()
        sized(source.name, source.stat().st_size)
        self._hold(Attachment.of(source.name, source.read_bytes(), whole=whole))

    def detach(self) -> None:
        """Send no file with what is sent next."""
        self._uploads.drop()
        self._hold(None)

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
        self._do({"type": "stop"})

    def state(self) -> dict[str, Any]:
        """Sessions and endpoints of the runtime."""
        runtime = self.world.runtimes.get(self._runtime.id, {})
        return {
            "sessions": rows(self.world, self._runtime.id),
            "endpoints": [
                {"name": each["name"], "version": each["liveVersion"], "status": each["status"]}
                for each in runtime.get("endpoints", ())
            ],
        }

    def words(self, change: Change) -> dict[str, Any]:
        """Sessions that changed; endpoints, when one has."""
        mine = {self.world.sessions[key]["sessionId"] for key in change.sessions & self.world.sessions.keys()}
        told = {
            "sessions": [row for row in rows(self.world, self._runtime.id) if row["id"] in mine],
            "endpoints": self.state()["endpoints"] if self._runtime.id in change.runtimes else [],
        }
        return {name: value for name, value in told.items() if value}

    def matters(self, change: Change) -> bool:
        """Invocations are seen by their answers."""
        return bool(change.sessions or change.runtimes)

    def act(self, message: Mapping[str, Any]) -> Action | None:
        """Stop the chosen session."""
        if message.get("type") != "stop":
            return None
        arguments = {
            "agentRuntimeArn": self._runtime.arn,
            "runtimeSessionId": self.session_id,
            "qualifier": self.qualifier,
        }
        return Call("data", "stop_runtime_session", arguments, done="The session was stopped.")

    def __repr__(self) -> str:
        last = self._last.gist() if self._last else None
        answered = f"last answer: {last}" if last else "no answer yet"
        return f"InvokePanel(runtime {self._runtime.name!r}, endpoint {self.qualifier}, {answered})"

    @property
    def _runtime(self) -> RuntimeName:
        assert self._name is not None, "this panel is of one runtime"
        return self._name

    def _takes_tokens(self) -> bool:
        try:
            runtime = self._source.clients["control"].get_agent_runtime(agentRuntimeId=self._runtime.id)
        except (ClientError, BotoCoreError):
            return False  # whatever is wrong is told where it matters: when something is sent
        return "customJWTAuthorizer" in runtime.get("authorizerConfiguration", {})

    def _hold(self, file: Attachment | None) -> None:
        self._attached = file
        told = file and {"name": file.name, "type": file.type, "size": len(file.data), "whole": file.whole}
        self._set(file=told)

    def _question(self, prompt: str, raw: bool, session_id: str | None = None) -> Question:
        as_, user = self.caller["as"], self.caller["user"]
        return Question(
            self._runtime.arn,
            session_id or self.session_id,
            self.qualifier,
            prompt,
            raw,
            self._attached,
            Caller(user if as_ == "user" else "", self._token if as_ == "token" else ""),
        )

    def _converse(self, prompt: str, raw: bool, session_id: str | None) -> Answer:
        with self._turn:
            question = self._question(prompt, raw, session_id)
            waiting = {"session_id": question.session_id, "prompt": asked(question), "arrived": ""}
            self._set(session_id=question.session_id, prompt=prompt, raw=raw, notice=None, waiting=waiting)
            answer = None
            try:
                answer = ask(self._source.clients["data"], question, self._arriving())
            finally:
                self._set(waiting=None, turns=[*self.turns, *self._kept(question, answer)][-_TURNS_KEPT:])
            if answer.ok:
                self._rest(question.session_id)
            return answer

    def _rest(self, session_id: str) -> None:
        """Wait until the engine has told that the session has answered: a cell that sends shows it so."""
        pause, until = Event(), stopwatch() + _AT_REST_SECONDS
        while stopwatch() < until:
            with self._source.feed.lock:
                mine = [each for each in self.world.sessions.values() if each["sessionId"] == session_id]
            if self._source.feed.connection.state != "open" or (mine and not any(map(busy, mine))):
                break
            pause.wait(_LOOK_SECONDS)
        self.settle()

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
            "prompt": asked(question),
            "raw": question.raw,
            "caller": question.caller.words(),
            "answer": answer.shown(),
        }
        return [turn]

    def _on_message(self, widget: Any, message: Any, buffers: Any) -> None:
        """Act on what a person did in the browser; whatever may wait runs on its own thread."""
        match message:
            case {"type": "send", "prompt": str(prompt), "raw": bool(raw)}:
                if self.waiting is None:
                    Thread(target=self._converse, args=(prompt, raw, None), daemon=True).start()
            case {"type": "choose", "session_id": str(session_id)}:
                self.choose(session_id)
            case {"type": "new"}:
                self.new_session()
            case {"type": "endpoint", "qualifier": str(qualifier)}:
                self._set(qualifier=qualifier)
            case {"type": "caller", "as": "signature" | "user" | "token" as as_, "user": str(user)}:
                self._token = str(message.get("token") or self._token)
                self._set(caller={"as": as_, "user": user, "has_token": bool(self._token)})
            case {"type": "code", "kind": "boto3" | "curl" as kind, "prompt": str(prompt), "raw": bool(raw)}:
                self._tell_code(kind, self._question(prompt, raw))
            case {"type": "upload" | "piece" | "whole" | "detach"}:
                self._on_file(message, buffers)
            case _:
                super()._on_message(widget, message, buffers)

    def _on_file(self, message: Mapping[str, Any], buffers: Any) -> None:
        match message:
            case {"type": "whole", "whole": bool(whole)}:
                if held := self._attached:
                    self._hold(replace(held, whole=whole))
            case {"type": "detach"}:
                self.detach()
            case _:
                self._uploads.heard(message, buffers)

    def _tell(self, content: Mapping[str, Any]) -> None:
        # ipywidgets calls this `send`, which here is the learner's word.
        with self._changing:
            super().send(content)

    def _tell_code(self, kind: Literal["boto3", "curl"], question: Question) -> None:
        try:
            code = snippet(kind, question, self._source.clients["data"].meta)
        except ValueError:
            self._set(notice={"tone": "failed", "text": "A file can only go beside a JSON object."})
        else:
            self._tell({"type": "code", "kind": kind, "code": code})
