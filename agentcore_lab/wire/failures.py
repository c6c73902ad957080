"""What is wrong with a request, in the words of AWS's service framework (Coral), which AgentCore answers with.

AgentCore's own answers, observed: "Value '{iam.sourceIdentity=*}' at 'entries.1.member.dimensions' failed to
satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 80, …]".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agentcore_lab.errors import InvalidField, ValidationException

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentcore_lab.errors import ValidationReason

_LONGEST_SHOWN: Final = 256


@dataclass(frozen=True, slots=True)
class Failure:
    """One constraint a request breaks: where, which, and the value as it may be shown (None: not at all)."""

    path: str
    constraint: str
    shown: str | None = None

    def __str__(self) -> str:
        """AWS's sentence."""
        value = "Value" if self.shown is None else f"Value {self.shown}"
        return f"{value} at '{self.path}' failed to satisfy constraint: {self.constraint}"


def rejection(
    failures: Sequence[Failure], reason: ValidationReason = "FieldValidationFailed"
) -> ValidationException:
    """The one answer to all ``failures`` of a request."""
    found = "1 validation error" if len(failures) == 1 else f"{len(failures)} validation errors"
    return ValidationException(
        f"{found} detected: {'; '.join(map(str, failures))}",
        reason=reason,
        fields=tuple(InvalidField(failure.path, failure.constraint) for failure in failures),
    )


def show(value: Any) -> str:
    """``value`` in quotes, as Java prints it, cut where it gets long."""
    if value is None:
        return "null"
    text = _java(value)
    if len(text) > _LONGEST_SHOWN:
        text = text[:_LONGEST_SHOWN] + "…"
    return f"'{text}'"


def _java(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{key}={_java(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_java, value)) + "]"
        case bytes():
            return f"{len(value)} bytes"
        case None:
            return "null"
        case _:
            return str(value)
