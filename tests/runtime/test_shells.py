"""Interactive shells, with the bedrock-agentcore SDK's own client and with a plain one, on scripted sandboxes."""

from __future__ import annotations

import asyncio
import json
import uuid
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.sandbox.commands import NoSuchProgram, Size
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend, engine_in_thread
from agentcore_lab.testing.commands import Screen, echoing
from tests.conftest import Clients, clients_of
from tests.identity.issuer import running_issuer
from tests.patience import PATIENCE
from tests.runtime.sdk_shells import LocalClient, ReconnectConfig, ShellChannel, ShellFramer, ShellSession
from tests.runtime.test_authorization import deny
from tests.runtime.test_commands import run
from tests.runtime.test_invocations import NOBODY, SESSION_HEADER, ready, scripted, sessions
from tests.signing import signed

SHELL_HEADER = "X-Amzn-Bedrock-AgentCore-Shell-Id"
FRAMES = ShellFramer()


@pytest.fixture
def sdk(engine: RunningEngine) -> LocalClient:
    """The SDK's client of the running engine."""
    return LocalClient(engine)


async def text(session: ShellSession, wanted: str) -> str:
    """What a shell shows until ``wanted`` is among it."""
    seen = ""
    async with asyncio.timeout(PATIENCE):
        async for frame in session:
            assert frame.channel == ShellChannel.STDOUT
            seen += frame.text
            if wanted in seen:
                return seen
    raise AssertionError(f"it ended after {seen!r}")


@asynccontextmanager
async def opened(
    engine: RunningEngine, arn: str, **query: str
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A plain WebSocket to a shell."""
    headers = {SESSION_HEADER: query.pop("session")} if "session" in query else {}
    url = f"{engine.url}/runtimes/{quote(arn, safe='')}/ws/shells?" + "&".join(
        f"{k}={v}" for k, v in query.items()
    )
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(
            URL(url, encoded=True),
            headers=signed("GET", url, headers=headers),
            timeout=aiohttp.ClientWSTimeout(ws_close=5),
        ) as socket,
    ):
        yield socket


async def frame(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """The next frame."""
    return FRAMES.decode(await socket.receive_bytes(timeout=PATIENCE))


async def closed(socket: aiohttp.ClientWebSocketResponse) -> int:
    """The code a socket is closed with, nothing else coming before it."""
    message = await socket.receive(timeout=PATIENCE)
    assert message.type is aiohttp.WSMsgType.CLOSE, message
    return int(message.data)


async def states(engine: RunningEngine) -> list[str]:
    """The states of all sessions."""
    return [session["state"] for session in await asyncio.to_thread(sessions, engine)]


async def becomes(engine: RunningEngine, wanted: list[str]) -> None:
    """Wait, in real time, until the sessions have these states."""
    async with asyncio.timeout(PATIENCE):
        while await states(engine) != wanted:  # noqa: ASYNC110 - the engine announces nothing
            await asyncio.sleep(0.02)


async def test_the_sdks_client_types_and_reads(aws: Clients, sdk: LocalClient) -> None:
    """What is typed reaches the shell, what it shows the client, and its exit code ends the session of both."""
    session_id = str(uuid.uuid4())
    async with ShellSession(sdk, ready(aws), session_id=session_id, shell_id="mine") as shell:
        assert (shell.session_id, shell.shell_id) == (session_id, "mine")
        await shell.send("größe\n")
        assert await text(shell, "\n") == "größe\n"
        await shell.send("exit 3\n")
        assert [frame.channel async for frame in shell] == [ShellChannel.STATUS]
        assert shell.exit_code == 3


@pytest.mark.parametrize(
    ("code", "causes"), [(0, []), (7, ["ExitCode 7"]), (137, ["ExitCode 137", "Signal 9"])]
)
async def test_the_status_of_an_end(
    aws: Clients, engine: RunningEngine, code: int, causes: list[str]
) -> None:
    """Kubernetes' form: success, or a failure with its exit code and its signal; then a normal close."""
    async with opened(engine, ready(aws), shellId="it") as socket:
        assert (await frame(socket)).json() == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"shellId": "it", "reconnected": False},
            "status": "Success",
        }
        await socket.send_bytes(FRAMES.encode_stdin(f"exit {code}"))
        status = (await frame(socket)).json()
        assert (status["metadata"], status["status"]) == ({}, "Failure" if code else "Success")
        found = status.get("details", {}).get("causes", [])
        assert [f"{cause['reason']} {cause['message']}" for cause in found] == causes
        assert await closed(socket) == 1000


