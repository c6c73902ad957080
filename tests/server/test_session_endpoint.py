"""Session endpoints as programs and browsers see them, on scripted agents that serve other ports."""

from __future__ import annotations

import asyncio
import http.client
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from websockets.sync.client import connect
from websockets.typing import Subprotocol
from yarl import URL

from agentcore_lab.accounts.accounts import accounts_in
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend
from tests.conftest import Clients
from tests.patience import PATIENCE, eventually
from tests.runtime.test_invocations import invoke, ready, scripted, sessions
from tests.server.test_websocket import ended
from tests.signing import presigned, signed, signing

APP, OTHER, SILENT = 9000, 9101, 9102


async def mirrors(request: web.Request) -> web.StreamResponse:
    """An app that tells what it was asked, and echoes over a WebSocket."""
    if request.headers.get("Upgrade") == "websocket":
        socket = web.WebSocketResponse(protocols=["chat"])
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
        return socket
    seen = {
        "method": request.method,
        "path": request.raw_path,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "body": (await request.read()).hex(),
    }
    response = web.Response(status=418, reason="I am a teapot", text=json.dumps(seen))
    response.headers.add("Set-Cookie", "a=1")
    response.headers.add("Set-Cookie", "b=2")
    response.headers["X-App"] = "mine"
    return response


async def other(request: web.Request) -> web.StreamResponse:
    """Another app, which redirects, streams, or breaks off."""
    if request.path == "/away":
        raise web.HTTPFound("https://example.com/")
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    for number in range(3):
        await response.write(f"data: {number}\n\n".encode())
        if request.path == "/breaks":
            assert request.transport is not None
            request.transport.abort()
            return response
        while number not in read:  # noqa: ASYNC110 - the reader is in another thread's loop
            await asyncio.sleep(0.005)
    return response


read: list[int] = []
"""The events of ``other`` that have been read; it sends no next one before."""


@dataclass(frozen=True)
class Endpoint:
    """A session's endpoint, by both its forms."""

    arn: str
    session_id: str
    url: str
    engine: RunningEngine

    def host(self, port: int) -> str:
        """The host a browser would ask for."""
        token = self.url.rpartition("/")[2]
        return f"{port}-{token}.localhost:{urlsplit(self.engine.url).port}"


@pytest.fixture
def endpoint(aws: Clients, backend: ScriptedBackend, engine: RunningEngine) -> Endpoint:
    """The endpoint of a session whose version allows a port and a range."""
    uri = scripted(backend, Script(ports={APP: mirrors, OTHER: other, 9200: mirrors}))
    ports = [{"port": APP}, {"portRange": {"from": 9100, "to": 9110}}]
    arn = ready(aws, uri, allowedPorts=ports)
    answer = invoke(aws, arn)
    session_id, url = answer["runtimeSessionId"], answer["sessionEndpointUrl"]
    described = engine.fetch(f"sessions/{session_id}")["session"]
    assert described["allowedPorts"] == [{"from": 9000, "to": 9000}, {"from": 9100, "to": 9110}]
    assert described["sessionEndpointUrl"] == url
    return Endpoint(arn, session_id, url, engine)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that signs."""
    async with aiohttp.ClientSession(middlewares=(signing,), auto_decompress=False) as client:
        yield client


def browse(
    endpoint: Endpoint, port: int, path: str = "/", **headers: str
) -> tuple[int, Mapping[str, str], bytes]:
    """A browser's GET: the app's own host name, no credentials."""
    parts = urlsplit(endpoint.engine.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE)
    connection.request("GET", path, headers={"Host": endpoint.host(port), **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


async def test_requests_reach_the_port_as_they_are(endpoint: Endpoint, client: aiohttp.ClientSession) -> None:
    """Method, path, query, headers and body cross; credentials and what belongs to one connection do not."""
    body = secrets.token_bytes(200_000)
    headers = {
        "X-Mine": "yes",
        "Cookie": "c=d",
        "X-Amz-Date": "20260101T000000Z",
        "Connection": "keep-alive, X-Hop",
    }
    url = f"{endpoint.url}/{APP}/a%2Fb//c?q=%20x&X-Amz-Signature=abc&flag"
    async with client.put(URL(url, encoded=True), data=body, headers={**headers, "X-Hop": "1"}) as answer:
        seen = json.loads(await answer.read())
        assert (answer.status, answer.reason) == (418, "I am a teapot")
        assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert answer.headers["X-App"] == "mine"
    assert (seen["method"], seen["path"]) == ("PUT", "/a%2Fb//c?q=%20x&flag")
    assert seen["body"] == body.hex()
    assert seen["headers"]["x-mine"] == "yes"
    assert seen["headers"]["cookie"] == "c=d"
    assert not {"authorization", "x-amz-date", "x-hop"} & set(seen["headers"])


@pytest.mark.parametrize(("path", "seen"), [("", "/"), ("/", "/"), ("?a=b", "/?a=b"), ("/x", "/x")])
async def test_the_path_after_the_port(
    endpoint: Endpoint, client: aiohttp.ClientSession, path: str, seen: str
) -> None:
    """What follows the port is the app's path, and the root if nothing does."""
    async with client.get(f"{endpoint.url}/{APP}{path}") as answer:
        assert json.loads(await answer.read())["path"] == seen


