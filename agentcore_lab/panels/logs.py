"""The Logs and trace panel: what an agent writes as it writes it, and where the time of each invocation went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from agentcore_lab.panels.assets import module, stylesheet
from agentcore_lab.panels.calls import Action, Call, Source
from agentcore_lab.panels.feed import Wish
from agentcore_lab.panels.live import LivePanel
from agentcore_lab.panels.views import RuntimeName, short_id
from agentcore_lab.panels.world import Change

_LINES_SAVED = 60
_INVOCATIONS_SHOWN = 25
_CHOICES = 100


class LogsPanel(LivePanel):
    """The live tail of one session's log, and the latest invocations as a waterfall."""

    _esm = module("logs.js")
    _css = stylesheet("lab.css", "live.css", "logs.css")

    sessions: Any = traitlets.List().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
    lines: Any = traitlets.List().tag(sync=True)
    invocations: Any = traitlets.List().tag(sync=True)

    def __init__(self, source: Source, runtime_arn: str | None = None) -> None:
        """A panel of one runtime, or of all."""
        self._picked = ""
        super().__init__(source, runtime_arn)

    def wish(self) -> Wish:
        """The log of the chosen session, while a page shows the panel."""
        return Wish(logs=frozenset({self._picked})) if self._picked and self.viewed else Wish()

    def follow(self, sandbox_id: str) -> None:
        """Show the log of this incarnation of a session."""
        self._picked = sandbox_id
        self._source.feed.wish_changed()
        self.settle()

    def state(self) -> dict[str, Any]:
        """The sessions to choose from, the end of the log, the latest invocations."""
        sessions = self._all()
        if not any(each["sandboxId"] == self._picked for each in sessions):
            self._picked = sessions[0]["sandboxId"] if sessions else ""
        return {
            "sessions": [_choice(each) for each in sessions[:_CHOICES]],
            "chosen": self._picked,
            "lines": list(self.world.logs.get(self._picked, ()))[-_LINES_SAVED:],
            "invocations": self._mine(list(self.world.invocations))[-_INVOCATIONS_SHOWN:],
        }

    def words(self, change: Change) -> dict[str, Any]:
        """New lines of the chosen log, new invocations, the choice when it changes."""
        found: dict[str, Any] = {}
        if change.sessions & {each["sandboxId"] for each in self._all()}:
            state = self.state()
            found["sessions"], found["chosen"] = state["sessions"], state["chosen"]
            self._source.feed.wish_changed()
        if logs := [told for told in change.logs if told["sandboxId"] == self._picked]:
            found["log"] = [{"afresh": bool(told.get("afresh")), "lines": told["lines"]} for told in logs]
        if invocations := self._mine(change.invocations):
            found["invocations"] = invocations
        return found

    def matters(self, change: Change) -> bool:
        """Logs too: they are what is read later."""
        return bool(change.sessions or change.invocations or change.logs)

    def act(self, message: Mapping[str, Any]) -> Action | None:
        """Follow another session; the call behind an invocation is for copying alone."""
        match message:
            case {"type": "follow", "id": str(sandbox)}:
                self.follow(sandbox)
            case {"type": "invocation", "id": str(wanted)}:
                found = next((each for each in self.world.invocations if each["id"] == wanted), None)
                return _call(found) if found and found["operation"] == "InvokeAgentRuntime" else None
        return None

    def _do(self, message: Mapping[str, Any]) -> None:
        if message.get("type") == "invocation":
            return  # it is shown, never sent again
        super()._do(message)

    def _all(self) -> list[dict[str, Any]]:
        return self.world.of_runtime(self._name.id if self._name else None)

    def _mine(self, invocations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if self._name is None:
            return invocations
        # A caller may have named the runtime by its ARN or by its id.
        return [each for each in invocations if (each["agentRuntimeArn"] or "").endswith(self._name.id)]

    def __str__(self) -> str:
        state = self.state()
        calls = [
            f"{each['at'][11:19]}  {short_id(each['sessionId'] or '')}  {each['status']}  {_lasted(each)}"
            for each in state["invocations"]
        ]
        return "\n".join([*state["lines"], *calls]) or "No log and no invocation yet"


def _choice(session: Mapping[str, Any]) -> dict[str, str]:
    runtime = RuntimeName.parse(session["agentRuntimeArn"]).name
    return {
        "id": session["sandboxId"],
        "text": f"{short_id(session['sessionId'])} · {runtime} · {session['state']}",
    }


def _lasted(invocation: Mapping[str, Any]) -> str:
    ended = invocation["lastByteMs"]
    return "open" if ended is None else f"{ended:.0f} ms"


def _call(invocation: Mapping[str, Any]) -> Call:
    arguments = {
        "agentRuntimeArn": invocation["agentRuntimeArn"],
        "runtimeSessionId": invocation["sessionId"],
        "qualifier": invocation["endpoint"],
        "payload": b'{"prompt": "Hello!"}',
    }
    return Call(
        "data",
        "invoke_agent_runtime",
        {name: value for name, value in arguments.items() if value is not None},
        comment="The payload was not kept: this one is an example.",
    )
