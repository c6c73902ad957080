"""Completion of names, sessions, endpoints and options behind the magics."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from agentcore_lab.magics.deploy import runtime_named, runtimes
from agentcore_lab.magics.options import (
    PROTOCOLS,
    agent_parser,
    clock_parser,
    invoke_parser,
    logs_parser,
    sessions_parser,
)

if TYPE_CHECKING:
    from agentcore_lab.lab import Lab

_PARSERS = {
    "agent": agent_parser(),
    "invoke": invoke_parser(),
    "sessions": sessions_parser(),
    "logs": logs_parser(),
    "clock": clock_parser(),
}


_COMMAND = re.compile(r"(?:^|=)\s*%%?(agent|invoke|sessions|logs|clock)\s(.*)")
_IDENTIFIER = "agentcore_lab"


def add_completion(completer: Any, lab_at_hand: Callable[[], Lab | None]) -> None:
    """Let IPython's completer offer what may stand behind the magics, and there nothing else.

    A matcher of IPython's second kind: the hook ``complete_command`` cannot keep Python's keywords away.
    """

    @context_matcher(identifier=_IDENTIFIER)  # type: ignore[untyped-decorator]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        found = _COMMAND.match(context.text_until_cursor)
        offered = _offered(found[1], found[2], lab_at_hand) if found else []
        fitting = [SimpleCompletion(each) for each in offered if each.startswith(context.token)]
        return {"completions": fitting, "suppress": bool(fitting), "ordered": True}

    completer.custom_matchers.append(match)


def remove_completion(completer: Any) -> None:
    """Offer nothing any more."""
    completer.custom_matchers[:] = [
        each for each in completer.custom_matchers if getattr(each, "matcher_identifier", "") != _IDENTIFIER
    ]


def _offered(command: str, typed: str, lab_at_hand: Callable[[], Lab | None]) -> list[str]:
    """What may stand at the end of ``typed``. It starts no engine, and an engine that is gone offers nothing."""
    words = typed.split()
    before = words if not typed or typed.endswith(" ") else words[:-1]
    last = before[-1] if before else ""
    if command == "clock":
        return {"": ["advance", "--show"], "advance": ["15m", "1h", "8h"]}.get(last, [])
    if last == "--protocol":
        return list(PROTOCOLS)
    try:
        lab = lab_at_hand()
        return _of_engine(command, before, last, lab) if lab else _PARSERS[command].options()
    except Exception:
        # Whatever the engine fails with, typing goes on.
        return []


def _of_engine(command: str, before: list[str], last: str, lab: Lab) -> list[str]:
    if last == "--endpoint":
        return _endpoints(lab, before[0])
    if last == "--session":
        arn = runtime_named(lab.control, before[0])["agentRuntimeArn"]
        return ["new", *(view.session_id for view in lab.sessions(arn) if view.state != "Terminated")]
    if not before:
        names = sorted(runtimes(lab.control))
        return [*names, *(view.session_id for view in lab.sessions())] if command == "logs" else names
    return _PARSERS[command].options()


def _endpoints(lab: Lab, name: str) -> list[str]:
    runtime_id = runtime_named(lab.control, name)["agentRuntimeId"]
    pages = lab.control.get_paginator("list_agent_runtime_endpoints").paginate(agentRuntimeId=runtime_id)
    return [each["name"] for page in pages for each in page["runtimeEndpoints"]]
