"""A real container that attacks: what it can reach, what becomes of it, and that others are answered all the while."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest
from botocore.exceptions import ClientError, ResponseStreamingError

from agentcore_lab.clock import SystemClock
from agentcore_lab.images.docker_builder import DockerBuilder
from agentcore_lab.sandbox.docker import DockerBackend
from agentcore_lab.sandbox.docker_host import connect
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, engine_in_thread
from tests.conftest import clients_of
from tests.programs import ROOT
from tests.runtime.test_control_plane import create, settled
from tests.sandbox.isolation import Agent, bystander

pytestmark = pytest.mark.docker

URI = "123456789012.dkr.ecr.us-west-2.amazonaws.com/attacker:latest"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    """The container engine, to see what the attacked cannot tell."""
    made = connect()
    yield made
    made.close()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, client: docker.DockerClient) -> Iterator[Agent]:
    """An engine whose sessions are small, so that an attack is over soon: 1 vCPU, 384 MiB, 100 MiB of disk."""
    folder = tmp_path_factory.mktemp("isolation")
    settings = replace(Settings.load(), data_dir=folder / "data", port=0, quotas=UNMETERED, ping_seconds=1)
    backend = DockerBackend("isolation", vcpus=1, memory_gib=0.375, disk_gib=100 / 1024)
    DockerBuilder(settings.cache_dir, client).build(
        ROOT / "containers" / "misbehaving-agent", URI, on_step=lambda _: None
    )
    with engine_in_thread(settings, backend, SystemClock()) as engine:
        aws = clients_of(engine.url, patience=300)
        runtime = settled(aws, create(aws, "attacker", URI)["agentRuntimeId"])
        assert runtime["status"] == "READY", runtime.get("failureReason")
        yield Agent(engine, aws, runtime["agentRuntimeArn"])


@pytest.fixture(scope="module")
def attacker(agent: Agent) -> str:
    """A session that attacks without dying of it."""
    return agent.started()


@pytest.fixture(scope="module")
def other(agent: Agent) -> str:
    """A session that minds its own business."""
    return agent.started()


def container_of(agent: Agent, client: docker.DockerClient, session_id: str) -> Any:
    """The container a session runs in."""
    sandbox_id = agent.session(session_id)["sandboxId"]
    return client.containers.get(f"agentcore-lab-{sandbox_id}")


def gateway_of(agent: Agent, client: docker.DockerClient, session_id: str) -> str:
    """The machine as a container sees it."""
    networks = container_of(agent, client, session_id).attrs["NetworkSettings"]["Networks"]
    return str(networks["agentcore-lab"]["Gateway"])


@contextmanager
def listening(host: str) -> Iterator[int]:
    """A program of this machine that would take anybody's connection."""
    with socket.create_server((host, 0)) as server:
        yield server.getsockname()[1]


def test_other_sessions_cannot_be_reached(
    agent: Agent, client: docker.DockerClient, attacker: str, other: str
) -> None:
    """Neither the port of another session's agent nor any other of its ports; the attacker does reach its own."""
    networks = container_of(agent, client, other).attrs["NetworkSettings"]["Networks"]
    address = networks["agentcore-lab"]["IPAddress"]
    targets = [f"{address}:8080", f"{address}:22", "127.0.0.1:8080"]
    found = agent.ask(attacker, "reach", targets=targets)
    assert found[targets[0]] != "open"
    assert found[targets[1]] != "open"
    assert found[targets[2]] == "open"


def test_the_machines_loopback_cannot_be_reached(
    agent: Agent, client: docker.DockerClient, attacker: str
) -> None:
    """What listens on this machine's loopback, the engine's own port first of all, is not there for an agent."""
    gateway = gateway_of(agent, client, attacker)
    port = agent.engine.url.rpartition(":")[2]
    with listening("127.0.0.1") as loopback:
        targets = [f"{host}:{loopback}" for host in (gateway, "127.0.0.1", "host.docker.internal")]
        targets += [f"127.0.0.1:{port}", f"{gateway}:2375", f"{gateway}:2376"]
        found = agent.ask(attacker, "reach", targets=targets)
    assert "open" not in found.values(), found


