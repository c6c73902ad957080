"""Bytes on their way: as they come, no byte more or less, and nothing held back."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.runtime.headers import SESSION_ID
from agentcore_lab.runtime.limits import IDLE_CONNECTION_SECONDS, MAX_PAYLOAD_BYTES
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend
from tests.conftest import Clients
from tests.patience import PATIENCE, eventually
from tests.runtime.calls import invocations, send
from tests.runtime.test_control_plane import create, refusal, settled
from tests.runtime.test_invocations import invoke, ready, scripted, sessions
from tests.signing import signed


class Turns:
    """Lets an agent go on one event at a time, from the test's thread."""

    def __init__(self) -> None:
        self._turn = threading.Semaphore(0)
        self.left = threading.Event()

    def next(self) -> None:
        """Let the agent make one more event."""
        self._turn.release()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """An agent that makes an event a turn, and says when its caller is gone."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            for number in range(1000):
                while not self._turn.acquire(blocking=False):
                    await asyncio.sleep(0.002)
                    if request.transport is None or request.transport.is_closing():
                        return response
                await response.write(f"data: {number}\n\n".encode())
        finally:
            self.left.set()
        return response


@contextmanager
def opened(engine: RunningEngine, arn: str) -> Iterator[http.client.HTTPResponse]:
    """An answer whose head has come and whose body is still to be read, byte by byte if one likes."""
    parts = urlsplit(engine.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    path = invocations(arn)
    connection.request("POST", path, b"{}", signed("POST", engine.url + path, b"{}"))
    answer = connection.getresponse()
    try:
        yield answer
    finally:
        answer.close()
        connection.close()


def drain(answer: http.client.HTTPResponse) -> int:
    """Read to the end, or to where it breaks off, which raises; how much it was."""
    total = 0
    while chunk := answer.read(1_000_000):
        total += len(chunk)
    return total


def test_each_event_reaches_the_caller_before_the_next_is_made(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """Nothing is merged, split or held: the agent makes an event only when the last one has been read."""
    turns = Turns()
    arn = ready(aws, scripted(backend, Script(answer=turns.stream)))
    turns.next()
    with opened(engine, arn) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        for number in range(50):
            assert answer.read1() == f"data: {number}\n\n".encode()
            turns.next()


def test_boto3_reads_events_as_they_come(aws: Clients, backend: ScriptedBackend) -> None:
    """With the chunk size the labs use; its default would hold 1,024 bytes back."""
    turns = Turns()
    arn = ready(aws, scripted(backend, Script(answer=turns.stream)))
    turns.next()
    answer = aws.data.invoke_agent_runtime(agentRuntimeArn=arn, payload=b"{}")
    lines = answer["response"].iter_lines(chunk_size=1)
    for number in range(10):
        assert next(lines) == f"data: {number}".encode()
        turns.next()
        assert next(lines) == b""
    answer["response"].close()


def test_a_caller_who_leaves_stops_the_agent(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """The agent's connection is closed, and its session is at rest again."""
    turns = Turns()
    arn = ready(aws, scripted(backend, Script(answer=turns.stream)))
    turns.next()
    with opened(engine, arn) as answer:
        answer.read1()
    assert turns.left.wait(60)
    eventually(lambda: [session["state"] for session in sessions(engine)] == ["Idle"])


