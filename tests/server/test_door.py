"""Who gets in: signed requests of every kind, and nobody else, by AWS's errors."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from agentcore_lab.accounts.accounts import Accounts, accounts_in
from agentcore_lab.accounts.credentials import Credentials
from agentcore_lab.accounts.handed_out import credentials_for
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, ScriptedBackend, engine_in_thread
from tests.conftest import Clients
from tests.patience import PATIENCE
from tests.runtime.calls import JWT, Answer, invocations, send
from tests.runtime.test_invocations import invoke, ready, scripted
from tests.server.test_websocket import Heard, speaks, url_of
from tests.signing import presigned, signed

ROLE = "arn:aws:sts::123456789012:assumed-role/Agents/one"
MODEL = "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse"


@contextmanager
def accounts_of(engine: RunningEngine) -> Iterator[Accounts]:
    """What the engine has issued, as another process of its user sees it."""
    with accounts_in(Path(engine.data_dir), engine.account_id) as accounts:
        yield accounts


def control(engine: RunningEngine, issued: Credentials, region: str = "us-west-2", **more: Any) -> Any:
    """A client of the control plane with these credentials."""
    session = boto3.Session(
        issued.access_key_id, issued.secret_access_key, issued.session_token, region_name=region
    )
    config = Config(retries={"total_max_attempts": 1}, **more)
    return session.client("bedrock-agentcore-control", endpoint_url=engine.url, config=config)


def code_of(client: Any) -> tuple[str, str]:
    """Code and message of the refusal of a call."""
    with pytest.raises(ClientError) as caught:
        client.list_agent_runtimes()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def told(answer: Answer) -> tuple[int, str, str]:
    """Status, code and message of a refusal."""
    return answer.status, answer.headers["x-amzn-errortype"], answer.json["message"]


@pytest.fixture
def own(engine: RunningEngine) -> Credentials:
    """The default account's."""
    return credentials_for(engine)


def test_nothing_of_awss_is_answered_without_a_signature(
    aws: Clients, engine: RunningEngine, backend: ScriptedBackend
) -> None:
    """Both planes, the model, and the routes that no model has."""
    arn = ready(aws)
    runtime = quote(arn, safe="")
    for method, path in (
        ("POST", "/runtimes/"),
        ("PUT", "/runtimes/"),
        ("POST", f"/runtimes/{runtime}/invocations"),
        ("GET", f"/runtimes/{runtime}/invocations"),
        ("DELETE", f"/runtimes/{runtime}/invocations"),
        ("POST", f"/runtimes/{runtime}/commands"),
        ("POST", f"/runtimes/{runtime}/stopruntimesession"),
        ("GET", f"/runtimes/{runtime}/invocations/.well-known/agent-card.json"),
        ("GET", f"/runtimes/{runtime}/ws"),
        ("GET", f"/runtimes/{runtime}/ws/shells"),
        ("POST", MODEL),
        ("POST", "/runtimes/nobody-0123456789/invocations?accountId=123456789012"),
    ):
        refused = told(send(engine.url, method, path, b"{}", sign=False))
        assert refused == (403, "MissingAuthenticationTokenException", "Missing Authentication Token"), path
    assert backend.started == []


def test_refusals_have_awss_codes(engine: RunningEngine, own: Credentials) -> None:
    """boto3 raises them by name."""
    assert control(engine, own).list_agent_runtimes()["agentRuntimes"] == []
    nobody = replace(own, access_key_id="AKIAIOSFODNN7EXAMPLE")
    invalid = "The security token included in the request is invalid."
    assert code_of(control(engine, nobody)) == ("UnrecognizedClientException", invalid)
    stranger = replace(own, secret_access_key="another")
    code, message = code_of(control(engine, stranger))
    assert code == "InvalidSignatureException"
    assert message.startswith(
        "The request signature we calculated does not match the signature you provided."
    )
    code, message = code_of(control(engine, own, "eu-west-1"))
    assert code == "InvalidSignatureException"
    assert message.startswith("Credential should be scoped to a valid region, not 'eu-west-1'.")


