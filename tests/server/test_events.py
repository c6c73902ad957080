"""The event stream: what it tells, what a client that comes back gets, and what it costs when nobody listens."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from urllib.error import HTTPError

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.runtime.events import Events
from agentcore_lab.sandbox.base import Usage
from agentcore_lab.server.gauges import added
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend
from tests.conftest import Clients
from tests.patience import PATIENCE
from tests.runtime.test_control_plane import create, settled, update
from tests.runtime.test_invocations import invoke, ready, scripted
from tests.server.sse import follow
from tests.server.test_websocket import url_of
from tests.signing import signed


def test_a_client_needs_one_request_only(aws: Clients, engine: RunningEngine, clock: FakeClock) -> None:
    """The first event says all: engine, clock, sessions with their health checks, runtimes with versions."""
    arn, session_id = ready(aws), str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=session_id)
    with follow(engine.url) as reader:
        told = reader.next()
    assert told.kind == "snapshot"
    assert told.id.startswith("test-")
    assert told.data["engine"]["url"] == engine.url
    assert (told.data["now"], told.data["aheadSeconds"]) == (clock.now().isoformat(), 0)
    (session,) = told.data["sessions"]
    assert (session["sessionId"], session["agentRuntimeArn"], session["state"]) == (session_id, arn, "Idle")
    assert (session["pings"], session["idleTimeoutSeconds"]) == ([], 900)
    (runtime,) = told.data["runtimes"]
    assert (runtime["arn"], runtime["status"], runtime["latestVersion"]) == (arn, "READY", "1")
    assert [version["version"] for version in runtime["versions"]] == ["1"]
    assert [(each["name"], each["liveVersion"]) for each in runtime["endpoints"]] == [("DEFAULT", "1")]


def test_a_session_is_told_from_its_start_to_its_end(
    aws: Clients, engine: RunningEngine, clock: FakeClock
) -> None:
    """Every state, calls in flight, health checks, and the reason of the end; one invocation with its times."""
    arn, session_id = ready(aws), str(uuid.uuid4())
    with follow(engine.url) as reader:
        reader.next()
        invoke(aws, arn, runtimeSessionId=session_id)
        invocation = reader.until("invocation").data
        assert (invocation["sessionId"], invocation["status"], invocation["endpoint"]) == (
            session_id,
            200,
            "DEFAULT",
        )
        assert invocation["sandboxStartMs"] is not None
        phases = ("parsedMs", "authorizedMs", "admittedMs", "headMs", "firstByteMs", "lastByteMs")
        assert sorted(invocation[phase] for phase in phases) == [invocation[phase] for phase in phases]
        clock.advance(timedelta(seconds=2))
        pings = reader.until("ping").data["pings"]
        assert [(ping["status"], ping["at"]) for ping in pings.values()] == [
            ("Healthy", clock.now().isoformat())
        ]
        aws.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=session_id)
        ended = reader.until("session", lambda told: told["state"] == "Terminated").data
        assert (ended["reason"], ended["endsAt"]) == ("stopped", None)


def test_a_call_in_flight_is_told_while_it_is(
    aws: Clients, engine: RunningEngine, backend: ScriptedBackend
) -> None:
    """Provisioning, then Active with one call, then Idle."""

    async def slow(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.Response(body=b"{}")

    arn = ready(aws, scripted(backend, Script(answer=slow)))
    with follow(engine.url) as reader:
        reader.next()
        invoke(aws, arn)
        seen = [reader.until("session").data]
        while seen[-1]["state"] != "Idle":
            seen.append(reader.until("session").data)
    assert ("Active", 1) in [(told["state"], told["inFlight"]) for told in seen]
    assert (seen[-1]["state"], seen[-1]["inFlight"]) == ("Idle", 0)


def test_runtimes_versions_and_endpoints_are_told(aws: Clients, engine: RunningEngine) -> None:
    """Created, updated, an endpoint made and moved, deleted: each settles in an event of the runtime."""
    with follow(engine.url) as reader:
        reader.next()
        made = create(aws)
        runtime_id = made["agentRuntimeId"]
        reader.until("runtime", lambda told: told["status"] == "READY")
        settled(aws, runtime_id)
        aws.control.create_agent_runtime_endpoint(agentRuntimeId=runtime_id, name="prod")
        reader.until("runtime", lambda told: len(told["endpoints"]) == 2)
        update(aws, runtime_id)
        told = reader.until(
            "runtime", lambda told: told["status"] == "READY" and told["latestVersion"] == "2"
        ).data
        live = {each["name"]: each["liveVersion"] for each in told["endpoints"]}
        assert live == {"DEFAULT": "2", "prod": "1"}
        aws.control.delete_agent_runtime(agentRuntimeId=runtime_id)
        gone = reader.until("runtime", lambda told: "deleted" in told).data
        assert gone == {"id": runtime_id, "deleted": True}


def test_a_failed_invocation_is_told_with_its_code(aws: Clients, engine: RunningEngine) -> None:
    """Refusals too: status and AWS's code, though nothing was started."""
    arn = ready(aws)
    with follow(engine.url) as reader:
        reader.next()
        with pytest.raises(aws.data.exceptions.ResourceNotFoundException):
            invoke(aws, arn, qualifier="nowhere")
        told = reader.until("invocation").data
    assert (told["status"], told["error"], told["endpoint"]) == (404, "ResourceNotFoundException", "nowhere")


