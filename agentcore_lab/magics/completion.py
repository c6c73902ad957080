"""Completion of names, sessions, endpoints and options behind the magics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentcore_lab.magics.deploy import runtime_named, runtimes
from agentcore_lab.magics.options import (
    PROTOCOLS,
    Parser,
    agent_parser,
    clock_parser,
    invoke_parser,
    logs_parser,
    sessions_parser,
)

if TYPE_CHECKING:
    from agentcore_lab.lab import Lab
    from agentcore_lab.magics.commands import LabMagics

_PARSERS = {
    "agent": agent_parser(),
    "invoke": invoke_parser(),
    "sessions": sessions_parser(),
    "logs": logs_parser(),
    "clock": clock_parser(),
}


class Completer:
    """What may stand where the cursor is. It starts no engine, and an engine that is gone offers nothing."""

    def __init__(self, magics: LabMagics) -> None:
        self._magics = magics

    def __call__(self, _shell: Any, event: Any) -> list[str]:
        """IPython's hook ``complete_command``; ``event.line`` is the line, ``event.symbol`` what is being typed."""
        command = event.command.lstrip("%")
        words = event.text_until_cursor.split()
        before = words[1:] if event.text_until_cursor.endswith(" ") else words[1:-1]
        last = before[-1] if before else ""
        if command == "clock":
            return {"": ["advance", "--show"], "advance": ["15m", "1h", "8h"]}.get(last, [])
        lab = self._magics.lab_at_hand()
        try:
            return self._of_engine(command, before, last, lab) if lab else _options(_PARSERS[command])
        except Exception:
            # Whatever the engine fails with, typing goes on.
            return []

    def _of_engine(self, command: str, before: list[str], last: str, lab: Lab) -> list[str]:
        if last == "--protocol":
            return list(PROTOCOLS)
        if last == "--endpoint":
            return _endpoints(lab, before[0])
        if last == "--session":
            arn = runtime_named(lab.control, before[0])["agentRuntimeArn"]
            return ["new", *(view.session_id for view in lab.sessions(arn) if view.state != "Terminated")]
        if not before:
            names = sorted(runtimes(lab.control))
            return [*names, *(view.session_id for view in lab.sessions())] if command == "logs" else names
        return _options(_PARSERS[command])


def _endpoints(lab: Lab, name: str) -> list[str]:
    runtime_id = runtime_named(lab.control, name)["agentRuntimeId"]
    pages = lab.control.get_paginator("list_agent_runtime_endpoints").paginate(agentRuntimeId=runtime_id)
    return [each["name"] for page in pages for each in page["runtimeEndpoints"]]


def _options(parser: Parser) -> list[str]:
    return parser.options()
