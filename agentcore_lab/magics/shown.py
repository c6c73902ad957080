"""The boto3 calls a magic made, as the code that makes them again."""

from __future__ import annotations

import pprint
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from botocore import xform_name

from agentcore_lab.cleanup.calls import Call, listening
from agentcore_lab.looks.card import card, verbatim

_CLIENTS = {"bedrock-agentcore-control": "control", "bedrock-agentcore": "data"}


@dataclass(frozen=True, slots=True, repr=False)
class Calls:
    """What a magic did: calls that were really made, or, where AWS has none, the kit's own code."""

    made: list[Call] = field(default_factory=list)
    code: str = ""

    def __str__(self) -> str:
        return self.code or "\n".join(_lines(self.made))

    def __repr__(self) -> str:
        # Which calls, not with what: ids differ from run to run.
        names = dict.fromkeys(f"{_CLIENTS[call.service]}.{xform_name(call.operation)}" for call in self.made)
        return f"boto3: {', '.join(names)}" if names else f"Python: {self.code.partition('(')[0]}"

    def _repr_html_(self) -> str:
        summary = "boto3" if self.made else "Python"
        return _FOLDED.format(
            card=card(f"The {summary} code of it", "", verbatim(str(self))), summary=summary
        )


_FOLDED = (
    '<details class="acl" style="color:var(--vscode-descriptionForeground, var(--jp-ui-font-color2, inherit))">'
    '<summary style="cursor:pointer;font-size:12px">{summary}</summary>{card}</details>'
)


@contextmanager
def recorded() -> Iterator[Calls]:
    """The calls this thread makes inside the block; a panel's own thread may make others meanwhile."""
    calls = Calls()
    here = threading.get_ident()

    def note(call: Call) -> None:
        if call.thread == here:
            calls.made.append(call)

    with listening(note):
        yield calls


def _lines(made: Sequence[Call]) -> Iterator[str]:
    yield "import boto3\n"
    for service, client in _CLIENTS.items():
        if any(call.service == service for call in made):
            yield f'{client} = boto3.client("{service}")'
    for _, same in groupby(made, key=lambda call: (call.operation, repr(call.parameters))):
        first, *again = same
        yield ""
        if again:
            yield "# until it has settled"
        yield from _call(first)


def _call(call: Call) -> Iterator[str]:
    name = f"{_CLIENTS[call.service]}.{xform_name(call.operation)}"
    answer = "answer = " if call.operation == "InvokeAgentRuntime" else ""
    parameters = [line for name, value in call.parameters.items() for line in _argument(name, value)]
    yield from [f"{answer}{name}(", *parameters, ")"] if parameters else [f"{answer}{name}()"]
    if answer:
        yield 'for line in answer["response"].iter_lines(chunk_size=1):\n    print(line.decode())'


def _argument(name: str, value: Any) -> list[str]:
    first, *rest = pprint.pformat(value, width=90, sort_dicts=False).splitlines()
    lines = [f"    {name}={first}", *(f"    {' ' * (len(name) + 1)}{line}" for line in rest)]
    return [*lines[:-1], f"{lines[-1]},"]