def test_a_command_is_told_with_its_times(aws: Clients, engine: RunningEngine) -> None:
    """As an invocation is: who, where, and when what."""
    arn, session_id = ready(aws), str(uuid.uuid4())
    with follow(engine.url) as reader:
        reader.next()
        answer = aws.data.invoke_agent_runtime_command(
            agentRuntimeArn=arn, runtimeSessionId=session_id, body={"command": "echo hello"}
        )
        list(answer["stream"])
        told = reader.until("invocation").data
    assert (told["operation"], told["status"], told["sessionId"], told["agentRuntimeVersion"]) == (
        "InvokeAgentRuntimeCommand",
        200,
        session_id,
        "1",
    )
    assert told["sandboxStartMs"] is not None
    phases = ("parsedMs", "authorizedMs", "headMs", "firstByteMs", "lastByteMs")
    assert sorted(told[phase] for phase in phases) == [told[phase] for phase in phases]


async def test_a_websocket_is_told_when_it_opens_and_when_it_ends(
    aws: Clients, engine: RunningEngine, backend: ScriptedBackend
) -> None:
    """By the same id; nobody waits an hour to see that it is there."""

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    arn = await asyncio.to_thread(ready, aws, scripted(backend, Script(gets={"/ws": echo})))
    with follow(engine.url) as reader:
        reader.next()
        url = url_of(engine, arn)
        headers = await asyncio.to_thread(signed, "GET", url)
        async with aiohttp.ClientSession() as http, http.ws_connect(URL(url, encoded=True), headers=headers):
            opened = (await asyncio.to_thread(reader.until, "invocation")).data
        ended = (await asyncio.to_thread(reader.until, "invocation")).data
    assert opened["id"] == ended["id"]
    assert (opened["operation"], opened["status"], opened["lastByteMs"]) == (
        "InvokeAgentRuntimeWithWebSocketStream",
        101,
        None,
    )
    assert (ended["status"], ended["sessionId"]) == (101, opened["sessionId"])
    assert ended["lastByteMs"] >= ended["headMs"] >= ended["agentMs"] > 0


def test_the_clock_is_told(engine: RunningEngine) -> None:
    """A clock that was set ahead says what it shows."""
    with follow(engine.url) as reader:
        reader.next()
        answer = engine.send("clock", {"advanceSeconds": 60})
        assert reader.until("clock").data == answer


def test_who_comes_back_gets_what_was_missed(aws: Clients, engine: RunningEngine) -> None:
    """With Last-Event-ID nothing is told twice and nothing is left out, though nobody listened in between."""
    arn, first, second = ready(aws), str(uuid.uuid4()), str(uuid.uuid4())
    with follow(engine.url) as reader:
        reader.next()
        invoke(aws, arn, runtimeSessionId=first)
        reader.until("invocation")
        last = reader.last_id
    invoke(aws, arn, runtimeSessionId=second)
    with follow(engine.url, Last_Event_ID=last) as reader:
        told = [reader.next()]
        while told[-1].kind != "invocation":
            told.append(reader.next())
    assert "snapshot" not in {each.kind for each in told}
    assert told[-1].data["sessionId"] == second
    assert {each.data["sessionId"] for each in told if each.kind == "session"} == {second}


