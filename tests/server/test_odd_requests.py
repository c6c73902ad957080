"""Requests that no SDK sends: each gets AWS's answer, and none an engine that failed."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import quote, urlsplit

import pytest

from agentcore_lab.discovery import RunningEngine
from tests.conftest import Clients
from tests.patience import PATIENCE
from tests.runtime.test_invocations import ready
from tests.signing import signed

SESSION_ID = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


def connected(engine: RunningEngine) -> closing[HTTPConnection]:
    """A connection that is closed with the block."""
    place = urlsplit(engine.url)
    assert place.hostname is not None
    return closing(HTTPConnection(place.hostname, place.port, timeout=PATIENCE))


def post(engine: RunningEngine, path: str, body: bytes, name: str, value: bytes) -> tuple[int, HTTPResponse]:
    """The status and the answer, read to its end; the header is sent as the bytes it is."""
    with connected(engine) as connection:
        connection.putrequest("POST", path, skip_host=True, skip_accept_encoding=True)
        host = {"Host": urlsplit(engine.url).netloc}
        for header, known in signed("POST", engine.url + path, body, host).items():
            connection.putheader(header, known)
        connection.putheader("Content-Length", str(len(body)))
        connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        response.read()
        return response.status, response


@pytest.mark.parametrize("path", ["/nowhere%0A", "/%7B%7D", "/%0D%0Aruntimes", "/runtimes/%0A/nowhere"])
def test_a_path_of_no_operation(engine: RunningEngine, path: str) -> None:
    """Whatever stands in it: AWS's 404, as JSON."""
    with connected(engine) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        assert (response.status, response.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")
        assert "GET /" in json.load(response)["message"]


@pytest.mark.parametrize("value", [b"00-1-2-01\t", b"a\tb", b"a\xffb", b"\xed\xa0\x80", "ä\u2028".encode()])
@pytest.mark.parametrize(
    ("way", "body"), [("invocations", b"{}"), ("commands", b'{"command": "true"}')], ids=["call", "command"]
)
@pytest.mark.parametrize("header", ["traceparent", "baggage", "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Team"])
def test_a_header_that_is_no_text(
    aws: Clients, engine: RunningEngine, way: str, body: bytes, header: str, value: bytes
) -> None:
    """Tabs, bytes that are no UTF-8, separators of lines: what only passes through harms nobody."""
    arn = ready(aws)
    status, _ = post(engine, f"/runtimes/{quote(arn, safe='')}/{way}", body, header, value)
    assert status == 200


def test_a_session_id_of_bytes_that_are_no_text(aws: Clients, engine: RunningEngine) -> None:
    """AWS asks for its length alone; the session is told by the name it can be written with."""
    path = f"/runtimes/{quote(ready(aws), safe='')}/invocations"
    status, response = post(engine, path, b"{}", SESSION_ID, b"\xff" * 40)
    assert status == 200
    assert response.headers[SESSION_ID].encode("latin-1").decode() == "\ufffd" * 40
