"""An endpoint moves back and forth under constant load, on a real engine with real containers."""

from __future__ import annotations

import json
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from agentcore_lab.sandbox.docker_host import connect
from tests.conftest import Clients, clients_of
from tests.programs import Program
from tests.runtime.model.docker_world import build_agent
from tests.runtime.test_control_plane import create, settled, update
from tests.runtime.test_endpoints import PROD, arrived, move, new_endpoint

pytestmark = [pytest.mark.docker, pytest.mark.long]

NEW_SESSIONS = 6
"""How many are answered, at the least, between two moves."""


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    """An image whose agent answers with the EDITION of its version."""
    client = connect()
    uri = build_agent(client)
    yield uri
    client.images.remove(uri, force=True)
    client.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an engine on Docker."""
    program = Program(tmp_path_factory.mktemp("engine") / "data")
    with program.serving("--sandbox", "docker", "--port", "0") as serving:
        yield serving.engine.url


@dataclass
class Load:
    """Callers that never pause, each with one lasting session and one new session after the other."""

    url: str
    arn: str
    over: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)
    lasting: dict[str, list[str]] = field(default_factory=dict)
    passing: list[str] = field(default_factory=list)

    def version_of(self, aws: Clients, session_id: str) -> str:
        """The version that answers one call: by the engine's word, and by the agent's own."""
        answer: Any = aws.data.invoke_agent_runtime(
            agentRuntimeArn=self.arn, qualifier=PROD, runtimeSessionId=session_id, payload=b"{}"
        )
        version: str = answer["ResponseMetadata"]["HTTPHeaders"]["x-agentcore-lab-version"]
        assert json.load(answer["response"]) == {"edition": version}
        return version

    def new_session(self, aws: Clients) -> str:
        """The version a new session meets; it is stopped again."""
        session_id = str(uuid.uuid4())
        version = self.version_of(aws, session_id)
        aws.data.stop_runtime_session(agentRuntimeArn=self.arn, runtimeSessionId=session_id)
        return version

    def go_on(self) -> None:
        """Return when some more new sessions have been answered."""
        enough = len(self.passing) + NEW_SESSIONS
        for _ in range(6000):
            if len(self.passing) >= enough or self.failures:
                return
            time.sleep(0.01)
        raise AssertionError("the load does not get on")

    def call_lasting(self) -> None:
        aws, session_id = clients_of(self.url), str(uuid.uuid4())
        met = self.lasting.setdefault(session_id, [])
        self._until_over(lambda: met.append(self.version_of(aws, session_id)))

    def call_new(self) -> None:
        aws = clients_of(self.url)
        self._until_over(lambda: self.passing.append(self.new_session(aws)))

    def _until_over(self, call: Any) -> None:
        while not self.over.is_set():
            try:
                call()
            except BaseException as error:
                self.failures.append(error)
                return


def test_moves_on_containers_under_constant_load_fail_no_request(
    url: str, uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """v1 → v2 → v1 → v2: every call is answered, lasting sessions keep their version, new ones get the new."""
    aws = clients_of(url)
    runtime_id = create(aws, uri=uri, environmentVariables={"EDITION": "1"})["agentRuntimeId"]
    settled(aws, runtime_id)
    arn = new_endpoint(aws, runtime_id)["agentRuntimeArn"]
    assert arrived(aws, runtime_id)["liveVersion"] == "1"
    load = Load(url, arn)
    first, second = [
        [threading.Thread(target=call) for call in (load.call_lasting, load.call_lasting, load.call_new)]
        for _ in range(2)
    ]
    try:
        for thread in first:
            thread.start()
        update(aws, runtime_id, uri, environmentVariables={"EDITION": "2"})
        assert settled(aws, runtime_id)["status"] == "READY"
        for round_, version in enumerate(("2", "1", "2")):
            move(aws, runtime_id, version)
            assert arrived(aws, runtime_id)["liveVersion"] == version
            assert load.new_session(aws) == version
            if round_ == 0:
                for thread in second:
                    thread.start()
            load.go_on()
    finally:
        load.over.set()
        for thread in (*first, *second):
            if thread.ident is not None:
                thread.join()
    assert load.failures == []
    assert all(len(set(met)) == 1 for met in load.lasting.values())
    assert {met[0] for met in load.lasting.values()} == {"1", "2"}
    assert set(load.passing) == {"1", "2"}
    with capsys.disabled():
        calls = sum(len(met) for met in load.lasting.values())
        sys.stdout.write(
            f"\n{calls} calls to {len(load.lasting)} lasting sessions, {len(load.passing)} new ones\n"
        )
