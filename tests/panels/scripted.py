"""An engine that says what a test tells it to, seen through boto3's calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import IO, Any, cast

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from agentcore_lab.panels.calls import Source
from agentcore_lab.panels.feed import Connection, Feed, Follower

ARN = "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/hello_agent-aB3dE5fG7h"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FACTS = {
    "x-agentcore-lab-sandbox": "docker",
    "x-agentcore-lab-architecture": "arm64",
    "x-agentcore-lab-version": "2",
    "x-agentcore-lab-agent-ms": "12",
}
CRASH = (
    "Runtime initialization time exceeded. Please make sure that initialization completes in 120s.\n"
    "Last lines of the container's log:\n"
    "Traceback (most recent call last):\n"
    '  File "/app/agent.py", line 3, in <module>\n'
    "ModuleNotFoundError: No module named 'strands'"
)


@dataclass(frozen=True)
class Reply:
    """A response: its body in parts (a callable is waited for before the next part), or an error."""

    parts: tuple[bytes | Callable[[], object], ...] = ()
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=lambda: dict(FACTS))
    error: Exception | None = None


class _Raw:
    """A socket's answer, byte by byte; it blocks where the script says so."""

    def __init__(self, parts: Iterable[bytes | Callable[[], object]]) -> None:
        self._bytes = self._flow(parts)

    @staticmethod
    def _flow(parts: Iterable[bytes | Callable[[], object]]) -> Iterator[bytes]:
        for part in parts:
            if isinstance(part, bytes):
                yield from (part[i : i + 1] for i in range(len(part)))
            else:
                part()

    def read(self, amt: int | None = None) -> bytes:
        taken = bytearray()
        while amt is None or len(taken) < amt:
            byte = next(self._bytes, None)
            if byte is None:
                break
            taken += byte
        return bytes(taken)


def json_reply(value: Any, **headers: str) -> Reply:
    """An agent's JSON answer."""
    return Reply((json.dumps(value).encode(),), headers={**FACTS, **headers})


def stream_reply(*events: Any) -> Reply:
    """A stream of JSON events, as the SDK's generators send them; callables are waited for in between."""
    parts = [each if callable(each) else f"data: {json.dumps(each)}\n\n".encode() for each in events]
    return Reply(tuple(parts), "text/event-stream; charset=utf-8")


def error_reply(code: str, status: int, message: str) -> Reply:
    """An error as boto3 raises it."""
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}},
    }
    return Reply(error=ClientError(response, "InvokeAgentRuntime"))


class ScriptedFeed(Feed):
    """A feed that tells what a test says, on whichever thread."""

    def __init__(self) -> None:
        super().__init__(lambda: None)
        self.connection = Connection("open")

    def follow(self, follower: Follower, _patience: float = 0) -> None:
        """Tell ``follower`` from now on."""
        with self.lock:
            self._followers.add(follower)

    def tell(self, kind: str, data: Any) -> None:
        """One event."""
        self._take([("1", kind, data)])


class ScriptedEngine:
    """Both boto3 clients and the feed; ``replies`` holds the answers by prompt."""

    def __init__(self, **replies: Reply) -> None:
        self.replies = replies
        self.states: dict[str, str] = {}
        self.invoked: list[dict[str, Any]] = []
        self.meta = SimpleNamespace(region_name="us-west-2", endpoint_url="http://127.0.0.1:4599")
        self.authorizer: dict[str, Any] = {}
        self.feed = ScriptedFeed()
        self.source = Source(self.feed, {"data": self, "control": self}, lambda _path, _body: None)
        self.feed.tell("clock", {"now": NOW.isoformat(), "aheadSeconds": 0})
        self.serves(DEFAULT="2", prod="1")

    def serves(self, **endpoints: str) -> None:
        """The runtime's endpoints, and the version each serves."""
        told = [
            {"name": name, "liveVersion": version, "status": "READY"} for name, version in endpoints.items()
        ]
        self.feed.tell("runtime", {"id": ARN.rpartition("/")[2], "arn": ARN, "endpoints": told})

    def invoke_agent_runtime(self, **parameters: Any) -> dict[str, Any]:
        """boto3's call."""
        self.invoked.append(parameters)
        session_id = parameters["runtimeSessionId"]
        cold = self.states.get(session_id, "Terminated") == "Terminated"
        self.see(session_id, "Provisioning" if cold else "Active")
        reply = self._reply_to(parameters["payload"])
        for wait in [part for part in reply.parts[:1] if callable(part)]:
            wait()
        if reply.error:
            self.see(session_id, "Terminated", reason="start failed")
            raise reply.error
        self.see(session_id, "Idle")
        start = {"x-agentcore-lab-sandbox-start-ms": "3240"} if cold else {}
        return {
            "contentType": reply.content_type,
            "runtimeSessionId": session_id,
            "response": StreamingBody(cast(IO[bytes], _Raw(reply.parts)), cast(int, None)),
            "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {**start, **reply.headers}},
        }

    def stop_runtime_session(self, **parameters: Any) -> None:
        """boto3's call."""
        session_id = parameters["runtimeSessionId"]
        if session_id not in self.states:
            error = error_reply("ResourceNotFoundException", 404, f"No session {session_id}").error
            assert error
            raise error
        self.see(session_id, "Terminated", reason="stopped")

    def get_agent_runtime(self, **_parameters: Any) -> dict[str, Any]:
        """boto3's call."""
        return {"authorizerConfiguration": self.authorizer} if self.authorizer else {}

    def see(self, session_id: str, state: str, *, reason: str | None = None, sandbox: str = "") -> None:
        """A session as it is from now on."""
        self.states[session_id] = state
        at, ends = NOW.isoformat(), (NOW + timedelta(minutes=14, seconds=59)).isoformat()
        self.feed.tell(
            "session",
            {
                "sessionId": session_id,
                "sandboxId": sandbox or session_id,
                "agentRuntimeArn": ARN,
                "agentRuntimeVersion": "2",
                "endpoint": "DEFAULT",
                "state": state,
                "inFlight": int(state == "Active"),
                "createdAt": at,
                "endsAt": ends if state == "Idle" else None,
                "endsBecause": "idle" if state == "Idle" else None,
                "endedAt": at if state == "Terminated" else None,
                "idleTimeoutSeconds": 900,
                "reason": reason,
                "architecture": "arm64",
                "sandbox": "docker",
            },
        )

    def _reply_to(self, payload: bytes) -> Reply:
        try:
            prompt = json.loads(payload)["prompt"]
        except (ValueError, KeyError, TypeError):
            prompt = None
        default = json_reply({"result": f"You said: {prompt}", "machine": "aarch64"})
        return self.replies.get(str(prompt), default)
