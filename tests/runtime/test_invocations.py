"""Invocations and sessions as boto3 sees them, on scripted agents."""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.request import Request, urlopen

from aiohttp import web

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend
from tests.conftest import HELLO, Clients
from tests.patience import PATIENCE, eventually
from tests.runtime.calls import invocations
from tests.runtime.test_control_plane import create, refusal, settled, update
from tests.signing import signed

SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
NOBODY = "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/nobody-0123456789"


def ready(aws: Clients, uri: str = HELLO, **more: Any) -> str:
    """The ARN of a new READY runtime."""
    runtime: str = settled(aws, create(aws, uri=uri, **more)["agentRuntimeId"])["agentRuntimeArn"]
    return runtime


def invoke(aws: Clients, arn: str, payload: bytes = b"{}", **more: Any) -> dict[str, Any]:
    """InvokeAgentRuntime; ``body`` holds what was streamed back."""
    answer: dict[str, Any] = aws.data.invoke_agent_runtime(agentRuntimeArn=arn, payload=payload, **more)
    answer["body"] = answer["response"].read()
    return answer


def sessions(engine: RunningEngine) -> list[dict[str, Any]]:
    """The engine's own list of sessions."""
    listed: list[dict[str, Any]] = engine.fetch("sessions")["sessions"]
    return listed


def scripted(backend: ScriptedBackend, script: Script, name: str = "scripted") -> str:
    """The URI of an image that behaves as ``script`` says."""
    uri = HELLO.replace("hello", name)
    backend.add(uri, script)
    return uri


def test_the_payload_reaches_the_agent_and_its_answer_the_caller_byte_for_byte(aws: Clients) -> None:
    """Payloads are passed through: bytes, content type and status as they are."""
    payload = bytes(range(256)) * 100
    answer = invoke(aws, ready(aws), payload, contentType="application/x-thing")
    assert answer["body"] == payload
    assert (answer["contentType"], answer["statusCode"]) == ("application/x-thing", 200)


def test_one_session_is_one_sandbox(aws: Clients, backend: ScriptedBackend) -> None:
    """The same id meets the same sandbox, another id another one, and the id comes back in a header."""
    arn = ready(aws)
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    for session_id in (first, first, second):
        assert invoke(aws, arn, runtimeSessionId=session_id)["runtimeSessionId"] == session_id
    assert len(backend.started) == 2


def test_concurrent_first_calls_start_one_sandbox(aws: Clients, backend: ScriptedBackend) -> None:
    """Twenty callers that arrive before the session is up share one start."""
    arn = ready(aws, scripted(backend, Script(unhealthy_pings=3)))
    session_id = str(uuid.uuid4())
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: invoke(aws, arn, runtimeSessionId=session_id), range(20)))
    assert len(backend.started) == 1


def test_a_caller_who_leaves_takes_no_start_from_the_others(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """Whoever began the start need not wait for its end."""
    healthy = threading.Event()

    async def ping(_request: web.Request) -> web.Response:
        return web.json_response({"status": "Healthy"}, status=200 if healthy.is_set() else 503)

    arn, session_id = ready(aws, scripted(backend, Script(ping=ping, proof=Script()))), str(uuid.uuid4())
    path = invocations(arn)
    headers = signed("POST", engine.url + path, b"{}", {SESSION_HEADER: session_id})
    leaving = http.client.HTTPConnection(engine.url.removeprefix("http://"), timeout=PATIENCE)
    leaving.request("POST", path, b"{}", headers)
    eventually(lambda: [session["state"] for session in sessions(engine)] == ["Provisioning"])
    with ThreadPoolExecutor(1) as pool:
        staying = pool.submit(invoke, aws, arn, runtimeSessionId=session_id)
        leaving.close()
        with suppress(TimeoutError):
            staying.result(0.5)  # a start that was given up would be told by now
        healthy.set()
        assert staying.result()["body"] == b"{}"
    assert len(backend.started) == 1


def test_a_raw_call_without_a_session_id_gets_one(aws: Clients, engine: RunningEngine) -> None:
    """HTTP clients other than boto3 learn their session id from the answer's header."""
    path = f"/runtimes/{ready(aws).replace(':', '%3A').replace('/', '%2F')}/invocations"
    with urlopen(
        Request(engine.url + path, b"{}", signed("POST", engine.url + path, b"{}")), timeout=PATIENCE
    ) as response:
        session_id = response.headers["X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"]
        assert response.headers["x-amzn-RequestId"]
    assert [session["sessionId"] for session in sessions(engine)] == [session_id]


def test_a_running_session_stays_on_its_version(aws: Clients) -> None:
    """After an update old sessions keep the version they started with and new ones get the new."""
    arn = ready(aws)
    runtime_id = arn.rpartition("/")[2]
    old, new = str(uuid.uuid4()), str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=old)
    update(aws, runtime_id)
    settled(aws, runtime_id)
    versions = {
        session_id: invoke(aws, arn, runtimeSessionId=session_id)["ResponseMetadata"]["HTTPHeaders"][
            "x-agentcore-lab-version"
        ]
        for session_id in (old, new)
    }
    assert versions == {old: "1", new: "2"}


