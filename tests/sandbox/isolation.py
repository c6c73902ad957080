"""A session that attacks, and one beside it that must go on being answered."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from agentcore_lab.discovery import RunningEngine
from tests.conftest import Clients


@dataclass(frozen=True)
class Agent:
    """A runtime of misbehaving-agent on containers."""

    engine: RunningEngine
    aws: Clients
    arn: str

    def ask(self, session_id: str, fault: str = "none", **asked: Any) -> Any:
        """What one session answers to an order, read as JSON."""
        answer = self.aws.data.invoke_agent_runtime(
            agentRuntimeArn=self.arn,
            runtimeSessionId=session_id,
            payload=json.dumps({"fault": fault, **asked}).encode(),
        )
        return json.load(answer["response"])

    def started(self) -> str:
        """The id of a new session that has answered."""
        session_id = str(uuid.uuid4())
        assert self.ask(session_id) == {"fault": "none"}
        return session_id

    def session(self, session_id: str) -> dict[str, Any]:
        """What the engine says of a session."""
        found: dict[str, Any] = self.engine.fetch(f"sessions/{session_id}")["session"]
        return found

    def ended(self, session_id: str, seconds: float = 90) -> dict[str, Any]:
        """What the engine says of a session once it has ended; in real time, for containers end in no other."""
        until = time.monotonic() + seconds
        while (told := self.session(session_id))["state"] != "Terminated":
            assert time.monotonic() < until, f"it still lives after {seconds:g} s: {told}"
            time.sleep(0.2)
        return told


@dataclass
class Watched:
    """How a bystander was answered while others were attacked."""

    answers: int = 0
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0


@contextmanager
def bystander(agent: Agent, session_id: str) -> Iterator[Watched]:
    """Ask a session again and again until the end of the block."""
    watched, stop = Watched(), threading.Event()

    def ask() -> None:
        while not stop.wait(0.2):
            began = time.monotonic()
            try:
                assert agent.ask(session_id) == {"fault": "none"}
                watched.answers += 1
            except Exception as error:
                watched.failures.append(repr(error))
            watched.slowest = max(watched.slowest, time.monotonic() - began)

    thread = threading.Thread(target=ask, name="bystander")
    thread.start()
    try:
        yield watched
    finally:
        stop.set()
        thread.join()