def test_temporary_credentials(engine: RunningEngine) -> None:
    """They need their session token, and end."""
    with accounts_of(engine) as accounts:
        good = accounts.issue_temporary("123456789012", ROLE, timedelta(hours=1))
        over = accounts.issue_temporary("123456789012", ROLE, timedelta(seconds=-1))
    assert control(engine, good).list_agent_runtimes()["agentRuntimes"] == []
    assert code_of(control(engine, replace(good, session_token=None)))[0] == "UnrecognizedClientException"
    expired = ("ExpiredTokenException", "The security token included in the request is expired")
    assert code_of(control(engine, over)) == expired


def test_the_engines_clock_is_not_the_signers(aws: Clients, clock: FakeClock) -> None:
    """A lab may set it ahead by hours: who signs keeps the machine's time, and so does what has been issued."""
    clock.advance(timedelta(hours=8))
    assert aws.control.list_agent_runtimes()["agentRuntimes"] == []


def test_the_model_has_a_name_of_its_own(engine: RunningEngine) -> None:
    """bedrock-runtime's signatures are for `bedrock`, in whatever region an agent's code names."""
    body = json.dumps({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}).encode()
    url = engine.url + MODEL
    good = signed("POST", url, body, service="bedrock")
    assert send(engine.url, "POST", MODEL, body, good).status == 200
    wrong = signed("POST", url, body)
    message = "Credential should be scoped to correct service: 'bedrock'. "
    assert told(send(engine.url, "POST", MODEL, body, wrong)) == (403, "InvalidSignatureException", message)


def test_a_presigned_url_opens_a_websocket(
    aws: Clients, engine: RunningEngine, backend: ScriptedBackend
) -> None:
    """Until it is over, and not another."""
    url = url_of(engine, ready(aws, scripted(backend, speaks(Heard()))))
    with connect(presigned(url)):
        pass
    for wrong in (presigned(url).replace("DEFAULT", "other"), f"{presigned(url)}0"):
        with pytest.raises(InvalidStatus) as refused, connect(wrong):
            pass
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize("size", [0, 100, 1024 * 1024, 3_000_000])
def test_what_is_not_signed_never_reaches_an_agent(
    aws: Clients, engine: RunningEngine, backend: ScriptedBackend, size: int
) -> None:
    """A body is hashed before it is passed on, in memory or in a file, and is then the same."""
    arn, body = ready(aws), os.urandom(size)
    answer = aws.data.invoke_agent_runtime(agentRuntimeArn=arn, payload=body)
    assert answer["response"].read() == body
    path, started = invocations(arn), len(backend.started)
    headers = signed("POST", engine.url + path, body)
    refused = told(send(engine.url, "POST", path, body + b"x", headers))
    assert refused[:2] == (403, "InvalidSignatureException")
    assert len(backend.started) == started
    assert not [each for each in Path(engine.data_dir).iterdir() if each.name.startswith("tmp")]


