"""The Protocol panel: an MCP server's tools with forms from their schemas, an A2A agent's card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from threading import Lock
from typing import Any

import traitlets
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.panels.answer import SHOWN_CHARACTERS
from agentcore_lab.panels.assets import module, stylesheet
from agentcore_lab.panels.calls import Action, Call, Source
from agentcore_lab.panels.failure import explain
from agentcore_lab.panels.live import LivePanel
from agentcore_lab.panels.mcp import McpConversation, McpRefused
from agentcore_lab.panels.world import Change


class ProtocolPanel(LivePanel):
    """What speaks MCP or A2A, explored by hand; nothing is asked of the agent before a person does."""

    _esm = module("protocol.js")
    _css = stylesheet("lab.css", "live.css", "protocol.css")

    protocol = traitlets.Unicode().tag(sync=True)
    busy = traitlets.Unicode().tag(sync=True)
    tools: Any = traitlets.List(allow_none=True, default_value=None).tag(sync=True)
    result: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    card: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

    def __init__(self, source: Source, runtime_arn: str, *, qualifier: str = "DEFAULT") -> None:
        """A panel of one runtime's endpoint."""
        self._qualifier = qualifier
        self._conversation = McpConversation(source, runtime_arn, qualifier)
        self._turn = Lock()
        super().__init__(source, runtime_arn)

    def state(self) -> dict[str, Any]:
        """The protocol that the newest version speaks."""
        assert self._name is not None
        runtime = self.world.runtimes.get(self._name.id)
        return {"protocol": runtime["versions"][0]["protocol"] if runtime and runtime["versions"] else ""}

    def matters(self, change: Change) -> bool:
        """A new version may speak another protocol."""
        return bool(change.runtimes)

    def act(self, message: Mapping[str, Any]) -> Action | None:
        """The boto3 call behind each button."""
        assert self._name is not None
        match message:
            case {"type": "tools"}:
                return self._conversation.request("tools/list", {})
            case {"type": "call", "tool": str(tool), "arguments": dict(arguments)}:
                return self._conversation.request("tools/call", {"name": tool, "arguments": arguments})
            case {"type": "card"}:
                named = {"agentRuntimeArn": self._name.arn, "qualifier": self._qualifier}
                return Call("data", "get_agent_card", named)
        return None

    def list_tools(self) -> list[dict[str, Any]]:
        """Ask the server for its tools, as the button does; [] where it refused, and ``notice`` says why."""
        self._ask("tools", lambda: {"tools": self._conversation.tools(), "result": None})
        return list(self.tools or [])

    def call_tool(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """Call a tool, as its form does; None where that failed, and ``notice`` says why."""
        found: dict[str, Any] = {}

        def call() -> dict[str, Any]:
            found.update(self._conversation.call_tool(name, arguments))
            return {"result": _shown(name, found)}

        self._ask(name, call)
        return found or None

    def read_card(self) -> dict[str, Any] | None:
        """Ask an A2A agent for its card, as the button does; None where that failed."""

        def read() -> dict[str, Any]:
            action = self.act({"type": "card"})
            assert action is not None
            return {"card": action.run(self._source)["agentCard"]}

        self._ask("card", read)
        return dict(self.card) if self.card else None

    def _do(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"type": "tools"}:
                self.list_tools()
            case {"type": "call", "tool": str(tool), "arguments": dict(arguments)}:
                self.call_tool(tool, arguments)
            case {"type": "card"}:
                self.read_card()

    def _ask(self, what: str, ask: Any) -> None:
        """One question at a time; what it failed of is told in a sentence."""
        with self._turn:
            self._set(busy=what, notice=None)
            told: dict[str, Any] = {}
            try:
                told = ask()
            except McpRefused as error:
                told = {"notice": {"tone": "failed", "text": f"The server refused: {error}"}}
            except (ClientError, BotoCoreError) as error:
                failure = explain(error)
                words = f"{failure.cause} {failure.mend} ({failure.code})"
                told = {"notice": {"tone": "failed", "text": words}}
            finally:
                self._set(busy="", **told)

    def __str__(self) -> str:
        if self.card:
            return json.dumps(self.card, indent=2, ensure_ascii=False)
        return "\n".join(
            f"{tool['name']}: {tool.get('description', '')}" for tool in self.tools or []
        ) or repr(self)


def _shown(name: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's result as the browser receives it: its own words first, all of it below."""
    texts = [each["text"] for each in result.get("content", []) if each.get("type") == "text"]
    whole = json.dumps(result, indent=2, ensure_ascii=False)
    return {
        "tool": name,
        "failed": bool(result.get("isError")),
        "text": "\n".join(texts)[:SHOWN_CHARACTERS],
        "whole": whole[:SHOWN_CHARACTERS],
    }