async def test_ids_are_made_up_and_told(aws: Clients, engine: RunningEngine) -> None:
    """Without ids the client gets a new session and a new shell, and both ids in the answer's headers."""
    async with opened(engine, ready(aws)) as socket:
        headers = socket._response.headers
        assert uuid.UUID(headers[SESSION_HEADER])
        assert (await frame(socket)).json()["metadata"]["shellId"] == headers[SHELL_HEADER]


async def test_the_session_id_may_be_in_the_query(aws: Clients, engine: RunningEngine) -> None:
    """Presigned URLs carry it there; qualifier and account id are read too."""
    session_id, arn = str(uuid.uuid4()), ready(aws)
    runtime_id = arn.rpartition("/")[2]
    query = {SESSION_HEADER: session_id, "qualifier": "DEFAULT", "accountId": "123456789012"}
    async with opened(engine, runtime_id, **query) as socket:
        assert socket._response.headers[SESSION_HEADER] == session_id


async def test_a_shell_lives_on_without_a_client(
    aws: Clients, sdk: LocalClient, backend: ScriptedBackend
) -> None:
    """A client that comes back with both ids finds the shell, and is shown what it showed before and meanwhile."""

    async def script(screen: Screen) -> int:
        await screen.show(b"before ")
        await screen.typed.get()
        await screen.show(b"meanwhile ")
        return await echoing(screen)

    arn = ready(aws, scripted(backend, Script(shell=script)))
    session_id = str(uuid.uuid4())
    async with ShellSession(sdk, arn, session_id, "mine") as shell:
        await text(shell, "before ")
        await shell.send("go")
    async with ShellSession(sdk, arn, session_id, "mine") as shell:
        assert await text(shell, "meanwhile ") == "before meanwhile "
        await shell.send("still here")
        assert await text(shell, "here") == "still here"
    assert len(backend.started) == 1


async def test_no_more_than_256_kb_are_replayed(
    aws: Clients, engine: RunningEngine, backend: ScriptedBackend
) -> None:
    """The newest output is kept, in frames of 64 KB at most; a client that reads misses nothing however much it is."""
    data = b"".join(b"%07d " % n for n in range(100_000))

    async def script(screen: Screen) -> int:
        for at in range(0, len(data), 30_000):
            await screen.show(data[at : at + 30_000])
        return await echoing(screen)

    arn, session = ready(aws, scripted(backend, Script(shell=script))), str(uuid.uuid4())
    for wanted, again in ((data, False), (data[-256 * 1024 :], True)):
        async with opened(engine, arn, session=session, shellId="mine") as socket:
            assert (await frame(socket)).json()["metadata"]["reconnected"] is again
            seen = b""
            while len(seen) < len(wanted):
                message = await socket.receive_bytes(timeout=PATIENCE)
                assert message[0] == ShellChannel.STDOUT
                assert len(message) <= 64 * 1024
                seen += message[1:]
            assert seen == wanted


async def test_another_client_replaces_the_first(aws: Clients, sdk: LocalClient) -> None:
    """The first is closed with 4000, which the SDK's client takes as a reason not to come back."""
    arn = ready(aws)
    session_id = str(uuid.uuid4())
    async with ShellSession(sdk, arn, session_id, "mine", reconnect_config=ReconnectConfig()) as first:
        await first.send("one")
        await text(first, "one")
        async with ShellSession(sdk, arn, session_id, "mine") as second:
            assert await text(second, "one") == "one"
            async with asyncio.timeout(PATIENCE):
                assert [frame async for frame in first] == []
            assert first.kicked
            await second.send("two")
            assert await text(second, "two") == "two"


async def test_resize(aws: Clients, engine: RunningEngine, backend: ScriptedBackend) -> None:
    """A RESIZE frame sets the size; one that makes no sense is told on the diagnostics' channel."""
    screens: list[Screen] = []

    async def script(screen: Screen) -> int:
        screens.append(screen)
        return await echoing(screen)

    async with opened(engine, ready(aws, scripted(backend, Script(shell=script)))) as socket:
        await frame(socket)
        await socket.send_bytes(FRAMES.encode_resize(220, 50))
        for nonsense in (b"", b"[]", b'{"width": 0, "height": 1}', b'{"width": "9", "height": 1}'):
            await socket.send_bytes(bytes([ShellChannel.RESIZE]) + nonsense)
            said = await frame(socket)
            assert said.channel == ShellChannel.STDERR
            assert said.text.startswith("The terminal was not resized: ")
    assert screens[0].sizes == [Size(80, 24), Size(columns=220, rows=50)]


