"""What undoes a call: read off the service model, so that services yet to come need no line here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agentcore_lab.cleanup.calls import Call

_OPPOSITES = {"Create": "Delete", "Start": "Stop"}
_OPENED = "x-agentcore-lab-sandbox-start-ms"
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")

Key = tuple[str, str, tuple[tuple[str, Any], ...]]


@dataclass(frozen=True, slots=True)
class Undo:
    """A call that undoes another: ``DeleteAgentRuntime`` of what ``CreateAgentRuntime`` made.

    ``look`` is the operation that answers until it is gone; None where there is none, as for what is only stopped.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any]
    look: str | None
    label: str

    @property
    def key(self) -> Key:
        """What two calls that undo the same thing have in common."""
        return self.service, self.operation, tuple(sorted(self.parameters.items()))


def undoing(call: Call) -> Undo | None:
    """The call that undoes ``call``; None if it made nothing that can be taken away by itself."""
    if _OPENED in call.answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}):
        return _stop_session(call)
    for verb, opposite in _OPPOSITES.items():
        noun = call.operation.removeprefix(verb)
        name = opposite + noun
        if noun == call.operation or name not in call.model.operation_names:
            continue
        if (parameters := _parameters(call, name)) is not None:
            look = _look(call, f"Get{noun}", parameters) if verb == "Create" else None
            return Undo(call.service, name, parameters, look, _label(noun, call))
    return None


def undone(call: Call) -> Key | None:
    """The key of what ``call`` has itself taken away; None if it took nothing away."""
    if not call.operation.startswith(tuple(_OPPOSITES.values())):
        return None
    required = _required(call, call.operation)
    parameters = {name: call.parameters[name] for name in required if name in call.parameters}
    return Undo(call.service, call.operation, parameters, None, "").key


def _stop_session(call: Call) -> Undo | None:
    """A session is made by the first call to it: the engine says when a sandbox was started for one."""
    arn = call.parameters.get("agentRuntimeArn")
    session_id = call.answer.get("runtimeSessionId") or call.parameters.get("runtimeSessionId")
    if arn is None or session_id is None:
        return None
    runtime_id = arn.rpartition("/")[2]
    parameters = {"agentRuntimeArn": arn, "runtimeSessionId": session_id}
    label = f"session of {runtime_id.rpartition('-')[0] or runtime_id}"
    return Undo(call.service, "StopRuntimeSession", parameters, None, label)


def _look(call: Call, operation: str, parameters: Mapping[str, Any]) -> str | None:
    if operation not in call.model.operation_names:
        return None
    return operation if set(_required(call, operation)) <= set(parameters) else None


def _required(call: Call, operation: str) -> list[str]:
    shape = call.model.operation_model(operation).input_shape
    return list(shape.required_members) if shape else []


def _parameters(call: Call, operation: str) -> dict[str, Any] | None:
    found = {name: _found(name, call) for name in _required(call, operation)}
    return None if None in found.values() else found


def _found(member: str, call: Call) -> Any:
    """The value of ``member`` in what was answered and asked, under the names AWS gives it."""
    sources = [call.answer, *_structures(call.answer), call.parameters]
    stem = re.sub(r"(Identifier|Id|Arn)$", "", member)
    for name in dict.fromkeys((member, f"{stem}Id", f"{stem}Arn")):
        for source in sources:
            if isinstance(value := source.get(name), str):
                # A thing that is named by its ARN alone has its id at the ARN's end.
                return (
                    value.rpartition("/")[2] if name.endswith("Arn") and not member.endswith("Arn") else value
                )
    inner = call.answer.get(stem)
    return inner.get("id") if isinstance(inner, Mapping) else None


def _structures(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (
        value for name, value in answer.items() if name != "ResponseMetadata" and isinstance(value, Mapping)
    )


def _label(noun: str, call: Call) -> str:
    words = " ".join(word if word.isupper() else word.lower() for word in _WORDS.findall(noun))
    names = [
        value
        for name, value in call.parameters.items()
        if (name == "name" or name.endswith("Name")) and isinstance(value, str)
    ]
    return f"{words} {names[0]}" if names else words
