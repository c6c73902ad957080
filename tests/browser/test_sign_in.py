"""A person signs in with a real browser at the local identity provider, and the page talks to a protected agent."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page

from agentcore_lab.clock import SystemClock
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.lab_idp import LabIdp
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, ScriptedBackend, engine_in_thread
from tests.browser.jupyter import browser
from tests.conftest import HELLO, clients_of
from tests.runtime.calls import invocations, send
from tests.runtime.test_control_plane import create, settled
from tests.server.test_websocket import echoes, speaks

pytestmark = [pytest.mark.browser, pytest.mark.process]

TALK = """
([url, token, words]) => new Promise((resolve, reject) => {
  const encoded = btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const socket = new WebSocket(url, [`base64UrlBearerAuthorization.${encoded}`, "base64UrlBearerAuthorization"]);
  socket.onopen = () => socket.send(words);
  socket.onmessage = (event) => { resolve(event.data); socket.close(); };
  socket.onerror = () => reject(new Error("refused"));
})
"""
"""What a page does to talk to an agent: it can set no headers, so the token is a subprotocol (AWS: runtime-oauth)."""


@pytest.fixture(scope="module")
def backend() -> ScriptedBackend:
    """Sandboxes whose agent echoes over HTTP and over WebSockets."""
    scripted = ScriptedBackend()
    scripted.add(HELLO, speaks(echoes))
    return scripted


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, backend: ScriptedBackend) -> Iterator[RunningEngine]:
    """An engine in the machine's own time, as its identity provider is."""
    folder = tmp_path_factory.mktemp("sign-in")
    settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", port=0, quotas=UNMETERED)
    with engine_in_thread(settings, backend, SystemClock()) as running:
        yield running


@pytest.fixture(scope="module")
def idp(engine: RunningEngine) -> LabIdp:
    """The provider, as a notebook has it."""
    return LabIdp(engine)


@pytest.fixture(scope="module")
def arn(engine: RunningEngine, idp: LabIdp) -> str:
    """A runtime for admins who came through ``lab-web``."""
    admins = {
        "inboundTokenClaimName": "groups",
        "inboundTokenClaimValueType": "STRING_ARRAY",
        "authorizingClaimMatchValue": {
            "claimMatchOperator": "CONTAINS",
            "claimMatchValue": {"matchValueString": "admins"},
        },
    }
    authorizer = {
        "discoveryUrl": idp.discovery_url,
        "allowedClients": ["lab-web"],
        "allowedScopes": ["agent:invoke"],
        "customClaims": [admins],
    }
    aws = clients_of(engine.url)
    made = create(aws, authorizerConfiguration={"customJWTAuthorizer": authorizer})
    runtime: str = settled(aws, made["agentRuntimeId"])["agentRuntimeArn"]
    return runtime


@pytest.fixture(scope="module")
def application(idp: LabIdp) -> Iterator[str]:
    """Where the application listens, which is one empty page; the provider knows of it."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>Back</title>")

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        callback = f"http://127.0.0.1:{server.server_port}/callback"
        idp.allow_redirect(callback)
        yield callback
        server.shutdown()
        thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    """A browser window."""
    with browser() as opened:
        yield opened.new_page()


def signed_in(page: Page, idp: LabIdp, callback: str, username: str) -> str:
    """The access token of a person who signs in and consents with mouse and keyboard."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    request = {
        "response_type": "code",
        "client_id": "lab-web",
        "redirect_uri": callback,
        "scope": "openid agent:invoke",
        "state": "once",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    page.goto(f"{idp.metadata()['authorization_endpoint']}?{urlencode(request)}")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(idp.people[username].password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Talk to your agents").check()
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(f"{callback}*")
    answer = parse_qs(urlsplit(page.url).query)
    assert answer["state"] == ["once"]
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"][0],
        "redirect_uri": callback,
        "code_verifier": verifier,
        "client_id": "lab-web",
        "client_secret": idp.clients["lab-web"].secret,
    }
    with urlopen(Request(idp.metadata()["token_endpoint"], urlencode(form).encode())) as tokens:
        token: str = json.load(tokens)["access_token"]
    return token


def test_a_person_signs_in_and_talks_to_the_agent(
    page: Page, idp: LabIdp, application: str, engine: RunningEngine, arn: str
) -> None:
    """Alice, an admin, is let in: by an invocation, and by a WebSocket that the page itself opens."""
    token = signed_in(page, idp, application, "alice")
    bearer = {"Authorization": f"Bearer {token}"}
    assert send(engine.url, "POST", invocations(arn), b'{"prompt": "hello"}', bearer).status == 200
    socket = f"{engine.url.replace('http', 'ws', 1)}/runtimes/{quote(arn, safe='')}/ws"
    assert page.evaluate(TALK, [socket, token, "hello"]) == "hello"
    idp.rotate_keys()
    assert send(engine.url, "POST", invocations(arn), b"{}", bearer).status == 200


def test_a_person_without_the_claim_is_refused(
    page: Page, idp: LabIdp, application: str, engine: RunningEngine, arn: str
) -> None:
    """Bob signs in as well, and is no admin: the answer says which claim does not fit."""
    token = signed_in(page, idp, application, "bob")
    refused = send(engine.url, "POST", invocations(arn), b"{}", {"Authorization": f"Bearer {token}"})
    assert (refused.status, "claim 'groups'" in refused.json["message"]) == (401, True)
