"""A running engine with the agents of ``containers/`` on it, for clients we did not write."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.images.choose import builder_for
from agentcore_lab.images.docker_builder import DockerBuilder
from agentcore_lab.sandbox.docker_host import connect
from agentcore_lab.settings import Settings
from tests.conftest import Clients
from tests.programs import ROOT, Program
from tests.runtime.test_control_plane import create, settled

REGISTRY = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait in real time, emulated processors' time, for what happens in the background."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"it did not come true in {seconds:g} s"
        time.sleep(0.1)


def new_session_id() -> str:
    """A session id of a length AWS takes."""
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Deployed:
    """A runtime that is READY."""

    engine: RunningEngine
    aws: Clients
    arn: str

    @property
    def invocations(self) -> str:
        """The URL that MCP, A2A and AG-UI clients are given."""
        return f"{self.engine.url}/runtimes/{quote(self.arn, safe='')}/invocations"

    def invoke(self, payload: Mapping[str, Any] | bytes, **more: Any) -> dict[str, Any]:
        """InvokeAgentRuntime; a mapping is sent as JSON."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        given = {"contentType": "application/json", "runtimeSessionId": new_session_id(), **more}
        answer: dict[str, Any] = self.aws.data.invoke_agent_runtime(
            agentRuntimeArn=self.arn, payload=body, **given
        )
        return answer

    def ask(self, payload: Mapping[str, Any] | bytes, **more: Any) -> Any:
        """The same, its answer read as JSON."""
        return json.load(self.invoke(payload, **more)["response"])

    def session(self, session_id: str) -> dict[str, Any]:
        """What the engine knows of a session: its state, its health, its agent's last lines."""
        found: dict[str, Any] = self.engine.fetch(f"sessions/{session_id}")["session"]
        return found

    def logged(self, session_id: str, words: str) -> bool:
        """Whether one of the last lines the session's agent wrote has these words."""
        return any(words in line for line in self.session(session_id)["logTail"])


@dataclass(frozen=True)
class Stage:
    """An engine on one kind of sandbox."""

    program: Program
    engine: RunningEngine
    aws: Clients

    def build(self, folder: str) -> str:
        """The image of ``containers/{folder}``."""
        uri = f"{REGISTRY}/{folder}:latest"
        settings = Settings.load(data_dir=self.program.data_dir)
        source = ROOT / "containers" / folder
        if self.engine.sandbox != "docker":
            builder = builder_for(self.engine.sandbox, settings)
            return builder.build(source, uri, on_step=lambda _: None).uri
        client = connect()
        try:
            return DockerBuilder(settings.cache_dir, client).build(source, uri, on_step=lambda _: None).uri
        finally:
            client.close()

    @contextmanager
    def deployed(
        self, folder: str, protocol: str = "HTTP", headers: Sequence[str] = (), **environment: str
    ) -> Iterator[Deployed]:
        """A runtime of that agent, deleted with its sessions at the end of the block.

        ``headers`` of the caller are passed on to it, ``environment`` is what it finds in its own.
        """
        allowed = {"requestHeaderConfiguration": {"requestHeaderAllowlist": list(headers)}} if headers else {}
        created = create(
            self.aws,
            f"{folder.replace('-', '_')}_{uuid.uuid4().hex[:8]}",
            self.build(folder),
            protocolConfiguration={"serverProtocol": protocol},
            environmentVariables=environment,
            **allowed,
        )
        runtime_id = created["agentRuntimeId"]
        try:
            runtime = settled(self.aws, runtime_id)
            assert runtime["status"] == "READY", runtime.get("failureReason")
            yield Deployed(self.engine, self.aws, runtime["agentRuntimeArn"])
        finally:
            self.aws.control.delete_agent_runtime(agentRuntimeId=runtime_id)