def test_a_short_answer_comes_whole_and_finds_its_session_at_rest(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """An answer that is there at once keeps its length, and whoever has read it can call again at rest."""
    arn = ready(aws)
    for number in range(50):
        body = json.dumps({"number": number}).encode()
        answer = send(engine.url, "POST", invocations(arn), body, {SESSION_ID: "s" * 33})
        assert (answer.body, answer.headers["content-length"]) == (body, str(len(body)))
        assert [session["state"] for session in sessions(engine)] == ["Idle"]


def test_a_short_answer_that_comes_in_pieces_is_passed_on_in_pieces(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """Though its length was announced, nothing that is there waits for what is not."""
    read = threading.Event()

    async def in_two(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 10
        await response.prepare(request)
        await response.write(b"first")
        await asyncio.to_thread(read.wait, 10)
        await response.write(b"other")
        return response

    arn = ready(aws, scripted(backend, Script(answer=in_two)))
    with opened(engine, arn) as answer:
        assert answer.read1() == b"first"
        read.set()
        assert answer.read() == b"other"


def test_a_short_answer_that_breaks_off_is_an_error_of_the_agent(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """Nothing of it has been sent on by then, so that the caller can be told in AWS's words."""

    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 10
        await response.prepare(request)
        assert request.transport is not None
        request.transport.close()
        return response

    arn = ready(aws, scripted(backend, Script(answer=broken)))
    code, status, message = refusal(lambda: invoke(aws, arn))[:3]
    assert (code, status) == ("RuntimeClientError", 424)
    assert "broke off the connection" in message


def test_a_call_does_not_meet_a_connection_that_its_agent_is_tired_of(
    aws: Clients, backend: ScriptedBackend
) -> None:
    """Servers end a connection after some silence, and lose what arrives at that moment: none that old is used."""
    last_heard: dict[asyncio.BaseTransport, float] = {}

    async def impatient(request: web.Request) -> web.StreamResponse:
        now, transport = asyncio.get_running_loop().time(), request.transport
        assert transport is not None
        if now - last_heard.get(transport, now) > IDLE_CONNECTION_SECONDS * 1.5:
            transport.abort()
        last_heard[transport] = now
        return web.Response(body=b"here")

    arn, session_id = ready(aws, scripted(backend, Script(answer=impatient))), str(uuid.uuid4())
    assert invoke(aws, arn, runtimeSessionId=session_id)["statusCode"] == 200
    threading.Event().wait(IDLE_CONNECTION_SECONDS * 1.7)
    assert invoke(aws, arn, runtimeSessionId=session_id)["statusCode"] == 200
    assert len(last_heard) == 2


def test_one_byte_more_than_allowed_is_refused_before_it_is_sent(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """AWS: payload, 0 to 100,000,000 bytes. A length that is announced is enough to refuse."""
    arn = ready(aws)
    parts = urlsplit(engine.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    connection.putrequest("POST", invocations(arn))
    connection.putheader("Content-Length", str(MAX_PAYLOAD_BYTES + 1))
    for name, value in signed("POST", engine.url + invocations(arn)).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "ValidationException")
    assert "100,000,000 bytes" in json.loads(answer.read())["message"]
    assert backend.started == []
    connection.close()


def endless(announced: int | None) -> Callable[[web.Request], Any]:
    """An agent that answers more than it may, whether it says so or not."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if announced is not None:
            response.content_length = announced
        await response.prepare(request)
        chunk = bytes(1_000_000)
        for _ in range(MAX_PAYLOAD_BYTES // len(chunk) + 1):
            await response.write(chunk)
        return response

    return answer


def test_an_answer_that_announces_too_much_is_refused(aws: Clients, backend: ScriptedBackend) -> None:
    """AWS: 100 MB request and response."""
    uri = scripted(backend, Script(answer=endless(MAX_PAYLOAD_BYTES + 1_000_000)))
    arn = ready(aws, uri)
    code, status, message = refusal(lambda: invoke(aws, arn))[:3]
    assert (code, status) == ("RuntimeClientError", 424)
    assert "100,000,000 bytes" in message


def test_an_answer_that_becomes_too_much_is_broken_off(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """Once bytes have been sent only a broken connection tells that there would have been more."""
    arn = ready(aws, scripted(backend, Script(answer=endless(None))))
    with opened(engine, arn) as answer, pytest.raises((http.client.IncompleteRead, ConnectionError)):
        drain(answer)


async def silent(_request: web.Request) -> web.Response:
    """An agent that never answers."""
    await asyncio.Event().wait()
    return web.Response()


def test_a_call_may_take_fifteen_minutes(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine
) -> None:
    """AWS: synchronous requests, 15 minutes; what it answers then is a 504."""
    arn = ready(aws, scripted(backend, Script(answer=silent)))
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(refusal(lambda: invoke(aws, arn))))
    caller.start()
    eventually(lambda: [session["inFlight"] for session in sessions(engine)] == [1])
    clock.advance(timedelta(minutes=14, seconds=59))
    assert answers == []
    clock.advance(timedelta(seconds=1))
    caller.join(60)
    assert answers[0][:2] == ("GatewayTimeoutException", 504)
    assert "HealthyBusy" in answers[0][2]


def test_a_stream_may_take_sixty_minutes(
    aws: Clients, backend: ScriptedBackend, clock: FakeClock, engine: RunningEngine
) -> None:
    """AWS: streaming, 60 minutes; at 59 the engine has looked at its limits, for another call is long over by then."""
    turns = Turns()
    arn = ready(aws, scripted(backend, Script(answer=turns.stream)))
    mute = settled(
        aws, create(aws, "mute", scripted(backend, Script(answer=silent), "mute"))["agentRuntimeId"]
    )["agentRuntimeArn"]
    turns.next()
    with opened(engine, arn) as answer, ThreadPoolExecutor(1) as pool:
        answer.read1()
        waiting = pool.submit(refusal, lambda: invoke(aws, mute))
        eventually(lambda: [session["inFlight"] for session in sessions(engine)] == [1, 1])
        clock.advance(timedelta(minutes=59))
        assert waiting.result(PATIENCE)[1] == 504
        turns.next()
        assert answer.read1() == b"data: 1\n\n"
        clock.advance(timedelta(minutes=1))
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            drain(answer)


async def elsewhere(_request: web.Request) -> web.Response:
    """An agent that redirects."""
    raise web.HTTPTemporaryRedirect("http://169.254.169.254/latest/meta-data")


def test_redirects_are_not_followed(aws: Clients, backend: ScriptedBackend) -> None:
    """An agent cannot make the engine fetch something for it."""
    arn = ready(aws, scripted(backend, Script(answer=elsewhere)))
    code, status, message = refusal(lambda: invoke(aws, arn))[:3]
    assert (code, status) == ("RuntimeClientError", 424)
    assert message.startswith("Received error (307) from runtime.")
    assert "redirects are not followed" in message


async def created(request: web.Request) -> web.Response:
    """An agent with statuses and headers of its own."""
    return web.Response(
        status=201, body=b"made", headers={"X-Mine": "1", "baggage": "a=1", "Set-Cookie": "a=b"}
    )


def test_statuses_of_success_pass_and_headers_of_the_agent_do_not(
    aws: Clients, backend: ScriptedBackend
) -> None:
    """Field measurement: custom headers are stripped, baggage comes back."""
    answer = invoke(aws, ready(aws, scripted(backend, Script(answer=created))))
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert (answer["statusCode"], answer["body"], answer["baggage"]) == (201, b"made", "a=1")
    assert not {"x-mine", "set-cookie"} & headers.keys()


def test_a_header_of_the_allow_list_has_four_kilobytes(aws: Clients, engine: RunningEngine) -> None:
    """AWS: runtime-header-allowlist, value up to 4 KB."""
    arn = ready(aws, requestHeaderConfiguration={"requestHeaderAllowlist": ["X-Team"]})
    statuses = [
        send(engine.url, "POST", invocations(arn), b"{}", {"X-Team": "x" * size}).status
        for size in (4096, 4097)
    ]
    assert statuses == [200, 400]


CARD = {"name": "tester", "url": "http://127.0.0.1:9000/"}


async def card(_request: web.Request) -> web.Response:
    """An A2A agent's description of itself."""
    return web.json_response(CARD)


def test_an_agent_card_is_the_agents_own(aws: Clients, backend: ScriptedBackend) -> None:
    """GetAgentCard starts a session if need be, and says which."""
    uri = scripted(backend, Script(gets={"/.well-known/agent-card.json": card}))
    arn = ready(aws, uri, protocolConfiguration={"serverProtocol": "A2A"})
    session_id = str(uuid.uuid4())
    answer = aws.data.get_agent_card(agentRuntimeArn=arn, runtimeSessionId=session_id)
    assert (answer["agentCard"], answer["runtimeSessionId"], answer["statusCode"]) == (CARD, session_id, 200)
    assert backend.started[0].environment["AGENTCORE_RUNTIME_URL"].endswith("/invocations/")


def test_an_agent_without_a_card_is_an_error_of_the_agent(aws: Clients) -> None:
    """An HTTP agent has no card."""
    arn = ready(aws)
    assert refusal(lambda: aws.data.get_agent_card(agentRuntimeArn=arn))[:2] == ("RuntimeClientError", 424)


def test_a_trailing_slash_is_the_same_route(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """A2A cards publish their URL with one."""
    arn = ready(
        aws, scripted(backend, Script(posts={"/": created})), protocolConfiguration={"serverProtocol": "A2A"}
    )
    assert send(engine.url, "POST", invocations(arn) + "/", b"{}").status == 201


def test_agents_find_the_engine(aws: Clients, backend: ScriptedBackend, engine: RunningEngine) -> None:
    """A bare boto3 client inside an agent needs nothing but its environment; what the caller sets wins."""
    invoke(aws, ready(aws, environmentVariables={"AWS_ACCESS_KEY_ID": "mine"}))
    environment = backend.started[-1].environment
    assert environment["AWS_ENDPOINT_URL_BEDROCK_AGENTCORE"] == engine.url
    assert environment["AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL"] == engine.url
    assert environment["AWS_ACCESS_KEY_ID"] == "mine"


def test_agents_sign_as_their_runtimes_role(aws: Clients, backend: ScriptedBackend) -> None:
    """Each sandbox has temporary credentials of its own, in a file and not in its environment."""
    arn = ready(aws)
    invoke(aws, arn)
    invoke(aws, arn)
    files = []
    for spec in backend.started[-2:]:
        assert not [name for name in spec.environment if "KEY" in name or "TOKEN" in name]
        text = spec.files[spec.environment["AWS_SHARED_CREDENTIALS_FILE"]]
        profile = ConfigParser()
        profile.read_string(text)
        assert profile["default"]["aws_access_key_id"].startswith("ASIALAB")
        assert {"aws_secret_access_key", "aws_session_token"} < set(profile["default"])
        assert text not in repr(spec)
        files.append(text)
    assert files[0] != files[1]