def test_a_version_keeps_its_image_when_the_tag_moves(aws: Clients, backend: ScriptedBackend) -> None:
    """The digest is pinned when the version is made; pushing over the tag changes no version."""
    arn = ready(aws)
    pinned = backend.images[HELLO][0].digest
    backend.add(HELLO, Script(exits=1))
    invoke(aws, arn)
    assert backend.started[-1].image.digest == pinned


def test_environment_variables_reach_the_agent_with_the_region(
    aws: Clients, backend: ScriptedBackend
) -> None:
    """The caller's variables are set, and AWS_REGION is the runtime's whatever they say."""
    invoke(aws, ready(aws, environmentVariables={"MODE": "test", "AWS_REGION": "mars-1"}))
    environment = backend.started[-1].environment
    assert environment["MODE"] == "test"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-west-2"


def test_only_headers_of_the_contract_and_the_allow_list_reach_the_agent(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """A caller's own headers pass only when the version names them; the session id always does."""

    async def show(request: web.Request) -> web.Response:
        return web.json_response({name.lower(): value for name, value in request.headers.items()})

    uri = scripted(backend, Script(answer=show))
    allowlist = {"requestHeaderAllowlist": ["X-Team"]}
    arn = ready(aws, uri, requestHeaderConfiguration=allowlist)
    path = f"/runtimes/{arn.replace(':', '%3A').replace('/', '%2F')}/invocations"
    sent = {"X-Team": "blue", "X-Secret": "no", "Cookie": "no", "traceparent": "00-1-2-01"}
    with urlopen(
        Request(engine.url + path, b"{}", signed("POST", engine.url + path, b"{}", sent)), timeout=PATIENCE
    ) as response:
        session_id = response.headers["X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"]
        seen = json.load(response)
    assert seen["x-team"] == "blue"
    assert seen["traceparent"] == "00-1-2-01"
    assert seen["x-amzn-bedrock-agentcore-runtime-session-id"] == session_id
    assert "x-amzn-bedrock-agentcore-runtime-request-id" in seen
    assert not {"x-secret", "cookie", "authorization"} & seen.keys()


def test_stop_ends_the_session_and_the_id_can_be_used_again(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """After StopRuntimeSession nothing runs; the next call on the id starts a new sandbox."""
    arn = ready(aws)
    session_id = str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=session_id)
    stopped = aws.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=session_id)
    assert (stopped["runtimeSessionId"], stopped["statusCode"]) == (session_id, 200)
    assert backend.running == {}
    assert [(s["state"], s["reason"]) for s in sessions(engine)] == [("Terminated", "stopped")]
    invoke(aws, arn, runtimeSessionId=session_id)
    assert len(backend.started) == 2


def test_stopping_an_unknown_session_is_not_found(aws: Clients) -> None:
    """AWS: an unknown or ended session is ResourceNotFoundException."""
    arn = ready(aws)
    stop = aws.data.stop_runtime_session
    answer = refusal(lambda: stop(agentRuntimeArn=arn, runtimeSessionId=str(uuid.uuid4())))
    assert answer[:2] == ("ResourceNotFoundException", 404)


