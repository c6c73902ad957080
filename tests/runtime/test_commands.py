"""InvokeAgentRuntimeCommand as boto3 sees it, on scripted sandboxes."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import EventStreamError

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.sandbox.commands import NoSuchProgram
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend
from agentcore_lab.testing.commands import Writer
from tests.conftest import Clients
from tests.patience import PATIENCE, eventually
from tests.runtime.test_authorization import deny
from tests.runtime.test_control_plane import refusal
from tests.runtime.test_invocations import NOBODY, SESSION_HEADER, invoke, ready, scripted, sessions
from tests.signing import signed

Event = dict[str, Any]


def start(aws: Clients, arn: str, command: str = "true", **more: Any) -> Any:
    """The answer to InvokeAgentRuntimeCommand, its events still to be read."""
    timeout = {"timeout": more.pop("timeout")} if "timeout" in more else {}
    return aws.data.invoke_agent_runtime_command(
        agentRuntimeArn=arn, body={"command": command, **timeout}, **more
    )


def chunks(answer: Any) -> Iterable[Event]:
    """The events of an answer."""
    try:
        for event in answer["stream"]:
            assert event.keys() == {"chunk"}
            yield event["chunk"]
    finally:
        answer["stream"].close()


def broken_off(events: Iterable[Event]) -> tuple[list[Event], str]:
    """The events up to the exception that ends a stream, and what that says."""
    seen = []
    try:
        for event in events:
            seen.append(event)  # noqa: PERF402 - what came before the exception counts
    except EventStreamError as error:
        return seen, str(error)
    raise AssertionError("the stream did not break off")


def run(aws: Clients, arn: str, command: str = "true", **more: Any) -> tuple[str, str, Event]:
    """All of stdout, all of stderr, and the last event of a command."""
    first, *deltas, last = chunks(start(aws, arn, command, **more))
    assert first == {"contentStart": {}}
    pieces = [delta["contentDelta"] for delta in deltas]
    texts = ["".join(piece.get(stream, "") for piece in pieces) for stream in ("stdout", "stderr")]
    return texts[0], texts[1], last["contentStop"]


def state(engine: RunningEngine) -> str:
    """The only session's state."""
    (session,) = sessions(engine)
    return str(session["state"])


def test_a_commands_output_and_exit_code(aws: Clients, backend: ScriptedBackend) -> None:
    """The command is run by bash; its output comes apart, its exit code is no error."""

    async def script(writer: Writer) -> int:
        assert writer.arguments == ["/bin/bash", "-c", "make it"]
        await writer.out(b"done\n")
        await writer.out(b"badly\n", "stderr")
        return 3

    arn = ready(aws, scripted(backend, Script(command=script)))
    assert run(aws, arn, "make it") == ("done\n", "badly\n", {"exitCode": 3, "status": "COMPLETED"})


def test_the_head_of_the_answer(aws: Clients) -> None:
    """The session id comes back, and what the caller sent for tracing."""
    session_id = str(uuid.uuid4())
    trace = {"traceId": "Root=1-2", "traceParent": "00-a-b-01", "traceState": "c=d", "baggage": "a=b"}
    answer = start(aws, ready(aws), runtimeSessionId=session_id, **trace)
    assert answer["runtimeSessionId"] == session_id
    assert {name: answer[name] for name in trace} == trace
    assert (answer["statusCode"], answer["contentType"]) == (200, "application/vnd.amazon.eventstream")
    assert [*chunks(answer)][-1] == {"contentStop": {"exitCode": 0, "status": "COMPLETED"}}


def test_commands_and_calls_share_a_session(aws: Clients, backend: ScriptedBackend) -> None:
    """A command with an unknown session id starts a sandbox, and the calls that follow meet the same one."""
    arn, session_id = ready(aws), str(uuid.uuid4())
    run(aws, arn, runtimeSessionId=session_id)
    invoke(aws, arn, runtimeSessionId=session_id)
    run(aws, arn, runtimeSessionId=session_id)
    assert len(backend.started) == 1


