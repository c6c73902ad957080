"""What a panel shows of the engine's own things, as values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from agentcore_lab.looks.card import card, facts, pill, table, text

SessionState = Literal["Provisioning", "Active", "Idle", "Terminated"]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ARCHITECTURES = {"arm64": "aarch64 (ARM64)", "aarch64": "aarch64 (ARM64)", "amd64": "x86_64 (AMD64)"}


@dataclass(frozen=True, slots=True, repr=False)
class SessionView:
    """One session of a runtime as the engine saw it at ``as_of``.

    ``idle_ends_at`` is when an Idle session will be terminated unless invoked. ``as_of`` is the engine's own
    time, which a lab may have set ahead; None means the machine's. ``reason`` says in words why a session is
    Terminated. ``architecture`` and ``sandbox`` are the engine's words (``arm64``, ``docker``).
    """

    session_id: str
    state: SessionState
    version: str
    endpoint: str = "DEFAULT"
    idle_ends_at: datetime | None = None
    as_of: datetime | None = None
    reason: str | None = None
    architecture: str | None = None
    sandbox: str | None = None
    runtime_arn: str | None = None

    @classmethod
    def of(cls, session: Mapping[str, Any], as_of: datetime) -> Self:
        """The session in an answer of the engine's ``/_lab/sessions``."""
        ends = session["endsAt"] if session["state"] == "Idle" else None
        return cls(
            session_id=session["sessionId"],
            state=session["state"],
            version=session["agentRuntimeVersion"],
            endpoint=session["endpoint"],
            idle_ends_at=datetime.fromisoformat(ends) if ends else None,
            as_of=as_of,
            reason=session["reason"],
            architecture=session["architecture"],
            sandbox=session["sandbox"],
            runtime_arn=session["agentRuntimeArn"],
        )

    def __repr__(self) -> str:
        # Neither id nor countdown: an executed notebook compares equal to the next run.
        return f"Session({self.words()}, version {self.version}, {self.endpoint})"

    def _repr_html_(self) -> str:
        rows = [
            ("Version", f"{self.version}, started through endpoint {self.endpoint}"),
            ("Next", self.next()),
        ]
        return card("Session", self.session_id, facts(rows), state=self.state)

    def words(self) -> str:
        """The state, and why if it has ended."""
        return f"{self.state}: {self.reason}" if self.reason else self.state

    def next(self) -> str:
        """What happens next if nobody does anything, and when."""
        if self.state == "Terminated":
            return f"nothing: it has ended ({self.reason or 'no reason known'})"
        if self.idle_ends_at is None or self.as_of is None:
            return "its answer" if self.state == "Active" else "its first answer"
        return f"ends in {short_duration((self.idle_ends_at - self.as_of).total_seconds())} unless invoked"


class SessionList(list[SessionView]):
    """Sessions as the engine listed them: the living first, then the ended, latest first."""

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """The sessions in an answer of the engine's ``/_lab/sessions``."""
        as_of = datetime.fromisoformat(answer["asOf"])
        return cls(SessionView.of(session, as_of) for session in answer["sessions"])

    def __repr__(self) -> str:
        if not self:
            return "No sessions"
        states = Counter(view.words() for view in self)
        count = f"{len(self)} session{'s' * (len(self) > 1)}"
        return f"{count}: {', '.join(f'{number} {words}' for words, number in sorted(states.items()))}"

    def __str__(self) -> str:
        lines = [
            f"{short_id(view.session_id):<14}{view.words():<24}{_runtime(view):<20}"
            f"{view.version} ({view.endpoint})  {view.next()}"
            for view in self
        ]
        return "\n".join(lines) or repr(self)

    def _repr_html_(self) -> str:
        if not self:
            return card("Sessions", "none yet", text("The first invocation of a runtime starts one."))
        rows = [
            (
                view.session_id,
                _runtime(view),
                f"{view.version} ({view.endpoint})",
                pill(view.state),
                view.next(),
            )
            for view in self
        ]
        return card(
            "Sessions", str(len(self)), table(("Session", "Runtime", "Version", "State", "Next"), rows)
        )


def short_duration(seconds: float) -> str:
    """A duration as a person reads it off: ``48 s``, ``12:41``, ``7:59:03``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _runtime(view: SessionView) -> str:
    return RuntimeName.parse(view.runtime_arn).name if view.runtime_arn else ""


@dataclass(frozen=True, slots=True)
class RuntimeName:
    """What an agent runtime's ARN says.

    AWS: ``arn:aws:bedrock-agentcore:{region}:{account}:runtime/{name}-{10 characters}``.
    """

    arn: str
    id: str
    name: str
    region: str
    account: str

    @classmethod
    def parse(cls, arn: str) -> RuntimeName:
        """Read an ARN.

        Raises:
            ValueError: this is not the ARN of an agent runtime.
        """
        parts = arn.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[5].startswith("runtime/"):
            raise ValueError(
                f"{arn!r} is not the ARN of an agent runtime (arn:aws:bedrock-agentcore:…:runtime/…)"
            )
        runtime_id = parts[5].removeprefix("runtime/").split("/")[0]
        return cls(arn, runtime_id, re.sub(r"-[A-Za-z0-9]{10}$", "", runtime_id), parts[3], parts[4])

    def shown(self) -> Mapping[str, str]:
        """The name as the browser receives it."""
        return {
            "arn": self.arn,
            "id": self.id,
            "name": self.name,
            "region": self.region,
            "account": self.account,
        }


def short_id(session_id: str) -> str:
    """A session id as a person tells sessions apart: a UUID's first eight digits, else head and tail."""
    if _UUID.fullmatch(session_id):
        return session_id[:8]
    return session_id if len(session_id) <= 13 else f"{session_id[:8]}…{session_id[-4:]}"


def architecture_name(architecture: str | None) -> str | None:
    """An image's architecture as ``uname`` and as OCI call it: ``aarch64 (ARM64)``."""
    return architecture and _ARCHITECTURES.get(architecture.lower(), architecture)