def test_an_idle_session_ends_after_fifteen_minutes(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine
) -> None:
    """A call starts the idle countdown anew; without one the session ends, and nothing of it is left."""
    arn = ready(aws)
    session_id = str(uuid.uuid4())
    for _ in range(2):
        invoke(aws, arn, runtimeSessionId=session_id)
        # The caller has the last byte a moment before the engine counts the call as ended.
        eventually(lambda: [session["state"] for session in sessions(engine)] == ["Idle"])
        clock.advance(timedelta(minutes=14, seconds=59))
    assert [session["state"] for session in sessions(engine)] == ["Idle"]
    clock.advance(timedelta(seconds=1))
    eventually(lambda: backend.running == {})
    assert [(s["state"], s["reason"]) for s in sessions(engine)] == [("Terminated", "idle")]


def test_a_session_ends_at_its_maximum_lifetime_however_busy(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine
) -> None:
    """Eight hours count from the start and are never reset."""
    arn = ready(aws)
    session_id = str(uuid.uuid4())
    for _ in range(48):
        invoke(aws, arn, runtimeSessionId=session_id)
        clock.advance(timedelta(minutes=10))
    eventually(lambda: backend.running == {})
    assert [s["reason"] for s in sessions(engine)] == ["maximum lifetime"]
    assert len(backend.started) == 1


def test_deleting_a_runtime_ends_its_sessions(aws: Clients, backend: ScriptedBackend) -> None:
    """Nothing of a deleted runtime goes on running."""
    arn = ready(aws)
    invoke(aws, arn)
    aws.control.delete_agent_runtime(agentRuntimeId=arn.rpartition("/")[2])
    eventually(lambda: backend.running == {})