async def test_heartbeats_are_echoed_and_unknown_channels_passed_over(
    aws: Clients, engine: RunningEngine
) -> None:
    """Browsers cannot ping; channels of a later protocol must not end a shell."""
    async with opened(engine, ready(aws)) as socket:
        await frame(socket)
        for data in (b"\x09future", b"", FRAMES.encode_heartbeat()):
            await socket.send_bytes(data)
        assert await socket.receive_bytes(timeout=PATIENCE) == b"\x05"


async def test_a_close_frame_ends_the_shell(aws: Clients, engine: RunningEngine) -> None:
    """After it a client with the same ids meets a new shell."""
    arn, session = ready(aws), str(uuid.uuid4())
    async with opened(engine, arn, session=session, shellId="mine") as socket:
        await frame(socket)
        await socket.send_bytes(b"\xff")
        assert await closed(socket) == 1000
    async with opened(engine, arn, session=session, shellId="mine") as socket:
        assert not (await frame(socket)).json()["metadata"]["reconnected"]


async def test_frames_are_limited_to_64_kb(aws: Clients, engine: RunningEngine) -> None:
    """64 KB pass, a byte more closes the connection as too big, and text closes it as not supported."""
    arn = ready(aws)
    async with opened(engine, arn) as socket:
        await frame(socket)
        await socket.send_bytes(FRAMES.encode_stdin(b"x" * (64 * 1024 - 1)))
        assert len((await frame(socket)).payload) == 64 * 1024 - 1
        await socket.send_bytes(b"\0" + b"x" * 64 * 1024)
        assert await closed(socket) == 1009
    async with opened(engine, arn) as socket:
        await frame(socket)
        await socket.send_str("text")
        assert await closed(socket) == 1003


async def test_a_connection_lasts_an_hour(aws: Clients, engine: RunningEngine, clock: FakeClock) -> None:
    """Then it is closed as going away; the shell is still there."""
    arn, session = ready(aws), str(uuid.uuid4())
    async with opened(engine, arn, session=session, shellId="mine") as socket:
        await frame(socket)
        clock.advance(timedelta(minutes=59))
        await socket.send_bytes(FRAMES.encode_stdin("there"))
        assert (await frame(socket)).text == "there"
        clock.advance(timedelta(minutes=1))
        assert await closed(socket) == 1001
    async with opened(engine, arn, session=session, shellId="mine") as socket:
        assert (await frame(socket)).json()["metadata"]["reconnected"]
        assert (await frame(socket)).text == "there"


async def test_a_shell_with_a_client_keeps_its_session(
    aws: Clients, engine: RunningEngine, clock: FakeClock
) -> None:
    """Active while a client is there; then Idle, and ended with its shells after the idle time-out."""
    arn, session = ready(aws), str(uuid.uuid4())
    async with opened(engine, arn, session=session, shellId="mine") as socket:
        await frame(socket)
        clock.advance(timedelta(minutes=30))
        assert await states(engine) == ["Active"]
    await becomes(engine, ["Idle"])
    clock.advance(timedelta(minutes=15))
    await becomes(engine, ["Terminated"])
    async with opened(engine, arn, session=session, shellId="mine") as socket:
        assert not (await frame(socket)).json()["metadata"]["reconnected"]


async def test_the_end_of_a_session_closes_its_shells(aws: Clients, engine: RunningEngine) -> None:
    """The client is told by a CLOSE frame that the platform ends it."""
    arn, session = ready(aws), str(uuid.uuid4())
    async with opened(engine, arn, session=session) as socket:
        await frame(socket)
        await asyncio.to_thread(aws.data.stop_runtime_session, agentRuntimeArn=arn, runtimeSessionId=session)
        assert (await frame(socket)).channel == ShellChannel.CLOSE
        assert await closed(socket) == 1000


async def test_the_end_of_the_engine_closes_connections(settings: Settings, backend: ScriptedBackend) -> None:
    """At once, as going away: a shell nobody leaves does not hold the engine up."""
    with ExitStack() as stack:
        engine = stack.enter_context(engine_in_thread(settings, backend, FakeClock()))
        arn = await asyncio.to_thread(ready, clients_of(engine.url))
        async with opened(engine, arn) as socket:
            await frame(socket)
            ending = asyncio.create_task(asyncio.to_thread(stack.close))
            assert await closed(socket) == 1001
        await asyncio.wait_for(ending, PATIENCE)
    assert backend.running == {}


