"""A user lets an agent act for them, in a real browser: provider, engine, application, and the agent with a token."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from agentcore_lab.lab_idp import LabIdp
from tests.browser.jupyter import browser
from tests.clients.stage import Deployed, Stage
from tests.conftest import clients_of
from tests.programs import Program

pytestmark = pytest.mark.browser


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("process", marks=pytest.mark.process),
        pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.long]),
    ],
)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An engine; its identity provider starts when it is asked for."""
    program = Program(tmp_path_factory.mktemp("engine") / "data")
    with program.serving("--sandbox", request.param, "--port", "0") as serving:
        yield Stage(program, serving.engine, clients_of(serving.engine.url))


@dataclass
class Application:
    """What a user's browser comes back to. Whoever is ``signed_in`` here is whom it vouches for."""

    aws: Any
    signed_in: str = "alice"
    url: str = ""
    sessions: list[str] = field(default_factory=list)

    def back(self, query: str) -> str:
        """Complete the consent; what the user reads."""
        (session,) = parse_qs(query)["session_id"]
        self.sessions.append(session)
        try:
            self.aws.complete_resource_token_auth(
                userIdentifier={"userId": self.signed_in}, sessionUri=session
            )
        except self.aws.exceptions.AccessDeniedException:
            return "This was meant for somebody else."
        return f"Thank you, {self.signed_in}."


@pytest.fixture
def application(stage: Stage) -> Iterator[Application]:
    """An application that listens, at a host of its own as far as a browser is concerned."""
    app = Application(stage.aws.data)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = app.back(urlsplit(self.path).query) if self.path.startswith("/back") else ""
            self.send_response(200 if text else 404)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        app.url = f"http://localhost:{server.server_address[1]}/back"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield app
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def idp(stage: Stage) -> LabIdp:
    """The provider, as a notebook has it."""
    return LabIdp(stage.engine)


@pytest.fixture(scope="module")
def agent(stage: Stage, idp: LabIdp) -> Iterator[Deployed]:
    """The agent that calls out, and a credential provider that is the client ``lab-web``."""
    client = {
        "oauthDiscovery": {"discoveryUrl": idp.discovery_url},
        "clientId": "lab-web",
        "clientSecret": idp.clients["lab-web"].secret,
    }
    made = stage.aws.control.create_oauth2_credential_provider(
        name="people",
        credentialProviderVendor="CustomOauth2",
        oauth2ProviderConfigInput={"customOauth2ProviderConfig": client},
    )
    idp.allow_redirect(made["callbackUrl"])
    with stage.deployed("identity-agent") as deployed:
        yield deployed


@pytest.fixture
def page() -> Iterator[Page]:
    """A browser window."""
    with browser() as opened:
        yield opened.new_page()


def asked(agent: Deployed, app: Application, user: str, idp: LabIdp) -> dict[str, Any]:
    """The agent, asked by a user who the user is."""
    answer: dict[str, Any] = agent.ask(
        {
            "credential": "user",
            "provider": "people",
            "scopes": ["openid", "profile"],
            "callback": app.url,
            "resource": idp.metadata()["userinfo_endpoint"],
        },
        runtimeUserId=user,
    )
    return answer


def give_leave(page: Page, url: str, user: str, idp: LabIdp) -> None:
    """Sign in at the provider and consent, by mouse and keyboard."""
    page.goto(url)
    person = idp.people[user]
    page.get_by_label("Username").fill(person.username)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Authorize").click()


def test_a_user_lets_the_agent_act_for_them(
    stage: Stage, agent: Deployed, application: Application, page: Page, idp: LabIdp
) -> None:
    """Alice signs in, consents, and comes back to the application; then the agent is Alice to the provider."""
    runtime_id = agent.arn.rpartition("/")[2]
    stage.aws.control.update_workload_identity(
        name=runtime_id, allowedResourceOauth2ReturnUrls=[application.url]
    )
    first = asked(agent, application, "alice", idp)
    assert set(first) == {"authorizationUrl"}
    give_leave(page, first["authorizationUrl"], "alice", idp)
    expect(page.get_by_text("Thank you, alice.")).to_be_visible()

    assert asked(agent, application, "alice", idp)["resource"]["name"] == "Alice Liddell"
    of_bob = asked(agent, application, "bob", idp)
    assert set(of_bob) == {"authorizationUrl"}

    # Bob's link, opened by Alice who is still signed in at the provider: the application vouches for Alice alone.
    page.goto(of_bob["authorizationUrl"])
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_text("This was meant for somebody else.")).to_be_visible()
    assert set(asked(agent, application, "bob", idp)) == {"authorizationUrl"}
    assert len(application.sessions) == 2