def test_a_call_that_waits_for_a_start_is_told_when_the_session_ends_first(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """A runtime deleted while its session starts: the caller gets AWS's conflict, not a broken connection."""
    arn = ready(aws, scripted(backend, Script(unhealthy_pings=1_000_000, proof=Script())))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(refusal, lambda: invoke(aws, arn))
        eventually(lambda: [s["state"] for s in sessions(engine)] == ["Provisioning"])
        aws.control.delete_agent_runtime(agentRuntimeId=arn.rpartition("/")[2])
        assert waiting.result()[:3] == (
            "RetryableConflictException",
            409,
            "Session operation in progress, please retry",
        )
    eventually(lambda: backend.running == {})


def test_stopping_a_session_that_starts_is_a_conflict(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """AWS: a second operation while the session is being provisioned is a RetryableConflictException."""
    arn = ready(aws, scripted(backend, Script(unhealthy_pings=1_000_000, proof=Script())))
    session_id = str(uuid.uuid4())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(refusal, lambda: invoke(aws, arn, runtimeSessionId=session_id))
        eventually(lambda: [s["state"] for s in sessions(engine)] == ["Provisioning"])
        stop = aws.data.stop_runtime_session
        answer = refusal(lambda: stop(agentRuntimeArn=arn, runtimeSessionId=session_id))
        assert answer[:2] == ("RetryableConflictException", 409)
        aws.control.delete_agent_runtime(agentRuntimeId=arn.rpartition("/")[2])
        waiting.result()


def test_headers_are_let_through_by_the_sessions_own_version(aws: Clients, backend: ScriptedBackend) -> None:
    """An update that drops the allow-list does not reach sessions that run already."""

    async def team(request: web.Request) -> web.Response:
        return web.Response(text=request.headers.get("X-Team", "none"))

    uri = scripted(backend, Script(answer=team))
    arn = ready(aws, uri, requestHeaderConfiguration={"requestHeaderAllowlist": ["X-Team"]})
    aws.data.meta.events.register(
        "before-send.bedrock-agentcore.InvokeAgentRuntime",
        lambda request, **_: request.headers.__setitem__("X-Team", "blue"),
    )
    old, new = str(uuid.uuid4()), str(uuid.uuid4())
    assert invoke(aws, arn, runtimeSessionId=old)["body"] == b"blue"
    update(aws, arn.rpartition("/")[2], uri)
    settled(aws, arn.rpartition("/")[2])
    assert invoke(aws, arn, runtimeSessionId=old)["body"] == b"blue"
    assert invoke(aws, arn, runtimeSessionId=new)["body"] == b"none"


def test_an_agent_that_exits_at_start_answers_424_with_its_last_words(
    aws: Clients, backend: ScriptedBackend
) -> None:
    """AWS's message first, then what the container said, which AWS hides."""
    uri = scripted(
        backend, Script(exits=1, log=("Traceback …", "ModuleNotFoundError: No module named 'nope'"))
    )
    arn = ready(aws, uri)
    code, status, message, _ = refusal(lambda: invoke(aws, arn))
    assert (code, status) == ("RuntimeClientError", 424)
    assert message.startswith(
        "Runtime initialization time exceeded. Please make sure that initialization completes in 120s."
    )
    assert "exited with code 1" in message
    assert message.endswith("ModuleNotFoundError: No module named 'nope'")
    assert backend.running == {}


def test_an_error_answer_of_the_agent_is_a_424(aws: Clients, backend: ScriptedBackend) -> None:
    """A 4xx or 5xx of the container becomes RuntimeClientError with its status; the session lives on."""

    async def fail(_request: web.Request) -> web.Response:
        return web.json_response({"error": "boom"}, status=500)

    arn = ready(aws, scripted(backend, Script(answer=fail, log=("boom happened",))))
    code, status, message, _ = refusal(lambda: invoke(aws, arn))
    assert (code, status) == ("RuntimeClientError", 424)
    assert message.startswith("Received error (500) from runtime.")
    assert 'The container answered: {"error": "boom"}' in message
    assert message.endswith("boom happened")
    assert len(backend.running) == 1


def test_a_sandbox_that_dies_while_it_answers_ends_the_session(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """A crash is a 424, the session is Terminated as crashed, and the next call starts a new one."""

    async def die(request: web.Request) -> web.Response:
        (sandbox_id,) = backend.running
        backend.running[sandbox_id].exited = 137
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    arn = ready(aws, scripted(backend, Script(answer=die)))
    session_id = str(uuid.uuid4())
    code, _, message, _ = refusal(lambda: invoke(aws, arn, runtimeSessionId=session_id))
    assert code == "RuntimeClientError"
    assert "exited with code 137" in message
    assert [s["reason"] for s in sessions(engine)] == ["crashed"]


def test_a_session_id_of_32_characters_is_refused(aws: Clients, engine: RunningEngine) -> None:
    """The engine holds the minimum of 33 itself, for clients that do not check it as boto3 does."""
    arn = ready(aws)
    aws.data.meta.events.register(
        "before-call.bedrock-agentcore.InvokeAgentRuntime",
        lambda params, **_: params["headers"].__setitem__(SESSION_HEADER, "x" * 32),
    )
    code, status, message, response = refusal(lambda: invoke(aws, arn))
    assert (code, status) == ("ValidationException", 400)
    assert "Member must have length greater than or equal to 33" in message
    assert [field["name"] for field in response["fieldList"]] == ["runtimeSessionId"]
    assert sessions(engine) == []


def test_an_unknown_arn_or_qualifier_is_not_found(aws: Clients) -> None:
    """Both are ResourceNotFoundException, each naming what was not found."""
    code, status, message, _ = refusal(lambda: invoke(aws, NOBODY))
    assert (code, status) == ("ResourceNotFoundException", 404)
    assert message == "Agent 'nobody-0123456789' was not found. Please check the agent ID and try again."
    arn = ready(aws)
    code, status, message, _ = refusal(lambda: invoke(aws, arn, qualifier="prod"))
    assert (code, status) == ("ResourceNotFoundException", 404)
    assert "'prod'" in message


def test_a_bare_id_needs_its_account(aws: Clients) -> None:
    """AWS: agentRuntimeArn may be an id when accountId says whose."""
    runtime_id = ready(aws).rpartition("/")[2]
    assert invoke(aws, runtime_id, accountId="123456789012")["statusCode"] == 200
    assert refusal(lambda: invoke(aws, runtime_id))[0] == "ValidationException"
    assert refusal(lambda: invoke(aws, runtime_id, accountId="210987654321"))[0] == "AccessDeniedException"


def test_a_start_that_outlasts_the_maximum_lifetime_is_ended(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine
) -> None:
    """Though no other session lives whose deadlines would wake the engine; the caller may try again."""
    arn = ready(aws, scripted(backend, Script(unhealthy_pings=1_000_000, proof=Script())))
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(refusal, lambda: invoke(aws, arn, runtimeSessionId=str(uuid.uuid4())))
        eventually(lambda: bool(sessions(engine)) and bool(backend.running))
        clock.advance(timedelta(seconds=28_800))
        assert call.result(60)[:2] == ("RetryableConflictException", 409)
    assert sessions(engine)[0]["reason"] == "maximum lifetime"
    assert backend.running == {}
