"""An MCP client in its smallest form, through boto3: what a panel needs to list a server's tools and to call one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentcore_lab.panels.calls import Call, Source

PROTOCOL_VERSION = "2025-06-18"
_PAGES = 20
_CLIENT = {"name": "agentcore-lab", "version": "1"}


class McpRefused(Exception):  # noqa: N818 - a state, named as one
    """The server answered with a JSON-RPC error; the message is the server's."""


class McpConversation:
    """One client's conversation with an MCP runtime: initialised once, then held together by its MCP session id."""

    def __init__(self, source: Source, runtime_arn: str, qualifier: str = "DEFAULT") -> None:
        self._source = source
        self._arn = runtime_arn
        self._qualifier = qualifier
        self._session: str | None = None
        self._number = 0

    def tools(self) -> list[dict[str, Any]]:
        """The server's tools. Raises McpRefused, and what boto3 raises."""
        self._begin()
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        for _ in range(_PAGES):
            page = self._ask("tools/list", cursor)
            found += page.get("tools", [])
            if not page.get("nextCursor"):
                break
            cursor = {"cursor": page["nextCursor"]}
        return found

    def call_tool(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The result of one tool. Raises McpRefused, and what boto3 raises."""
        self._begin()
        return self._ask("tools/call", {"name": name, "arguments": arguments})

    def request(self, method: str, params: Mapping[str, Any], number: int | None = 1) -> Call:
        """The boto3 call that carries one message; a notification has no number."""
        message = {"jsonrpc": "2.0", **({} if number is None else {"id": number}), "method": method}
        arguments: dict[str, Any] = {
            "agentRuntimeArn": self._arn,
            "qualifier": self._qualifier,
            "contentType": "application/json",
            "accept": "application/json, text/event-stream",
        }
        if self._session:
            arguments |= {"mcpSessionId": self._session, "mcpProtocolVersion": PROTOCOL_VERSION}
        arguments["payload"] = json.dumps({**message, "params": params}, ensure_ascii=False).encode()
        return Call("data", "invoke_agent_runtime", arguments, comment=_ADVICE)

    def _begin(self) -> None:
        if self._session:
            return
        hello = {"protocolVersion": PROTOCOL_VERSION, "capabilities": {}, "clientInfo": _CLIENT}
        self._ask("initialize", hello)
        self.request("notifications/initialized", {}, None).run(self._source)["response"].read()

    def _ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._number += 1
        answer = self.request(method, params, self._number).run(self._source)
        self._session = answer.get("mcpSessionId") or self._session
        message = answer_in(answer["response"].read(), self._number)
        if error := message.get("error"):
            raise McpRefused(str(error.get("message", error)))
        result: dict[str, Any] = message.get("result", {})
        return result


_ADVICE = "A server that keeps sessions wants `initialize` first, and then the mcpSessionId it answered with."


def answer_in(body: bytes, number: int) -> dict[str, Any]:
    """The message that answers ``number``: a JSON document, or one of the events of a stream.

    Raises:
        McpRefused: there is none.
    """
    text = body.decode(errors="replace")
    events = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    for each in events or [text]:
        try:
            message = json.loads(each)
        except ValueError:
            continue
        if isinstance(message, dict) and message.get("id") in {number, None} and "method" not in message:
            return message
    raise McpRefused(f"The server did not answer in JSON-RPC: {text[:200] or '(nothing)'}")
