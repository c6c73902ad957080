"""``serve --tls``: HTTP, HTTPS and the way to AWS's own names at one port, for clients that know nothing of it."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from websockets.asyncio.client import ClientConnection, connect

from agentcore_lab.accounts.handed_out import client_environment
from agentcore_lab.clock import SystemClock
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, ScriptedBackend, engine_in_thread
from agentcore_lab.tls.trust import client_variables
from tests.conftest import HELLO, clients_of
from tests.patience import PATIENCE
from tests.runtime.test_control_plane import create, settled
from tests.server.test_websocket import echoes, speaks

# The SDK's own: its models are configured in a way that Pydantic has given up.
pytestmark = pytest.mark.filterwarnings("ignore:Support for class-based `config`:DeprecationWarning")

DATA = "bedrock-agentcore.us-west-2.amazonaws.com"
CONTROL = "bedrock-agentcore-control.us-west-2.amazonaws.com"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine with TLS on scripted sandboxes, one for all of these tests."""
    folder = tmp_path_factory.mktemp("tls")
    settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", port=0, quotas=UNMETERED)
    backend = ScriptedBackend()
    backend.add(HELLO, speaks(echoes))
    with engine_in_thread(replace(settings, tls=True), backend, SystemClock()) as running:
        yield running


@pytest.fixture(scope="module")
def arn(secure: RunningEngine) -> str:
    """A runtime that echoes."""
    aws = clients_of(secure.url)
    runtime = settled(aws, create(aws, "echo", HELLO)["agentRuntimeId"])
    assert runtime["status"] == "READY"
    return str(runtime["agentRuntimeArn"])