def test_output_comes_while_the_command_runs(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """Each piece is an event as soon as it is written; meanwhile the session is Active, afterwards Idle."""
    go = threading.Event()

    async def script(writer: Writer) -> int:
        await writer.out(b"one")
        assert await asyncio.to_thread(go.wait, 10)
        await writer.out(b"two")
        return 0

    events = iter(chunks(start(aws, ready(aws, scripted(backend, Script(command=script))))))
    assert next(events) == {"contentStart": {}}
    assert next(events) == {"contentDelta": {"stdout": "one"}}
    assert state(engine) == "Active"
    go.set()
    assert next(events) == {"contentDelta": {"stdout": "two"}}
    assert "contentStop" in next(events)
    assert list(events) == []
    assert state(engine) == "Idle"


def test_commands_and_calls_do_not_wait_for_each_other(aws: Clients, backend: ScriptedBackend) -> None:
    """Ten commands that each wait for all ten, and a call between them, all end."""
    waiting: list[Writer] = []
    all_there: list[asyncio.Event] = []

    async def script(writer: Writer) -> int:
        waiting.append(writer)
        if not all_there:
            all_there.append(asyncio.Event())
        if len(waiting) == 10:
            all_there[0].set()
        await all_there[0].wait()
        return 0

    arn, session_id = ready(aws, scripted(backend, Script(command=script))), str(uuid.uuid4())
    with ThreadPoolExecutor(10) as pool:
        first = [pool.submit(run, aws, arn, runtimeSessionId=session_id) for _ in range(9)]
        eventually(lambda: len(waiting) == 9)
        assert invoke(aws, arn, b"between", runtimeSessionId=session_id)["body"] == b"between"
        last = run(aws, arn, runtimeSessionId=session_id)
        assert {found.result()[2]["exitCode"] for found in first} == {last[2]["exitCode"]} == {0}


def test_a_command_that_takes_too_long(aws: Clients, backend: ScriptedBackend, clock: FakeClock) -> None:
    """It is killed, what it wrote is kept, and its end is TIMED_OUT; 300 s if the caller does not say."""
    killed: list[bool] = []

    async def script(writer: Writer) -> int:
        await writer.out(b"so far")
        try:
            await asyncio.sleep(3600)
        finally:
            killed.append(True)
        return 0

    arn = ready(aws, scripted(backend, Script(command=script)))
    asked: tuple[tuple[int, dict[str, Any]], ...] = ((300, {}), (7, {"timeout": 7}))
    for seconds, more in asked:
        events = iter(chunks(start(aws, arn, **more)))
        assert [next(events), next(events)][1] == {"contentDelta": {"stdout": "so far"}}
        clock.advance(timedelta(seconds=seconds - 1))
        assert not killed
        clock.advance(timedelta(seconds=1))
        assert list(events) == [{"contentStop": {"exitCode": -1, "status": "TIMED_OUT"}}]
        assert killed.pop()


def test_time_passes_for_a_caller_who_does_not_read(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """A command that waits for its reader is killed when its time is over all the same."""
    killed, stuck = threading.Event(), threading.Event()

    async def script(writer: Writer) -> int:
        try:
            while True:
                try:
                    await asyncio.wait_for(writer.out(b"x" * 32_000), 0.5)
                except TimeoutError:
                    stuck.set()
        finally:
            killed.set()

    answer = start(aws, ready(aws, scripted(backend, Script(command=script))))
    assert stuck.wait(PATIENCE)
    clock.advance(timedelta(seconds=300))
    assert killed.wait(PATIENCE)
    assert [*chunks(answer)][-1] == {"contentStop": {"exitCode": -1, "status": "TIMED_OUT"}}


def test_events_hold_whole_characters_and_no_more_than_64_kb(aws: Clients, backend: ScriptedBackend) -> None:
    """Characters cut by the command's writes are put together, large writes are cut up, bytes are replaced."""
    text = "größe €uro 🙂" * 20_000 + "\0" * 30_000
    data = text.encode()

    async def script(writer: Writer) -> int:
        for at in range(0, len(data), 100_003):
            await writer.out(data[at : at + 100_003])
        await writer.out(b"a\xff\xe2\x82", "stderr")
        return 0

    arn = ready(aws, scripted(backend, Script(command=script)))
    _, *deltas, _ = chunks(start(aws, arn))
    assert "".join(delta["contentDelta"].get("stdout", "") for delta in deltas) == text
    assert "".join(delta["contentDelta"].get("stderr", "") for delta in deltas) == "a��"
    assert max(len(json.dumps(delta, ensure_ascii=False).encode()) for delta in deltas) <= 64 * 1024 - 200


def test_output_is_limited_to_100_mb(aws: Clients, backend: ScriptedBackend) -> None:
    """What is beyond it ends the command, and the stream with an exception."""
    killed: list[bool] = []

    async def script(writer: Writer) -> int:
        try:
            for _ in range(101):
                await writer.out(b"x" * 1_000_000)
        finally:
            killed.append(True)
        return 0

    arn = ready(aws, scripted(backend, Script(command=script)))
    events, said = broken_off(chunks(start(aws, arn)))
    total = sum(len(event.get("contentDelta", {}).get("stdout", "")) for event in events)
    assert "serviceQuotaExceededException" in said
    assert "more than 100,000,000 bytes" in said
    assert total == 100_000_000
    eventually(lambda: killed == [True])


def test_a_caller_who_leaves_ends_the_command(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """A command nobody reads is killed, and no longer keeps its session Active."""
    killed = threading.Event()

    async def script(writer: Writer) -> int:
        await writer.out(b"started")
        try:
            await asyncio.sleep(3600)
        finally:
            killed.set()
        return 0

    answer = start(aws, ready(aws, scripted(backend, Script(command=script))))
    events = iter(chunks(answer))
    assert [next(events), next(events)][1] == {"contentDelta": {"stdout": "started"}}
    answer["stream"].close()
    assert killed.wait(PATIENCE)
    eventually(lambda: state(engine) == "Idle")


def test_a_session_that_ends_takes_its_commands_along(aws: Clients, backend: ScriptedBackend) -> None:
    """The stream ends with an exception that says why, not with an exit code."""

    async def script(writer: Writer) -> int:
        await writer.out(b"started")
        await asyncio.sleep(3600)
        return 0

    arn = ready(aws, scripted(backend, Script(command=script)))
    answer = start(aws, arn)
    events = iter(chunks(answer))
    assert [next(events), next(events)][1] == {"contentDelta": {"stdout": "started"}}
    aws.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=answer["runtimeSessionId"])
    with pytest.raises(
        EventStreamError, match=r"runtimeClientError.*ended while the command ran \(stopped\)"
    ):
        next(events)


def test_a_fault_of_the_engine_ends_the_stream(aws: Clients, backend: ScriptedBackend) -> None:
    """An internal error that says where to look, and nothing of what went wrong."""

    async def script(writer: Writer) -> int:
        await writer.out(b"so far")
        raise ZeroDivisionError("secret")

    seen, said = broken_off(chunks(start(aws, ready(aws, scripted(backend, Script(command=script))))))
    assert seen[-1] == {"contentDelta": {"stdout": "so far"}}
    assert "(internalServerException)" in said
    assert "secret" not in said


def test_an_image_without_bash(aws: Clients, backend: ScriptedBackend) -> None:
    """A platform error: exit code -1, and what to do about it on stderr."""

    async def script(_writer: Writer) -> int:
        raise NoSuchProgram("stat /bin/bash: no such file or directory")

    arn = ready(aws, scripted(backend, Script(command=script)))
    _, said, end = run(aws, arn)
    assert end == {"exitCode": -1, "status": "COMPLETED"}
    assert "stat /bin/bash: no such file or directory" in said
    assert "Add bash to the image" in said


def test_errors_before_the_stream_are_answers(aws: Clients, backend: ScriptedBackend) -> None:
    """An unknown runtime, an unknown endpoint and an agent that does not start are refused as an invocation is."""
    arn = ready(aws, scripted(backend, Script(exits=1, log=["Traceback"], proof=Script())))
    assert refusal(lambda: start(aws, NOBODY))[:2] == ("ResourceNotFoundException", 404)
    assert refusal(lambda: start(aws, arn, qualifier="nowhere"))[:2] == ("ResourceNotFoundException", 404)
    code, status, message, _ = refusal(lambda: start(aws, arn))
    assert (code, status) == ("RuntimeClientError", 424)
    assert message.startswith("Runtime initialization time exceeded.")


@pytest.mark.parametrize(
    ("command", "timeout", "field"),
    [
        ("", 1, "body.command"),
        ("x" * 65_537, 1, "body.command"),
        ("x", 0, "body.timeout"),
        ("x", -1, "body.timeout"),
        ("x", 3601, "body.timeout"),
        ("x", "soon", "body.timeout"),
        (None, 1, "body.command"),
    ],
)
def test_what_a_command_may_not_be(
    aws: Clients, engine: RunningEngine, command: Any, timeout: Any, field: str
) -> None:
    """Its length and its time have limits, each named in the answer; no session is started for it."""
    code, members = post(engine, ready(aws), {"command": command, "timeout": timeout})
    assert (code, members["reason"]) == ("ValidationException", "FieldValidationFailed")
    assert [each["name"] for each in members["fieldList"]] == [field]
    assert sessions(engine) == []


def test_the_longest_command_and_time(aws: Clients) -> None:
    """65,536 characters and an hour are allowed."""
    text = "é" * 65_536
    assert run(aws, ready(aws), text, timeout=3600)[0] == text


def test_web_pages_of_others_run_nothing(aws: Clients, engine: RunningEngine) -> None:
    """A page a browser has open can send requests to this machine: not this one."""
    code, _ = post(engine, ready(aws), {"command": "true"}, Origin="https://example.com")
    assert code == "AccessDeniedException"
    assert sessions(engine) == []


def test_policies_have_their_say(aws: Clients, engine: RunningEngine) -> None:
    """A statement that denies InvokeAgentRuntimeCommand is one about commands alone."""
    arn = ready(aws)
    deny(aws, arn, "bedrock-agentcore:InvokeAgentRuntimeCommand")
    assert refusal(lambda: start(aws, arn))[:2] == ("AccessDeniedException", 403)
    assert sessions(engine) == []
    assert invoke(aws, arn)["statusCode"] == 200


def test_the_command_is_logged(aws: Clients, caplog: pytest.LogCaptureFixture) -> None:
    """The engine's log tells what was run, and in which session."""
    arn, session_id = ready(aws), str(uuid.uuid4())
    with caplog.at_level(logging.INFO, "agentcore_lab"):
        run(aws, arn, "rm -rf /tmp/x", runtimeSessionId=session_id)
    assert any(session_id in line and "rm -rf /tmp/x" in line for line in caplog.messages)


def post(engine: RunningEngine, arn: str, body: dict[str, Any], **headers: str) -> tuple[str, dict[str, Any]]:
    """The error code and members of a refusal that boto3 would not have sent."""
    data = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
    url = f"{engine.url}/runtimes/{quote(arn, safe='')}/commands"
    given = {SESSION_HEADER: str(uuid.uuid4()), **headers}
    try:
        urlopen(Request(url, data, given if "Origin" in headers else signed("POST", url, data, given)))
    except HTTPError as error:
        with error:
            return error.headers["x-amzn-ErrorType"], json.load(error)
    raise AssertionError("it was not refused")
