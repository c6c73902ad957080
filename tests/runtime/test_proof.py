"""No version serves before its image has proved healthy once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import aiohttp
from aiohttp import web

from agentcore_lab.runtime.boot import Boot
from agentcore_lab.runtime.proof import Abandoned, Proofs
from agentcore_lab.runtime.versions import Status, Version
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO, Clients, clients_of
from tests.patience import eventually
from tests.runtime.test_control_plane import create, refusal, settled, update
from tests.runtime.test_endpoints import endpoint, new_endpoint
from tests.runtime.test_invocations import invoke, ready, scripted

BROKEN = Script(exits=1, log=("Traceback …", "ModuleNotFoundError: No module named 'nope'"))
INITIALIZATION = "Runtime initialization time exceeded."
WARM_UP = {"build": {"warmup": {"action": {"httpPost": {"path": "/warm"}}}}}


def test_a_version_is_proved_in_a_sandbox_of_its_own_that_is_gone_when_it_is_ready(
    aws: Clients, backend: ScriptedBackend
) -> None:
    """One probe a version, with the version's environment and labels; nothing of it runs on."""
    runtime_id = ready(aws, environmentVariables={"MODE": "test"}).rpartition("/")[2]
    (probe,) = backend.proofs
    assert probe.environment["MODE"] == "test"
    assert probe.environment["AWS_REGION"] == "us-west-2"
    assert probe.labels["agentcore-lab.runtime"] == runtime_id
    assert probe.labels["agentcore-lab.version"] == "1"
    assert (backend.running, backend.started) == ({}, [])


def test_an_unhealthy_first_version_ends_in_create_failed_with_the_agents_last_words(
    aws: Clients, backend: ScriptedBackend
) -> None:
    """Version, runtime and DEFAULT fail together; a call to the endpoint gets the same reason as a 424."""
    runtime = settled(aws, create(aws, uri=scripted(backend, BROKEN))["agentRuntimeId"])
    reason = runtime["failureReason"]
    assert reason.startswith(INITIALIZATION)
    assert "exited with code 1" in reason
    assert reason.endswith("ModuleNotFoundError: No module named 'nope'")
    runtime_id = runtime["agentRuntimeId"]
    default = endpoint(aws, runtime_id, "DEFAULT")
    version = aws.control.get_agent_runtime(agentRuntimeId=runtime_id, agentRuntimeVersion="1")
    for failed in (runtime, default, version):
        assert (failed["status"], failed["failureReason"]) == ("CREATE_FAILED", reason)
    assert "liveVersion" not in default
    code, status, message, _ = refusal(lambda: invoke(aws, runtime["agentRuntimeArn"]))
    assert (code, status, message) == ("RuntimeClientError", 424, reason)
    assert backend.running == {}


def test_an_unhealthy_update_leaves_the_old_version_serving(aws: Clients, backend: ScriptedBackend) -> None:
    """UPDATE_FAILED on version, runtime and DEFAULT, and no caller notices; the next good update mends it."""
    arn = ready(aws)
    runtime_id = arn.rpartition("/")[2]
    update(aws, runtime_id, scripted(backend, BROKEN))
    failed = settled(aws, runtime_id)
    assert (failed["status"], failed["agentRuntimeVersion"]) == ("UPDATE_FAILED", "2")
    default = endpoint(aws, runtime_id, "DEFAULT")
    assert (default["status"], default["liveVersion"], default["targetVersion"]) == (
        "UPDATE_FAILED",
        "1",
        "2",
    )
    assert default["failureReason"] == failed["failureReason"]
    assert invoke(aws, arn)["ResponseMetadata"]["HTTPHeaders"]["x-agentcore-lab-version"] == "1"
    update(aws, runtime_id)
    mended = settled(aws, runtime_id)
    assert (mended["status"], mended["agentRuntimeVersion"]) == ("READY", "3")
    assert "failureReason" not in mended
    assert "failureReason" not in endpoint(aws, runtime_id, "DEFAULT")