def test_the_labs_own_api_is_not_served_inside(
    agent: Agent, client: docker.DockerClient, attacker: str
) -> None:
    """An agent can call what AWS has, not the clock, the sessions, the credentials of the lab; nor get a tunnel."""
    where = container_of(agent, client, attacker).attrs["Config"]["Env"]
    url = next(each.partition("=")[2] for each in where if each.startswith("AWS_ENDPOINT_URL="))
    for path in ("status", "sessions", "clock", "events", "credentials"):
        told = agent.ask(attacker, "fetch", url=f"{url}/_lab/{path}")
        assert told["status"] in {403, 404}, told
        assert agent.engine.instance not in told["text"]


def test_nothing_of_the_machine_is_in_its_files(agent: Agent, attacker: str, tmp_path: Path) -> None:
    """No socket of the container engine, no data directory, no home, no other session's folder; no devices."""
    paths = [
        *("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"),
        *(agent.engine.data_dir, str(ROOT), str(tmp_path), "/var/lib/docker", "/host"),
        *("/dev/sda", "/dev/vda", "/dev/kmsg", "/dev/mem", "/proc/kcore"),
    ]
    found = agent.ask(attacker, "look", paths=paths)
    for path, seen in found.items():
        assert seen in ("FileNotFoundError", "PermissionError") or (path, seen) == ("/proc/kcore", 0), found


def test_it_has_no_privileges_and_can_gain_none(agent: Agent, attacker: str) -> None:
    """No capability is left to gain, not even through a set-uid program."""
    told = agent.ask(attacker, "whoami")
    assert told == {"uid": 1000, "capabilities": "0" * 16, "no_new_privileges": "1"}


def test_memory_has_an_end(agent: Agent, other: str) -> None:
    """Who takes more than a session has is ended, and the engine says so in words."""
    session_id = agent.started()
    with bystander(agent, other) as watched, pytest.raises(ClientError) as broken:
        agent.ask(session_id, "memory-bomb")
    told = agent.ended(session_id)
    assert broken.value.response["Error"]["Code"] == "RuntimeClientError"
    assert "using more memory than a session has" in told["detail"], told
    assert watched.failures == []


@pytest.mark.long
def test_a_disk_has_an_end(agent: Agent, other: str) -> None:
    """Who writes more than a session may is ended, with all it wrote, and the engine says so."""
    session_id = agent.started()
    with bystander(agent, other) as watched:
        with pytest.raises(ClientError):
            agent.ask(session_id, "fill-disk", path="/tmp/filling", bytes=3000 * MIB, wait=60)
        told = agent.ended(session_id)
    assert "writing more to its disk than a session may" in told["detail"], told
    assert (watched.failures, watched.answers > 3) == ([], True)


@pytest.mark.long
def test_a_fork_bomb_stays_in_its_container(agent: Agent, client: docker.DockerClient, other: str) -> None:
    """Processes have an end too: the rest of the machine still starts some, and other sessions answer."""
    session_id = agent.started()
    with bystander(agent, other) as watched:
        try:
            agent.ask(session_id, "fork-bomb", seconds=15)
        except (ClientError, ResponseStreamingError):
            assert agent.ended(session_id)["reason"] in {"crashed", "unhealthy"}
        fresh = agent.started()
    assert agent.ask(fresh) == {"fault": "none"}
    assert (watched.failures, watched.answers > 3) == ([], True)


@pytest.mark.long
def test_ten_gigabytes_of_an_answer_are_cut_off(agent: Agent, other: str) -> None:
    """After a hundred million bytes the connection breaks; nothing of it stays in the engine."""
    session_id, read = agent.started(), 0
    with bystander(agent, other) as watched:
        answer = agent.aws.data.invoke_agent_runtime(
            agentRuntimeArn=agent.arn,
            runtimeSessionId=session_id,
            payload=b'{"fault": "huge", "bytes": 10000000000}',
        )
        with suppress(ResponseStreamingError):
            for piece in answer["response"].iter_chunks(MIB):
                read += len(piece)
            pytest.fail("it came to an end as if it were whole")
    assert read <= 100_000_000
    assert (watched.failures, watched.answers > 0) == ([], True)


@pytest.mark.long
def test_a_health_check_that_hangs_ends_its_session_alone(agent: Agent, other: str) -> None:
    """Others are asked on time while one does not answer; its end says which check failed and how."""
    session_id = agent.started()
    with bystander(agent, other) as watched:
        agent.ask(session_id, "hang-ping")
        told = agent.ended(session_id)
    assert told["reason"] == "unhealthy"
    assert (watched.failures, watched.answers > 3) == ([], True)
    assert agent.session(other)["state"] != "Terminated"
