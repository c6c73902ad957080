"""The ways to one agent that are compared: directly, through nginx, through the engine. All lead to one sandbox."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.images.choose import builder_for
from agentcore_lab.server.backends import open_backend
from agentcore_lab.settings import Settings
from benchmarks.load import Target
from benchmarks.nginx import NoNginx, nginx_before
from tests.conftest import clients_of
from tests.programs import Program
from tests.runtime.test_control_plane import create, settled

_IMAGE = "123456789012.dkr.ecr.us-west-2.amazonaws.com/benchmark-responder:latest"
_SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
# AWS's own rates would be what is measured, not what the engine can do.
_UNMETERED = {"AGENTCORE_LAB_QUOTAS": "data_calls_per_second=1000000"}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the agent. ``pid`` is the process between, None where there is none."""

    name: str
    target: Target
    pid: int | None = None

    def cpu_seconds(self) -> float:
        """What the process between, with its workers, has taken of the processor so far."""
        if self.pid is None:
            return 0.0
        process = psutil.Process(self.pid)
        times = [each.cpu_times() for each in (process, *process.children(recursive=True)) if _is_relay(each)]
        return sum(each.user + each.system for each in times)


@dataclass(frozen=True, slots=True)
class Stage:
    """The ways that could be had, and in a sentence why one could not."""

    ways: tuple[Way, ...]
    lacking: str | None
    nginx_version: str | None


def _is_relay(process: psutil.Process) -> bool:
    """Whether it is the engine or nginx and not an agent, which the process sandbox makes a child of the engine."""
    return process.name() == "nginx" or "serve" in process.cmdline()


@contextmanager
def stage(sandbox: str) -> Iterator[Stage]:
    """Everything set up for one sandbox, with a session that is warm; nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="agentcore-lab-benchmark-") as folder:
        program = Program(Path(folder) / "data", _UNMETERED)
        settings = Settings.load(data_dir=program.data_dir)
        source = Path(__file__).parent / "responder"
        # Signing costs the client more than the relay costs the engine: what verifying costs is in docs/inbound.md.
        with program.serving("--sandbox", sandbox, "--port", "0", "--no-sigv4") as serving:
            builder_for(sandbox, settings).build(source, _IMAGE, on_step=lambda _: None)
            engine = _engine_way(serving.engine)
            host, port = _agent_address(settings, sandbox, serving.engine, engine)
            direct = Way("direct", Target(host, port, "/invocations"))
            try:
                with nginx_before(host, port, Path(folder) / "nginx") as nginx:
                    proxied = Way("nginx", Target("127.0.0.1", nginx.port, "/invocations"), nginx.pid)
                    yield Stage((direct, proxied, engine), None, nginx.version)
            except NoNginx as error:
                yield Stage((direct, engine), str(error), None)


def _engine_way(engine: RunningEngine) -> Way:
    aws = clients_of(engine.url)
    runtime = settled(aws, create(aws, "benchmark_responder", _IMAGE)["agentRuntimeId"])
    assert runtime["status"] == "READY", runtime.get("failureReason")
    arn, session_id = runtime["agentRuntimeArn"], str(uuid.uuid4())
    aws.data.invoke_agent_runtime(agentRuntimeArn=arn, runtimeSessionId=session_id, payload=b"{}")[
        "response"
    ].read()
    parts = urlsplit(engine.url)
    path = f"/runtimes/{quote(arn, safe='')}/invocations"
    target = Target(parts.hostname or "", parts.port or 0, path, {_SESSION_HEADER: session_id})
    return Way("engine", target, engine.pid)


def _agent_address(settings: Settings, sandbox: str, engine: RunningEngine, way: Way) -> tuple[str, int]:
    """Where the session's own sandbox listens."""
    session_id = way.target.headers[_SESSION_HEADER]
    sandbox_id: str = engine.fetch(f"sessions/{session_id}")["session"]["sandboxId"]
    address = asyncio.run(_address(Settings.load(data_dir=settings.data_dir, sandbox=sandbox), sandbox_id))
    assert address is not None, "a session that is warm has an address"
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or 0


async def _address(settings: Settings, sandbox_id: str) -> str | None:
    backend = await open_backend(settings)
    try:
        return await backend.address(sandbox_id)
    finally:
        await backend.close()