async def test_answers_stream(endpoint: Endpoint, client: aiohttp.ClientSession) -> None:
    """Each event reaches the caller before the next is made, and redirects are the caller's to follow."""
    read.clear()
    async with client.get(f"{endpoint.url}/{OTHER}/events") as answer:
        for number in range(3):
            assert await answer.content.readexactly(9) == f"data: {number}\n\n".encode()
            assert sessions(endpoint.engine)[0]["state"] == "Active"
            read.append(number)
        assert await answer.content.read() == b""
    async with client.get(f"{endpoint.url}/{OTHER}/away", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "https://example.com/")
    async with client.head(f"{endpoint.url}/{APP}/") as answer:
        assert (answer.status, await answer.read()) == (418, b"")
        assert int(answer.headers["Content-Length"]) > 0


async def test_an_answer_that_breaks_off_breaks_off(
    endpoint: Endpoint, client: aiohttp.ClientSession
) -> None:
    """A caller can tell half an answer from a whole one."""
    with pytest.raises(aiohttp.ClientPayloadError):
        async with client.get(f"{endpoint.url}/{OTHER}/breaks") as answer:
            await answer.read()


@pytest.mark.parametrize(
    ("path", "signs", "status", "code"),
    [
        (f"/{APP}/", False, 401, "AuthenticationRequired"),
        ("/9001/", True, 403, "AccessDenied"),
        ("/9200/", True, 403, "AccessDenied"),
        ("/8080/ping", True, 403, "AccessDenied"),
        (f"/{SILENT}/", True, 502, "BadGateway"),
        ("", True, 404, "ResourceNotFound"),
    ],
)
async def test_refusals(endpoint: Endpoint, path: str, signs: bool, status: int, code: str) -> None:
    """AWS: an empty body, and the error code in a header."""
    middlewares = (signing,) if signs else ()
    async with (
        aiohttp.ClientSession(middlewares=middlewares) as client,
        client.get(f"{endpoint.url}{path}") as answer,
    ):
        assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (status, code)
        assert await answer.read() == b""


@pytest.mark.parametrize("query", ["", "?a=b"])
async def test_a_presigned_url_has_credentials(endpoint: Endpoint, query: str) -> None:
    """They may be in the query, which the app does not see."""
    url = presigned(f"{endpoint.url}/{APP}/{query}")
    async with aiohttp.ClientSession() as client, client.get(URL(url, encoded=True)) as answer:
        assert json.loads(await answer.read())["path"] == f"/{query}"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": "Bearer a.b.c"}, 403, "AccessDenied"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=a"}, 403, "IncompleteSignature"),
        ({"Origin": "https://example.org"}, 403, "AccessDenied"),
    ],
)
async def test_credentials_have_to_be_good(
    endpoint: Endpoint, headers: dict[str, str], status: int, code: str
) -> None:
    """A token where signatures are wanted, half a signature, a web page without either."""
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.get(f"{endpoint.url}/{APP}/") as answer,
    ):
        assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (status, code)


async def test_another_account_does_not_get_in(endpoint: Endpoint, engine: RunningEngine) -> None:
    """The token in the URL alone opens nothing."""
    with accounts_in(Path(engine.data_dir), engine.account_id) as accounts:
        hers = accounts.credentials(accounts.add("alice").id)
    url = f"{endpoint.url}/{APP}/"
    headers = signed("GET", url, issued=hers)
    async with aiohttp.ClientSession(headers=headers) as client, client.get(url) as answer:
        assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "AccessDenied")


async def test_a_session_that_is_gone(
    endpoint: Endpoint, client: aiohttp.ClientSession, aws: Clients
) -> None:
    """Its endpoint is 404 and starts nothing, also when the id has a new session, with an endpoint of its own."""
    aws.data.stop_runtime_session(agentRuntimeArn=endpoint.arn, runtimeSessionId=endpoint.session_id)
    for _ in range(2):
        async with client.get(f"{endpoint.url}/{APP}/") as answer:
            assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (404, "ResourceNotFound")
        invoke(aws, endpoint.arn, runtimeSessionId=endpoint.session_id)
    described = endpoint.engine.fetch(f"sessions/{endpoint.session_id}")["session"]
    assert described["sessionEndpointUrl"] not in {None, endpoint.url}
    assert len(described["sessionEndpointUrl"]) <= 128


