"""Copied code does what the panel did: run it and compare what arrives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from agentcore_lab.panels.invocation import ask
from agentcore_lab.panels.question import Attachment, Caller, Question
from agentcore_lab.panels.snippets import Kind, snippet
from tests.panels.scripted import ARN

SESSION = "0d4f9b7e-5c1a-4a7b-9f7e-3a2b1c0d9e8f"
PICTURE = b"\x89PNG\r\n" + bytes(range(256))
FILE = Attachment("it's a logo.png", "image/png", PICTURE)
SENT = [
    pytest.param({"file": FILE}, id="file"),
    pytest.param(
        {"file": FILE, "raw": True, "prompt": '{"a": "@", "media": 1, "b": "\u2600"}'}, id="file-raw"
    ),
    pytest.param({"file": replace(FILE, whole=True)}, id="whole-file"),
    pytest.param({"caller": Caller(user_id="ada's")}, id="user"),
    pytest.param({"caller": Caller(token="abc.def")}, id="token"),
]
PROMPTS = ['It\'s "quoted", $HOME, {braces}\nand ☀', "plain"]
HEADERS = ("content-type", "accept", "x-amzn-bedrock-agentcore-runtime-session-id")


class Endpoint:
    """A server that answers every invocation with the same JSON and keeps what it was asked."""

    def __init__(self) -> None:
        asked = self.asked = list[dict[str, Any]]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked.append({"path": self.path, "headers": headers, "body": body})
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "4")
                self.end_headers()
                self.wfile.write(b'"ok"')

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An address that is as good as an engine's."""
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def data(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Any:
    """boto3's client of that address, credentials from the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return boto3.client("bedrock-agentcore", region_name="us-west-2", endpoint_url=endpoint.url)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_boto3_code_sends_what_the_panel_sends(
    endpoint: Endpoint, data: Any, tmp_path: Path, prompt: str, raw: bool
) -> None:
    """The same path, headers and body; and it prints the answer."""
    question = Question(ARN, SESSION, "prod", prompt, raw)
    assert ask(data, question, print).ok
    code = tmp_path / "copied.py"
    code.write_text(snippet("boto3", question, data.meta))
    run = subprocess.run([sys.executable, str(code)], capture_output=True, text=True, check=True, timeout=180)
    assert run.stdout == '"ok"\n'
    panel, copied = endpoint.asked
    assert (copied["path"], copied["body"]) == (panel["path"], panel["body"])
    assert [copied["headers"][name] for name in HEADERS] == [panel["headers"][name] for name in HEADERS]


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_curl_code_sends_the_same_and_signs_it_as_aws_does(
    endpoint: Endpoint, data: Any, tmp_path: Path, prompt: str, raw: bool
) -> None:
    """The same session, endpoint and body, under a signature that botocore comes to as well."""
    question = Question(ARN, SESSION, "prod", prompt, raw)
    assert shutil.which("bash")
    assert shutil.which("curl")
    command = tmp_path / "agentcore-lab"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    code = f"PATH={tmp_path}:$PATH\n" + snippet("curl", question, data.meta)
    run = subprocess.run(["bash", "-ec", code], capture_output=True, text=True, check=True, timeout=180)
    assert run.stdout == '"ok"'
    (asked,) = endpoint.asked
    assert unquote(asked["path"]) == (
        "/runtimes/hello_agent-aB3dE5fG7h/invocations?accountId=123456789012&qualifier=prod"
    )
    assert asked["body"] == question.payload()
    assert asked["headers"]["x-amzn-bedrock-agentcore-runtime-session-id"] == SESSION
    assert asked["headers"]["authorization"].endswith(f"Signature={_signature(endpoint.url, asked)}")


@pytest.mark.parametrize("kind", ["boto3", "curl"])
@pytest.mark.parametrize("more", SENT)
def test_files_users_and_tokens_are_sent_as_the_panel_sends_them(
    endpoint: Endpoint, data: Any, tmp_path: Path, more: dict[str, Any], kind: Kind
) -> None:
    """The same body, content type, user and bearer, run where the file lies."""
    question = Question(ARN, SESSION, "prod", **{"prompt": "What's this?", **more})
    assert ask(data, question, print).ok
    (tmp_path / FILE.name).write_bytes(PICTURE)
    (tmp_path / "agentcore-lab").write_text("#!/bin/sh\n")
    (tmp_path / "agentcore-lab").chmod(0o755)
    command = [sys.executable, "-c"] if kind == "boto3" else ["bash", "-ec"]
    environment = {**os.environ, "TOKEN": "abc.def", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run = subprocess.run(
        [*command, snippet(kind, question, data.meta)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    assert run.stdout.strip() == '"ok"'
    panel, copied = endpoint.asked
    assert _sent(copied) == _sent(panel)
    if question.caller.token:
        assert copied["headers"]["authorization"] == panel["headers"]["authorization"] == "Bearer abc.def"


def _sent(asked: dict[str, Any]) -> list[Any]:
    body = asked["body"]
    names = (*HEADERS, "x-amzn-bedrock-agentcore-runtime-user-id")
    return [json.loads(body) if body[:1] == b"{" else body, *(asked["headers"].get(name) for name in names)]


def _signature(url: str, asked: dict[str, Any]) -> str:
    headers = asked["headers"]
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    request = AWSRequest("POST", url + asked["path"], data=asked["body"])
    for name in signed:
        request.headers[name] = headers[name]
    request.context["timestamp"] = headers["x-amz-date"]
    request.context["payload_signing_enabled"] = True
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), "bedrock-agentcore", "us-west-2")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(text, request))