def test_an_endpoint_aimed_at_a_failed_version_gives_it_a_second_chance(
    aws: Clients, backend: ScriptedBackend
) -> None:
    """The version is proved anew: it fails the endpoint with its reason, or becomes READY."""
    runtime_id = ready(aws).rpartition("/")[2]
    uri = scripted(backend, BROKEN)
    update(aws, runtime_id, uri)
    settled(aws, runtime_id)
    new_endpoint(aws, runtime_id, "again", agentRuntimeVersion="2")
    eventually(lambda: endpoint(aws, runtime_id, "again")["status"] == "CREATE_FAILED")
    assert endpoint(aws, runtime_id, "again")["failureReason"].startswith(INITIALIZATION)
    image = backend.images[uri][0]
    backend.images[image.digest] = (image, Script())
    new_endpoint(aws, runtime_id, "better", agentRuntimeVersion="2")
    eventually(lambda: endpoint(aws, runtime_id, "better")["status"] == "READY")
    version = aws.control.get_agent_runtime(agentRuntimeId=runtime_id, agentRuntimeVersion="2")
    assert version["status"] == "READY"


def test_a_runtime_in_proof_cannot_be_changed(aws: Clients, backend: ScriptedBackend) -> None:
    """While CREATING an update and a delete are ConflictException, and a call is told to try again."""
    made = create(aws, uri=scripted(backend, Script(unhealthy_pings=1_000_000)))
    runtime_id = made["agentRuntimeId"]
    delete = aws.control.delete_agent_runtime
    assert refusal(lambda: update(aws, runtime_id))[:2] == ("ConflictException", 409)
    assert refusal(lambda: delete(agentRuntimeId=runtime_id))[:2] == ("ConflictException", 409)
    assert refusal(lambda: invoke(aws, made["agentRuntimeArn"]))[0] == "RetryableConflictException"


def test_a_runtime_deleted_meanwhile_takes_its_probe_with_it(aws: Clients, backend: ScriptedBackend) -> None:
    """An endpoint waits for a version that hangs; deleting the runtime gives the proof up."""
    runtime_id = ready(aws).rpartition("/")[2]
    uri = scripted(backend, BROKEN)
    update(aws, runtime_id, uri)
    settled(aws, runtime_id)
    image = backend.images[uri][0]
    backend.images[image.digest] = (image, Script(unhealthy_pings=1_000_000))
    new_endpoint(aws, runtime_id, agentRuntimeVersion="2")
    eventually(lambda: len(backend.running) == 1)
    aws.control.delete_agent_runtime(agentRuntimeId=runtime_id)
    eventually(lambda: backend.running == {})
    get = aws.control.get_agent_runtime
    eventually(lambda: _gone(lambda: get(agentRuntimeId=runtime_id)))


def _gone(call: Any) -> bool:
    try:
        call()
    except Exception as error:
        return "was not found" in str(error)
    return False