@pytest.mark.parametrize(
    ("kind", "status"),
    [("document", 401), ("iframe", 401), ("serviceworker", 401), ("empty", 418), ("websocket", 418)],
)
async def test_a_page_never_has_the_engines_origin(
    endpoint: Endpoint, client: aiohttp.ClientSession, kind: str, status: int
) -> None:
    """The form for programs is not to be browsed: an app's page would pass for the engine's own."""
    async with client.get(f"{endpoint.url}/{APP}/", headers={"Sec-Fetch-Dest": kind}) as answer:
        assert answer.status == status


def test_without_allowed_ports_there_is_no_endpoint(aws: Clients, engine: RunningEngine) -> None:
    """AWS: the URL is there only where ports are allowed."""
    answer = invoke(aws, ready(aws), runtimeSessionId=str(uuid.uuid4()))
    assert "sessionEndpointUrl" not in answer
    session_id = answer["runtimeSessionId"]
    described = engine.fetch(f"sessions/{session_id}")["session"]
    assert (described["sessionEndpointUrl"], described["browserUrls"]) == (None, [])


def test_a_browser_reaches_an_app_by_its_host(endpoint: Endpoint) -> None:
    """All paths are the app's, the engine's own among them, and the token in the host is the credential."""
    for path in ("/", "/assets/app.js?v=1", "/_lab/status", "/runtimes/"):
        status, headers, body = browse(endpoint, APP, path)
        assert (status, headers["X-App"]) == (418, "mine")
        assert json.loads(body)["path"] == path
    described: dict[str, Any] = endpoint.engine.fetch(f"sessions/{endpoint.session_id}")["session"]
    assert described["browserUrls"] == [f"http://{endpoint.host(port)}/" for port in (9000, 9100)]


def test_a_browser_is_refused_other_ports_and_tokens(endpoint: Endpoint) -> None:
    """The host form opens no more than the other."""
    status, headers, body = browse(endpoint, 8080)
    assert (status, headers["x-amzn-ErrorType"], body) == (403, "AccessDenied", b"")
    status, headers, body = browse(
        endpoint, APP, Host=f"{APP}-{secrets.token_hex(16)}.localhost:{urlsplit(endpoint.engine.url).port}"
    )
    assert (status, headers["x-amzn-ErrorType"], body) == (404, "ResourceNotFound", b"")


def test_an_app_is_a_foreign_page_to_the_engine(endpoint: Endpoint) -> None:
    """A page of an app may not set the engine's clock, though it comes from the same port."""
    parts = urlsplit(endpoint.engine.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE)
    headers = {"Origin": f"http://{endpoint.host(APP)}", "Content-Type": "application/json"}
    connection.request("POST", "/_lab/clock", '{"advanceSeconds": 1}', headers)
    assert connection.getresponse().status == 403
    connection.close()


def test_websockets_cross_with_what_the_two_ends_agree_on(endpoint: Endpoint, clock: FakeClock) -> None:
    """Compression and subprotocols are the app's; large frames pass; the session's end is the socket's, with 1001."""
    url = f"{endpoint.url.replace('http', 'ws')}/{APP}/live"
    with connect(
        url, additional_headers=signed("GET", url), subprotocols=[Subprotocol("chat")], ping_interval=None
    ) as socket:
        assert socket.response is not None
        assert "permessage-deflate" in socket.response.headers["Sec-WebSocket-Extensions"]
        assert socket.subprotocol == "chat"
        text = secrets.token_hex(100_000)
        for _ in range(300):
            socket.send("short")
        socket.send(text)
        assert [socket.recv() for _ in range(301)][-1] == text
        eventually(lambda: sessions(endpoint.engine)[0]["state"] == "Active")
        clock.advance(timedelta(seconds=900))
        assert ended(socket)[0] == 1001
    assert sessions(endpoint.engine)[0]["reason"] == "idle"


async def test_requests_keep_a_session_from_idling(
    endpoint: Endpoint, client: aiohttp.ClientSession, clock: FakeClock
) -> None:
    """A request to the endpoint is a call: idle time counts from its answer."""
    for _ in range(3):
        clock.advance(timedelta(seconds=890))
        async with client.get(f"{endpoint.url}/{APP}/") as answer:
            assert answer.status == 418
    assert sessions(endpoint.engine)[0]["state"] == "Idle"