@pytest.mark.parametrize("last", ["other-3", "test-99999", "test-x", "nonsense"])
def test_who_comes_back_with_an_id_of_another_engine_gets_a_snapshot(
    engine: RunningEngine, last: str
) -> None:
    """An engine that was restarted does not know what its forerunner told."""
    with follow(engine.url, Last_Event_ID=last) as reader:
        assert reader.next().kind == "snapshot"


def test_logs_are_followed_on_demand(aws: Clients, engine: RunningEngine, backend: ScriptedBackend) -> None:
    """The last lines at once, then each line once as it is written; of the session asked for alone."""
    lines = ["one", "two"]
    arn, session_id = ready(aws, scripted(backend, Script(log=lines))), str(uuid.uuid4())
    invoke(aws, arn, runtimeSessionId=session_id)
    with follow(engine.url) as quiet, follow(engine.url, f"?logs={session_id}") as reader:
        quiet.next()
        told = reader.until("log").data
        assert (told["lines"], told["afresh"], told["sessionId"]) == (["one", "two"], True, session_id)
        lines.append("three")
        assert reader.until("log").data["lines"] == ["three"]
        engine.send("clock", {"advanceSeconds": 1})
        assert quiet.next().kind == "clock"


def test_usage_is_told_on_demand(aws: Clients, engine: RunningEngine, backend: ScriptedBackend) -> None:
    """Processor time and memory of each living session by its sandbox."""
    arn = ready(aws, scripted(backend, Script(usage=Usage(1.5, 1024))))
    invoke(aws, arn)
    with follow(engine.url, "?usage=1") as reader:
        (sandbox,) = [each["sandboxId"] for each in reader.next().data["sessions"]]
        assert reader.until("usage").data == {
            sandbox: {"cpuSeconds": 1.5, "memoryBytes": 1024, "memoryLimitBytes": None}
        }


def test_pages_of_another_origin_may_not_follow(engine: RunningEngine) -> None:
    """What a browser has open elsewhere does not learn what runs here."""
    with pytest.raises(HTTPError) as refused, follow(engine.url, Origin="http://evil.example"):
        pass
    with refused.value:
        assert refused.value.code == 403


def test_an_engine_that_ends_ends_its_streams(aws: Clients, engine: RunningEngine) -> None:
    """A stream that is open does not hold up the end (the fixture's engine stops after this test)."""
    with follow(engine.url) as reader:
        reader.next()


def numbers(events: Events, since: int) -> list[int] | None:
    """What a reader at ``since`` is given."""
    found = events.since(since)
    return None if found is None else [event.number for event in found]


async def test_nothing_is_recorded_while_nobody_follows() -> None:
    """And what was not recorded is never taken for nothing having happened."""
    events = Events(linger=0.01)
    events.tell("a", "1")
    assert (events.number, events.followed) == (0, False)
    with events.follow():
        events.tell("a", "1")
        assert numbers(events, 0) == [1]
    await asyncio.sleep(0.05)
    events.tell("a", "2")
    assert events.since(2) == []
    assert numbers(events, 1) is None


async def test_a_reader_that_falls_behind_has_lost_what_the_record_no_longer_holds() -> None:
    """The record is bounded; whoever is too slow starts again from a snapshot."""
    events = Events(remembered=3)
    with events.follow():
        for _ in range(5):
            events.tell("a", "1")
        assert numbers(events, 1) is None
        assert numbers(events, 2) == [3, 4, 5]
        assert numbers(events, 5) == []
        assert numbers(events, 6) is None
    events.close()


async def test_a_reader_is_woken_by_news_and_by_the_end() -> None:
    """Waiting costs nothing and ends with the next event."""
    events = Events()
    with events.follow():
        waiting = asyncio.create_task(events.news(0))
        await asyncio.sleep(0)
        assert not waiting.done()
        events.tell("a", "1")
        await asyncio.wait_for(waiting, PATIENCE)
        waiting = asyncio.create_task(events.news(1))
        await asyncio.sleep(0)
        events.close()
        await asyncio.wait_for(waiting, PATIENCE)


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ([], ["a"], ["a"]),
        (["a"], ["a"], []),
        (["a", "b"], ["b", "c"], ["c"]),
        (["a", "a"], ["a", "a", "a"], ["a"]),
        (["a", "b"], ["x", "y"], ["x", "y"]),
    ],
)
def test_new_lines_are_those_after_what_was_read(before: list[str], after: list[str], new: list[str]) -> None:
    """A tail moves on: what both have is not told again."""
    assert list(added(before, after)) == new
