"""A block deletes what its process made, by whichever client, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from agentcore_lab.accounts.handed_out import client_environment
from agentcore_lab.cleanup.calls import EngineUnreachable
from agentcore_lab.cleanup.scratch import NotCleaned
from agentcore_lab.discovery import RunningEngine, leave_note
from agentcore_lab.lab import Lab
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, ScriptedBackend, engine_in_thread
from tests.conftest import Clients
from tests.programs import ROOT
from tests.runtime.test_control_plane import create, settled
from tests.runtime.test_invocations import invoke, ready

ANOTHER_NOTEBOOK = """
import boto3, sys
control = boto3.client("bedrock-agentcore-control", endpoint_url=sys.argv[1])
control.create_agent_runtime(
    agentRuntimeName="theirs", roleArn="arn:aws:iam::123456789012:role/R",
    agentRuntimeArtifact={"containerConfiguration": {"containerUri": sys.argv[2]}},
    networkConfiguration={"networkMode": "PUBLIC"},
)
"""


def names(aws: Clients) -> list[str]:
    """What the account has: runtimes, and identities of callers' own."""
    runtimes = aws.control.list_agent_runtimes()["agentRuntimes"]
    identities = aws.control.list_workload_identities()["workloadIdentities"]
    owned = {runtime["agentRuntimeId"] for runtime in runtimes}
    return sorted(
        [runtime["agentRuntimeName"] for runtime in runtimes]
        + [identity["name"] for identity in identities if identity["name"] not in owned]
    )


def test_what_a_block_made_is_gone_at_its_end(lab: Lab, aws: Clients) -> None:
    """Runtimes, endpoints and identities go, whichever client made them; what was there before stays."""
    before = ready(aws, name="before")
    own = boto3.Session().client("bedrock-agentcore-control")
    with lab.scratch() as scratch:
        runtime_id = create(aws, name="made_before_lab")["agentRuntimeId"]
        settled(aws, runtime_id)
        own.create_agent_runtime_endpoint(
            agentRuntimeId=before.rpartition("/")[2], name="prod", agentRuntimeVersion="1"
        )
        lab.control.create_workload_identity(name="mine")
        assert list(scratch) == [
            "agent runtime made_before_lab",
            "agent runtime endpoint prod",
            "workload identity mine",
        ]
        assert repr(scratch).startswith("Scratch(agent runtime made_before_lab, ")
    assert names(aws) == ["before"]
    endpoints = aws.control.list_agent_runtime_endpoints(agentRuntimeId=before.rpartition("/")[2])
    assert [each["name"] for each in endpoints["runtimeEndpoints"]] == ["DEFAULT"]
    assert repr(scratch) == "Scratch(nothing made yet)"


def test_another_notebooks_things_stay(lab: Lab, aws: Clients, backend: ScriptedBackend) -> None:
    """What another process makes on the same engine during the block is none of its business."""
    uri = next(iter(backend.images))
    with lab.scratch():
        create(aws, name="ours")
        subprocess.run([sys.executable, "-c", ANOTHER_NOTEBOOK, lab.url, uri], check=True, cwd=ROOT)
        assert names(aws) == ["ours", "theirs"]
    assert names(aws) == ["theirs"]


def test_what_the_learner_deleted_is_forgotten(lab: Lab, aws: Clients) -> None:
    """A name that was given up may be another's by now."""
    with lab.scratch() as scratch:
        lab.control.create_workload_identity(name="passing")
        lab.control.delete_workload_identity(name="passing")
        assert list(scratch) == []


def test_a_session_the_block_opened_is_stopped(lab: Lab, aws: Clients) -> None:
    """On a runtime that stays, a session that was there before goes on."""
    arn = ready(aws)
    earlier, later = "e" * 33, "l" * 33
    invoke(aws, arn, runtimeSessionId=earlier)
    with lab.scratch():
        for session_id in (earlier, later):
            invoke(aws, arn, runtimeSessionId=session_id)
    assert {view.session_id: view.state for view in lab.sessions(arn)} == {
        earlier: "Idle",
        later: "Terminated",
    }


def test_an_error_inside_is_the_error_outside(lab: Lab, aws: Clients) -> None:
    """The block cleans up all the same, and does not hide what went wrong."""

    def block() -> float:
        with lab.scratch():
            create(aws, name="broken_off")
            return 1 / 0

    with pytest.raises(ZeroDivisionError):
        block()
    assert names(aws) == []


def test_blocks_nest(lab: Lab, aws: Clients) -> None:
    """The inner block takes its own away, the outer one the rest."""
    with lab.scratch() as outer:
        create(aws, name="outer")
        with lab.scratch():
            create(aws, name="inner")
        assert list(outer) == ["agent runtime outer"]
    assert names(aws) == []


def test_a_lab_cleans_up_what_its_process_made(lab: Lab, aws: Clients) -> None:
    """Since the first Lab() of the process, even if the cell was run again."""
    create(aws, name="first")
    again = Lab(data_dir=lab._engine.data_dir)
    create(aws, name="second")
    assert again.cleanup() == ["agent runtime second", "agent runtime first"]
    assert again.cleanup() == []
    assert names(aws) == []


def test_what_cannot_be_deleted_is_named(lab: Lab, aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, and the rest is deleted all the same."""
    original: Any = type(lab.control).delete_workload_identity

    def refuse(client: Any, **parameters: Any) -> Any:
        return original(client, name=f"{parameters['name']} !")

    def block() -> None:
        with lab.scratch():
            create(aws, name="willing")
            lab.control.create_workload_identity(name="stubborn")
            monkeypatch.setattr(type(lab.control), "delete_workload_identity", refuse)

    with pytest.raises(NotCleaned, match="workload identity stubborn") as failed:
        block()
    assert "\n" not in str(failed.value)
    assert names(aws) == ["stubborn"]


def test_an_engine_that_is_gone_is_told_in_a_sentence(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The learner's own boto3 call: still botocore's error, with the mend in its words and no traceback in IPython."""
    with engine_in_thread(settings, backend, clock) as engine:
        lab = _lab_on(engine, settings, monkeypatch)
        control = boto3.client("bedrock-agentcore-control")
    with pytest.raises(EndpointConnectionError) as gone:
        control.list_agent_runtimes()
    assert isinstance(gone.value, EngineUnreachable)
    (shown,) = gone.value._render_traceback_()
    assert shown.endswith(
        f"The engine at {lab.url} does not answer any more. Run the cell with `lab = Lab()` again, "
        "or `agentcore-lab serve`: runtimes and versions are kept, sessions start afresh."
    )


def _lab_on(engine: RunningEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Lab:
    for name, value in client_environment(engine).items():
        monkeypatch.setenv(name, value)
    leave_note(engine)
    return Lab(data_dir=settings.data_dir)