def test_a_body_may_be_left_unsigned(aws: Clients, engine: RunningEngine) -> None:
    """It then goes through as it comes."""
    path = invocations(ready(aws))
    headers = signed("POST", engine.url + path, None, {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    assert send(engine.url, "POST", path, b'{"a": 1}', headers).json == {"a": 1}


def test_bearer_tokens_are_for_runtimes(engine: RunningEngine) -> None:
    """The control plane has no use for one."""
    answer = send(engine.url, "POST", "/runtimes/", b"{}", {"Authorization": "Bearer a.b.c"})
    assert told(answer)[:2] == (403, "IncompleteSignatureException")
    assert "a.b.c" not in answer.body.decode()


def test_anybody_is_told_who_gives_tokens(aws: Clients, engine: RunningEngine) -> None:
    """The protected-resource document, and the 401 that leads to it, need no signature."""
    arn = ready(aws, authorizerConfiguration={"customJWTAuthorizer": JWT})
    answer = send(engine.url, "POST", invocations(arn), b"{}", sign=False)
    assert answer.status == 401
    where = answer.headers["www-authenticate"].split('"')[1]
    found = send(engine.url, "GET", where.removeprefix(engine.url), sign=False)
    assert found.json["authorization_servers"] == ["https://idp.example.com/pool"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:1", 200),
        ("localhost", 200),
        ("[::1]:4599", 200),
        ("172.17.0.1:4599", 200),
        ("host.docker.internal", 200),
        ("bedrock-agentcore.us-west-2.amazonaws.com", 200),
        ("lab.example.org", 200),
        ("evil.example.org", 403),
        ("127.0.0.1.evil.example", 403),
        ("amazonaws.com.evil.example", 403),
        ("evilamazonaws.com", 403),
    ],
)
def test_a_name_that_was_made_to_lead_here_gets_nothing(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock, host: str, status: int
) -> None:
    """Not even the engine's own API, which needs no signature (DNS rebinding)."""
    with engine_in_thread(replace(settings, hosts=("lab.example.org",)), backend, clock) as engine:
        parts = urlsplit(engine.url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE)
        connection.request("GET", "/_lab/status", headers={"Host": host})
        answer = connection.getresponse()
        assert answer.status == status
        if status == 403:
            assert "AGENTCORE_LAB_HOSTS" in json.loads(answer.read())["message"]
        connection.close()


def test_only_this_machine_is_listened_to(engine: RunningEngine) -> None:
    """Not every address of it, either: at another one of the loopback's nobody answers."""
    port = urlsplit(engine.url).port
    with (
        pytest.raises(OSError, match=r"refused|assign"),
        socket.create_connection(("127.0.0.2", port), timeout=PATIENCE),
    ):
        pass


def test_a_web_page_gets_nothing_unsigned(aws: Clients, engine: RunningEngine) -> None:
    """Whatever its origin; with a signature it has the secret's word, as a page that presigns for itself has."""
    arn = ready(aws)
    page = {"Origin": "https://example.org"}
    for path in ("/runtimes/", invocations(arn), MODEL):
        refused = told(send(engine.url, "POST", path, b"{}", page, sign=False))
        assert refused[:2] == (403, "AccessDeniedException")
        assert "web page of another origin" in refused[2]
    assert send(engine.url, "POST", invocations(arn), b"{}", page).status == 200


def test_without_verification_web_pages_are_still_refused(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """--no-sigv4: unsigned requests are the default account's, a key that is known is its owner's."""
    with engine_in_thread(replace(settings, sigv4=False), backend, clock) as engine:
        with accounts_of(engine) as accounts:
            hers = accounts.credentials(accounts.add("alice").id)
        stranger = replace(credentials_for(engine), secret_access_key="wrong", access_key_id="AKIANOBODY")
        assert control(engine, stranger, "eu-west-1").list_agent_runtimes()["agentRuntimes"] == []
        made = control(engine, replace(hers, secret_access_key="wrong")).create_workload_identity(name="hers")
        assert f":{hers.account_id}:" in made["workloadIdentityArn"]
        assert send(engine.url, "POST", "/runtimes/", b"{}", sign=False).status == 200
        for headers in (signed("POST", f"{engine.url}/runtimes/", b"{}"), {}):
            page = {"Origin": "https://example.org", **headers}
            assert send(engine.url, "POST", "/runtimes/", b"{}", page, sign=False).status == 403


def test_policies_know_who_calls(aws: Clients, engine: RunningEngine, backend: ScriptedBackend) -> None:
    """The principal is the one the signature stands for: here a role's session."""
    arn = ready(aws)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": {"AWS": "arn:aws:iam::123456789012:role/Agents"},
                "Action": "bedrock-agentcore:InvokeAgentRuntime",
                "Resource": arn,
            }
        ],
    }
    aws.control.put_resource_policy(resourceArn=arn, policy=json.dumps(policy))
    assert invoke(aws, arn)["statusCode"] == 200
    with accounts_of(engine) as accounts:
        of_role = accounts.issue_temporary("123456789012", ROLE, timedelta(hours=1))
    path = invocations(arn)
    headers = signed("POST", engine.url + path, b"{}", issued=of_role)
    status, code, message = told(send(engine.url, "POST", path, b"{}", headers))
    assert (status, code) == (403, "AccessDeniedException")
    assert message.startswith(
        f"User: {ROLE} is not authorized to perform: bedrock-agentcore:InvokeAgentRuntime"
    )