@pytest.fixture
def variables(secure: RunningEngine, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What ``agentcore-lab env --tls`` prints and nothing else of AWS, in this process's environment."""
    made = client_environment(secure)
    made |= client_variables(secure.url, secure.region, Path(secure.data_dir) / "tls")
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    return made


def port_of(engine: RunningEngine) -> int:
    """The engine's one port."""
    return int(engine.url.rpartition(":")[2])


def proxy_answer(engine: RunningEngine, request: bytes) -> bytes:
    """What the engine's port says to raw bytes before it hangs up."""
    with socket.create_connection(("127.0.0.1", port_of(engine)), timeout=PATIENCE) as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def test_boto3_with_a_hard_coded_endpoint(variables: dict[str, str], arn: str) -> None:
    """Code that names AWS's own URLs reaches the engine, through TLS that boto3 has verified."""
    control = boto3.client("bedrock-agentcore-control", endpoint_url=f"https://{CONTROL}")
    data = boto3.client("bedrock-agentcore", endpoint_url=f"https://{DATA}")
    listed = control.list_agent_runtimes()["agentRuntimes"]
    assert arn in [runtime["agentRuntimeArn"] for runtime in listed]
    answer = data.invoke_agent_runtime(agentRuntimeArn=arn, payload=b'{"prompt": "Ada"}')
    assert json.load(answer["response"])["prompt"] == "Ada"
    control.close()
    data.close()


def test_a_service_that_is_not_played_says_so(variables: dict[str, str]) -> None:
    """Nothing leaks to AWS: the call ends at the engine, with a sentence that names the service."""
    streams = boto3.client("kinesis", endpoint_url="https://kinesis.us-west-2.amazonaws.com")
    with pytest.raises(ClientError) as refused:
        streams.list_streams()
    streams.close()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "agentcore-lab does not offer kinesis" in str(refused.value)


def test_a_bucket_in_the_host_name(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 as it is on AWS, no endpoint named anywhere: it puts the bucket into the host name."""
    for name in variables:
        if name.startswith("AWS_ENDPOINT_URL"):
            monkeypatch.delenv(name)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="lab-bucket", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="lab-bucket", Key="a/b", Body=b"content")
    assert s3.get_object(Bucket="lab-bucket", Key="a/b")["Body"].read() == b"content"
    s3.close()


async def test_the_sdks_websocket_helper(variables: dict[str, str], arn: str) -> None:
    """URL and headers as the SDK makes them for AWS, given to `websockets` unmodified."""
    with_sdk = sdk_client()
    url, headers = with_sdk.generate_ws_connection(arn)
    assert url.startswith(f"wss://{DATA}/runtimes/")
    async with connect(url, additional_headers=headers) as connection:
        assert await echoed(connection) == "hello"
        large = "x" * 60_000
        await connection.send(large)
        assert await connection.recv() == large


async def test_the_sdks_presigned_url(variables: dict[str, str], arn: str) -> None:
    """A URL that a browser could be given; nothing else goes with it."""
    async with connect(sdk_client().generate_presigned_url(arn)) as connection:
        assert await echoed(connection) == "hello"


@pytest.mark.parametrize("auth", ["sigv4", "presigned"])
async def test_the_sdks_shell(variables: dict[str, str], arn: str, auth: str) -> None:
    """The SDK opens the connection itself: there is no place where a test could lead it anywhere."""
    from bedrock_agentcore.runtime.shell import PresignedAuth

    how: Any = PresignedAuth() if auth == "presigned" else auth
    async with sdk_client().open_shell(arn, auth=how) as shell:
        await shell.send("ls\n")
        frame = await anext(aiter(shell))
        assert b"ls" in bytes(frame.payload)


async def echoed(connection: ClientConnection) -> str:
    """What comes back of a text."""
    await connection.send("hello")
    return str(await connection.recv())


def sdk_client() -> Any:
    """The SDK's client, whose helpers refuse every host that is not AWS's."""
    from bedrock_agentcore.runtime import AgentCoreRuntimeClient

    made: Any = AgentCoreRuntimeClient(region="us-west-2")
    made.cp_client.close()
    made.dp_client.close()
    return made


def test_the_aws_cli(variables: dict[str, str], arn: str, tmp_path: Path) -> None:
    """With an endpoint that is AWS's."""
    command = [sys.executable, "-W", "ignore", "-m", "awscli", "--output", "json"]
    command += ["bedrock-agentcore-control", "list-agent-runtimes", "--endpoint-url", f"https://{CONTROL}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert arn in done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is a program of the system, not a dependency")
def test_curl(variables: dict[str, str]) -> None:
    """Verified by OpenSSL or whatever curl is built with."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--include", f"https://{DATA}/nowhere"],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert "UnknownOperationException" in done.stdout


def test_plain_http_and_https_share_the_port(
    secure: RunningEngine, arn: str, variables: dict[str, str]
) -> None:
    """boto3 without TLS as ever, and with it under the machine's own names."""
    for url in (secure.url, f"https://127.0.0.1:{port_of(secure)}", f"https://localhost:{port_of(secure)}"):
        control = boto3.client("bedrock-agentcore-control", endpoint_url=url)
        assert arn in [each["agentRuntimeArn"] for each in control.list_agent_runtimes()["agentRuntimes"]]
        control.close()


def test_other_hosts_are_passed_on_as_they_are(secure: RunningEngine) -> None:
    """A tunnel to a host that is not AWS's leads there: the bytes are the host's own, both ways, to the end."""
    with socket.create_server(("127.0.0.1", 0)) as host:
        port = host.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port_of(secure)), timeout=PATIENCE)
        client.sendall(f"CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
        there, _ = host.accept()
        with client, there:
            assert client.recv(100) == b"HTTP/1.1 200 Connection established\r\n\r\n"
            client.sendall(b"ping" * 50_000)
            client.shutdown(socket.SHUT_WR)
            received = b""
            while piece := there.recv(65536):
                received += piece
            assert received == b"ping" * 50_000
            there.sendall(b"pong")
            there.shutdown(socket.SHUT_WR)
            assert (client.recv(100), client.recv(100)) == (b"pong", b"")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("CONNECT bedrock-agentcore.us-west-2.amazonaws.com:22 HTTP/1.1", b"403 agentcore-lab answers for"),
        ("CONNECT nowhere HTTP/1.1", b"403 Only CONNECT to a host and a port"),
        ("COPY / HTTP/1.1", b"403 Only CONNECT"),
        ("CONNECT nowhere.invalid:443 HTTP/1.1", b"502 nowhere.invalid cannot be reached"),
    ],
)
def test_what_gets_no_tunnel_is_told_why(secure: RunningEngine, request_line: str, status: bytes) -> None:
    """In the status line, which is what clients show of a proxy's answer."""
    assert proxy_answer(secure, f"{request_line}\r\n\r\n".encode()).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\x00\x05hello", b"C" * 9000, b"\x00\x01\x02\r\n\r\n"])
def test_nonsense_hurts_nobody(secure: RunningEngine, nonsense: bytes) -> None:
    """Whoever sends it is hung up on; others are answered."""
    with suppress(ConnectionError):
        proxy_answer(secure, nonsense)
    assert secure.fetch("status")["instance"] == secure.instance


def test_a_client_that_does_not_trust_the_authority_gets_nothing(secure: RunningEngine) -> None:
    """Its handshake fails, as it should."""
    with (
        socket.create_connection(("127.0.0.1", port_of(secure)), timeout=PATIENCE) as connection,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(connection, server_hostname="localhost")


def test_silent_clients_hold_up_nobody(secure: RunningEngine) -> None:
    """Connections that never say a word wait by themselves."""
    silent = [socket.create_connection(("127.0.0.1", port_of(secure))) for _ in range(200)]
    assert secure.fetch("status")["instance"] == secure.instance
    for connection in silent:
        connection.close()