async def test_ten_shells_of_a_runtime_have_clients(aws: Clients, engine: RunningEngine) -> None:
    """The eleventh is refused whatever its session; who takes over one of the ten is not, and a free place counts."""
    arn, session = ready(aws), str(uuid.uuid4())
    async with AsyncExitStack() as stack:
        for n in range(10):
            own = session if n < 5 else str(uuid.uuid4())
            socket = await stack.enter_async_context(opened(engine, arn, session=own, shellId=f"n{n}"))
            await frame(socket)
        assert await refused(engine, arn) == (402, "ServiceQuotaExceededException")
        async with opened(engine, arn, session=session, shellId="n0") as taken_over:
            assert (await frame(taken_over)).json()["metadata"]["reconnected"]
        await becomes(engine, ["Active"] * 6)
        async with opened(engine, arn, session=session, shellId="new") as socket:
            await frame(socket)


async def test_refusals_come_before_the_upgrade(
    aws: Clients, engine: RunningEngine, backend: ScriptedBackend
) -> None:
    """As AWS errors with their status, and nothing is started for them."""
    arn = ready(aws)
    assert await refused(engine, NOBODY) == (404, "ResourceNotFoundException")
    assert await refused(engine, arn, qualifier="nowhere") == (404, "ResourceNotFoundException")
    assert await refused(engine, arn, shellId="-no") == (400, "ValidationException")
    assert await refused(engine, arn, shellId="x" * 129) == (400, "ValidationException")
    assert await refused(engine, arn, session="x" * 32) == (400, "ValidationException")
    assert await refused(engine, arn, upgrade=False) == (400, "ValidationException")
    assert await refused(engine, arn, origin="https://example.com") == (403, "AccessDeniedException")
    assert backend.started == []


async def test_an_agent_that_does_not_start(
    aws: Clients, engine: RunningEngine, backend: ScriptedBackend
) -> None:
    """Refused as an invocation would be."""
    arn = ready(aws, scripted(backend, Script(exits=1, proof=Script())))
    assert await refused(engine, arn) == (424, "RuntimeClientError")


async def test_a_shell_that_cannot_be_started(
    aws: Clients, engine: RunningEngine, backend: ScriptedBackend
) -> None:
    """An image without bash: a failure of the platform's that says why, then a normal close."""

    async def script(_screen: Screen) -> int:
        raise NoSuchProgram("stat /bin/bash: no such file or directory")

    async with opened(engine, ready(aws, scripted(backend, Script(shell=script)))) as socket:
        await frame(socket)
        status = (await frame(socket)).json()
        assert (status["status"], status["reason"], status["code"]) == ("Failure", "InternalError", 500)
        assert status["message"] == "stat /bin/bash: no such file or directory"
        assert await closed(socket) == 1000


async def test_policies_have_their_say(aws: Clients, engine: RunningEngine) -> None:
    """A statement that denies InvokeAgentRuntimeCommandShell is one about shells alone."""
    arn = ready(aws)
    await asyncio.to_thread(deny, aws, arn, "bedrock-agentcore:InvokeAgentRuntimeCommandShell")
    assert await refused(engine, arn) == (403, "AccessDeniedException")
    assert (await asyncio.to_thread(run, aws, arn))[2]["exitCode"] == 0


async def test_browsers_ask_for_a_subprotocol(aws: Clients, engine: RunningEngine) -> None:
    """A bearer token travels as a subprotocol; the answer chooses the one beside it."""
    with running_issuer() as issuer:
        token = urlsafe_b64encode(issuer.token().encode()).decode().rstrip("=")
        protocols = [f"base64UrlBearerAuthorization{rest}" for rest in (f".{token}", "")]
        arn = ready(aws, authorizerConfiguration={"customJWTAuthorizer": issuer.authorizer()})
        url = URL(f"{engine.url}/runtimes/{quote(arn, safe='')}/ws/shells", encoded=True)
        async with aiohttp.ClientSession() as http, http.ws_connect(url, protocols=protocols) as socket:
            assert socket.protocol == "base64UrlBearerAuthorization"


async def refused(
    engine: RunningEngine, arn: str, *, upgrade: bool = True, origin: str | None = None, **query: str
) -> tuple[int, str]:
    """The status and the error code of an upgrade that is refused."""
    upgrading = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers = {
        **({**upgrading, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} if upgrade else {}),
        **({"Origin": origin} if origin else {}),
        **({SESSION_HEADER: query.pop("session")} if "session" in query else {}),
    }
    url = f"{engine.url}/runtimes/{quote(arn, safe='')}/ws/shells"
    async with aiohttp.ClientSession() as http:
        target = URL(url, encoded=True).extend_query(query)
        proven = headers if origin else signed("GET", str(target), headers=headers)
        async with http.get(target, headers=proven) as answer:
            assert json.loads(await answer.text())["message"]
            return answer.status, answer.headers["x-amzn-ErrorType"]