def test_a_proof_goes_on_after_a_restart(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """An engine that closes takes its probes along; the next one proves what is still CREATING."""
    image = backend.add(HELLO, Script(unhealthy_pings=1_000_000))
    with engine_in_thread(settings, backend, clock) as running:
        runtime_id = create(clients_of(running.url))["agentRuntimeId"]
        eventually(lambda: len(backend.running) == 1)
    assert backend.running == {}
    backend.images[image.digest] = (image, Script())
    with engine_in_thread(settings, backend, clock) as running:
        aws = clients_of(running.url)
        assert settled(aws, runtime_id)["status"] == "READY"
    assert len(backend.proofs) == 2


def test_the_warm_up_hook_is_called_once_before_the_version_is_ready(
    aws: Clients, backend: ScriptedBackend
) -> None:
    """AWS: build.warmup is a POST before any session; any 2xx is success."""
    calls: list[str] = []

    async def warm(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.Response(status=204)

    uri = scripted(backend, Script(posts={"/warm": warm}))
    arn = ready(aws, uri, hooksConfiguration=WARM_UP)
    assert calls == ["/warm"]
    invoke(aws, arn)
    assert calls == ["/warm"]


def test_a_failing_warm_up_hook_fails_the_version(aws: Clients, backend: ScriptedBackend) -> None:
    """The reason names the hook, the status it answered and the agent's last words."""

    async def cold(_request: web.Request) -> web.Response:
        return web.Response(status=503)

    uri = scripted(backend, Script(posts={"/warm": cold}, log=("no cache",)))
    runtime = settled(aws, create(aws, uri=uri, hooksConfiguration=WARM_UP)["agentRuntimeId"])
    assert runtime["status"] == "CREATE_FAILED"
    reason = runtime["failureReason"]
    assert "POST /warm on port 8080 answered with status 503" in reason
    assert reason.endswith("no cache")


def version_of(backend: ScriptedBackend, script: Script) -> Version:
    """A version whose image behaves as ``script`` says."""
    image = backend.add(HELLO, script)
    return Version("agent-0123456789", 1, {}, image, Status.CREATING, FakeClock().now())


async def test_the_start_up_budget_ends_a_proof(backend: ScriptedBackend) -> None:
    """An agent that never answers its health check fails when its time is up, and is taken away."""
    version = version_of(backend, Script(unhealthy_pings=1_000_000))
    async with aiohttp.ClientSession() as client:
        why = await Proofs(Boot(backend, client, lambda _: {}, 0.2)).of(version)
    assert why is not None
    assert why.startswith(INITIALIZATION)
    assert "/ping did not answer with 200" in why
    assert backend.running == {}


async def test_a_hook_that_does_not_answer_in_time_fails(backend: ScriptedBackend) -> None:
    """The warm-up hook has a budget of its own."""

    async def slow(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    version = version_of(backend, Script(posts={"/warm": slow}))
    hooked = replace(version, spec={"hooksConfiguration": WARM_UP})
    async with aiohttp.ClientSession() as client:
        why = await Proofs(Boot(backend, client, lambda _: {}), warm_up_budget=0.1).of(hooked)
    assert why is not None
    assert "did not answer within 0.1 s" in why


def test_a_warm_up_hook_on_a_port_of_its_own(aws: Clients, backend: ScriptedBackend) -> None:
    """The hook may be another server's than the agent's; where nothing listens on its port, that is the reason."""
    calls: list[str] = []

    async def warm(request: web.Request) -> web.Response:
        calls.append(f"{request.method} {request.path}")
        return web.Response()

    hook = {"build": {"warmup": {"action": {"httpPost": {"path": "/warm", "port": 9005}}}}}
    warmed = create(aws, "warm", scripted(backend, Script(ports={9005: warm})), hooksConfiguration=hook)
    assert settled(aws, warmed["agentRuntimeId"])["status"] == "READY"
    assert calls == ["POST /warm"]
    cold = create(aws, "cold", scripted(backend, Script(log=("no hook",)), "cold"), hooksConfiguration=hook)
    failed = settled(aws, cold["agentRuntimeId"])
    assert failed["status"] == "CREATE_FAILED"
    assert "nothing listens on port 9005" in failed["failureReason"]
    assert "no hook" in failed["failureReason"]


async def test_those_who_ask_meanwhile_share_one_proof(backend: ScriptedBackend) -> None:
    """Two endpoints that wait for one version cost one probe; giving it up tells both."""
    version = version_of(backend, Script(unhealthy_pings=1_000_000))
    async with aiohttp.ClientSession() as client:
        proofs = Proofs(Boot(backend, client, lambda _: {}))
        waiting = [asyncio.create_task(proofs.of(version)) for _ in range(2)]
        await asyncio.wait(waiting, timeout=0.3)
        assert len(backend.running) == 1
        await proofs.abandon(version.runtime_id)
        ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(end) for end in ends] == [Abandoned, Abandoned]
    assert len(backend.proofs) == 1
    assert backend.running == {}


def test_fast_lifecycle_settles_before_the_call_returns(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """The answers still say CREATING and UPDATING as AWS's do; what Get says next is settled."""
    with engine_in_thread(replace(settings, fast_lifecycle=True), backend, clock) as running:
        aws = clients_of(running.url)
        get, control = aws.control.get_agent_runtime, aws.control
        made = create(aws)
        runtime_id = made["agentRuntimeId"]
        assert (made["status"], get(agentRuntimeId=runtime_id)["status"]) == ("CREATING", "READY")
        assert update(aws, runtime_id)["status"] == "UPDATING"
        assert get(agentRuntimeId=runtime_id)["status"] == "READY"
        assert new_endpoint(aws, runtime_id)["status"] == "CREATING"
        assert endpoint(aws, runtime_id)["status"] == "READY"
        control.delete_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="prod")
        assert refusal(lambda: endpoint(aws, runtime_id))[0] == "ResourceNotFoundException"
        assert control.delete_agent_runtime(agentRuntimeId=runtime_id)["status"] == "DELETING"
        assert refusal(lambda: get(agentRuntimeId=runtime_id))[0] == "ResourceNotFoundException"
