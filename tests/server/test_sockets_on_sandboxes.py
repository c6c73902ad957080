"""WebSockets and session endpoints of an SDK agent, on every sandbox there is."""

from __future__ import annotations

import http.client
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from websockets.sync.client import connect

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.settings import Settings
from tests.conftest import clients_of
from tests.programs import Program
from tests.runtime.test_control_plane import create, settled
from tests.runtime.test_invocations import SESSION_HEADER, invoke
from tests.sandbox.arena import HELLO, DockerKind, Kind, ProcessKind, edited
from tests.server.test_websocket import ended
from tests.signing import signed

REGISTRY = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
AGENT = """
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
site = ThreadingHTTPServer(("0.0.0.0", 9000), SimpleHTTPRequestHandler)
threading.Thread(target=site.serve_forever, daemon=True).start()


@app.entrypoint
def invoke(payload):
    return "invoked"


@app.websocket
async def talk(websocket, context):
    await websocket.accept()
    await websocket.send_json({"session": context.session_id})
    while (text := await websocket.receive_text()) != "fail":
        await websocket.send_text(text.upper())
    raise RuntimeError("asked to")


app.run()
"""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("process", marks=pytest.mark.process),
        pytest.param("docker", marks=pytest.mark.docker),
    ],
)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningEngine, str]]:
    """An engine, and the ARN of a runtime of AGENT."""
    folder = tmp_path_factory.mktemp("sockets")
    cache = Settings.load().cache_dir
    kind: Kind = DockerKind(cache) if request.param == "docker" else ProcessKind(folder / "data", cache)
    agent = edited(HELLO, folder / "agent", agent__py=AGENT)
    uri = kind.build(agent, f"{REGISTRY}/agentcore-lab-test-sockets:latest").uri
    with Program(folder / "data").serving("--sandbox", request.param, "--port", "0") as serving:
        aws = clients_of(serving.engine.url)
        runtime = settled(aws, create(aws, "sockets", uri, allowedPorts=[{"port": 9000}])["agentRuntimeId"])
        yield serving.engine, runtime["agentRuntimeArn"]


def test_an_sdk_agents_websocket(served: tuple[RunningEngine, str]) -> None:
    """It knows its session, answers, and an exception of its handler is 1011."""
    engine, arn = served
    session_id = str(uuid.uuid4())
    url = (
        f"{engine.url.replace('http', 'ws')}/runtimes/{quote(arn, safe='')}/ws?{SESSION_HEADER}={session_id}"
    )
    with connect(url, additional_headers=signed("GET", url), open_timeout=120) as socket:
        assert session_id in str(socket.recv(timeout=90))
        socket.send("hello")
        assert socket.recv(timeout=90) == "HELLO"
        socket.send("fail")
        assert ended(socket)[0] == 1011


def test_another_server_beside_an_sdk_agent(served: tuple[RunningEngine, str]) -> None:
    """Its files are there by both forms of the session's endpoint."""
    engine, arn = served
    session_id = invoke(clients_of(engine.url), arn)["runtimeSessionId"]
    described = engine.fetch(f"sessions/{session_id}")["session"]
    program, browser = (
        urlsplit(f"{described['sessionEndpointUrl']}/9000"),
        urlsplit(described["browserUrls"][0]),
    )
    by_program = signed("GET", f"{program.geturl()}/requirements.txt")
    for path, headers in ((program.path, by_program), ("", {"Host": browser.netloc})):
        connection = http.client.HTTPConnection(str(program.hostname), program.port, timeout=180)
        connection.request("GET", f"{path}/requirements.txt", headers=headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, (Path(HELLO) / "requirements.txt").read_bytes())
        connection.close()
