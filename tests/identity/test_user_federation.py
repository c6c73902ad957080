"""Tokens of users who gave an agent their leave: the way through the browser, whose they are, and how long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from botocore.exceptions import ReadTimeoutError

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.testing import FakeClock
from tests.conftest import Clients, clients_of
from tests.identity.oauth_server import OAuthServer
from tests.identity.test_api_keys import refused, token_for
from tests.identity.test_m2m import custom
from tests.identity.test_oauth2_providers import provide
from tests.identity.test_workload_identities import make
from tests.patience import eventually
from tests.runtime.calls import Answer, send

RETURN_URL = "https://app.example/back?from=agent"
KMS_KEY = "arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class World:
    """An engine with a workload, and a provider that is a client of an OAuth2 server."""

    aws: Clients
    engine: RunningEngine
    server: OAuthServer

    def ask(self, user: str = "alice", workload: str = "my-agent", **more: Any) -> dict[str, Any]:
        """GetResourceOauth2Token with a new workload access token of that user."""
        answer: dict[str, Any] = self.aws.data.get_resource_oauth2_token(
            **self.asking(user, workload, **more)
        )
        return answer

    def asking(self, user: str = "alice", workload: str = "my-agent", **more: Any) -> dict[str, Any]:
        """Its parameters."""
        return {
            "workloadIdentityToken": token_for(self.aws, user, workload),
            "resourceCredentialProviderName": "calendar",
            "oauth2Flow": "USER_FEDERATION",
            "scopes": ["read"],
            "resourceOauth2ReturnUrl": RETURN_URL,
            **more,
        }

    def open(self, url: str) -> Answer:
        """A browser's request for an address."""
        parts = urlsplit(url)
        return send(f"{parts.scheme}://{parts.netloc}", "GET", f"{parts.path}?{parts.query}")

    def consent(self, asked: dict[str, Any]) -> str:
        """A user's way: to the provider, who sends them back, and on; where they arrive at last."""
        to_provider = self.open(asked["authorizationUrl"])
        assert to_provider.status == 302, to_provider.body
        back = self.open(to_provider.headers["location"])
        on = self.open(back.headers["location"])
        assert on.status == 302, on.body
        return on.headers["location"]

    def complete(self, asked: dict[str, Any], user: str = "alice") -> None:
        """CompleteResourceTokenAuth, as the application does for the user that is signed in there."""
        self.aws.data.complete_resource_token_auth(
            userIdentifier={"userId": user}, sessionUri=asked["sessionUri"]
        )

    def granted(self, user: str = "alice", workload: str = "my-agent", **more: Any) -> str:
        """The whole way; the access token."""
        asked = self.ask(user, workload, **more)
        self.consent(asked)
        self.complete(asked, user)
        token: str = self.ask(user, workload, **more)["accessToken"]
        return token


@pytest.fixture
def world(aws: Clients, engine: RunningEngine, server: OAuthServer) -> World:
    """The provider ``calendar`` and the workload ``my-agent``."""
    make(aws, allowedResourceOauth2ReturnUrls=[RETURN_URL])
    provide(aws, "CustomOauth2", custom(server))
    return World(aws, engine, server)


def test_a_user_gives_leave_and_the_agent_has_a_token(world: World) -> None:
    """Authorization URL, consent, the application's word, token; from then on it is there without asking."""
    asked = world.ask()
    assert asked["authorizationUrl"].startswith(
        f"{world.engine.url}/identities/oauth2/authorize?request_uri="
    )
    assert asked["sessionUri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert asked["sessionStatus"] == "IN_PROGRESS"
    assert "accessToken" not in asked
    world.consent(asked)
    assert world.server.issued == []
    assert world.ask(sessionUri=asked["sessionUri"])["sessionStatus"] == "IN_PROGRESS"
    world.complete(asked)
    token = world.ask(sessionUri=asked["sessionUri"])["accessToken"]
    assert [token] == world.server.issued
    assert world.ask()["accessToken"] == token


def test_what_the_provider_is_asked(world: World) -> None:
    """Code with PKCE, a state of the engine's, and the caller's own parameters, which override nothing."""
    own = {"login_hint": "alice", "state": "mine", "scope": "all", "redirect_uri": "https://evil.example"}
    asked = world.ask(customParameters=own, resources=["https://api.example"], scopes=["read", "write"])
    world.consent(asked)
    (query,) = world.server.authorized
    found = world.aws.control.get_oauth2_credential_provider(name="calendar")
    assert query["redirect_uri"] == found["callbackUrl"]
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert (query["scope"], query["resource"]) == ("read write", "https://api.example")
    assert (query["login_hint"], query["tenant"]) == ("alice", "1")
    assert query["state"] != "mine"
    world.complete(asked)
    assert world.server.asked[0]["resource"] == "https://api.example"


def test_the_application_learns_which_session_it_was(world: World) -> None:
    """Its return URL comes with the session and with its own state; the code and the engine's state do not."""
    asked = world.ask(customState="of the app")
    arrived = urlsplit(world.consent(asked))
    assert f"{arrived.scheme}://{arrived.netloc}{arrived.path}" == "https://app.example/back"
    assert parse_qs(arrived.query) == {
        "from": ["agent"],
        "session_id": [asked["sessionUri"]],
        "state": ["of the app"],
    }


def test_a_token_is_of_one_user(world: World) -> None:
    """Bob's workload access token never gets what Alice gave leave for, nor her session."""
    token = world.granted("alice")
    assert "accessToken" not in world.ask("bob")
    asked = world.ask("alice", forceAuthentication=True)
    of_bob = world.asking("bob", sessionUri=asked["sessionUri"])
    assert refused(world.aws.data.get_resource_oauth2_token, **of_bob) == (
        "AccessDeniedException",
        "Invalid or expired session",
    )
    assert world.granted("bob") != token
    assert world.ask("alice")["accessToken"] == token


def test_a_token_is_of_one_workload(world: World) -> None:
    """What Alice lets one agent have no other agent gets."""
    make(world.aws, "another", allowedResourceOauth2ReturnUrls=[RETURN_URL])
    world.granted("alice")
    asked = world.ask("alice", "another")
    assert "accessToken" not in asked
    mine = world.asking("alice", sessionUri=asked["sessionUri"])
    assert refused(world.aws.data.get_resource_oauth2_token, **mine)[0] == "AccessDeniedException"


def test_a_token_is_for_what_was_asked(world: World) -> None:
    """Other scopes ask for leave of their own; the order of scopes makes no difference."""
    token = world.granted(scopes=["read", "list"])
    assert world.ask(scopes=["list", "read"])["accessToken"] == token
    assert "accessToken" not in world.ask(scopes=["read"])
    assert "accessToken" not in world.ask(scopes=["list", "read"], audiences=["other"])


def test_only_the_user_who_asked_completes_it(world: World) -> None:
    """A link that Bob opened for Alice gets her agent nothing: the application's word must be of the same user."""
    asked = world.ask("alice")
    world.consent(asked)
    complete = world.aws.data.complete_resource_token_auth
    for wrong in ({"userId": "bob"}, {"userToken": "aaa.bbb.ccc"}):
        assert refused(complete, userIdentifier=wrong, sessionUri=asked["sessionUri"]) == (
            "AccessDeniedException",
            "Invalid or expired session",
        )
    assert world.server.asked == []
    world.complete(asked, "alice")
    assert world.ask("alice")["accessToken"] in world.server.issued


def test_a_session_is_completed_once_and_after_the_consent(world: World) -> None:
    """Before the user has been at the provider, twice, or unknown: no."""
    asked = world.ask()
    complete = world.aws.data.complete_resource_token_auth
    mine = {"userIdentifier": {"userId": "alice"}, "sessionUri": asked["sessionUri"]}
    assert refused(complete, **mine)[0] == "AccessDeniedException"
    world.consent(asked)
    world.complete(asked)
    assert refused(complete, **mine)[0] == "AccessDeniedException"
    unknown = {**mine, "sessionUri": "urn:ietf:params:oauth:request_uri:unknown"}
    assert refused(complete, **unknown)[0] == "AccessDeniedException"


def test_ten_minutes(world: World, clock: FakeClock) -> None:
    """After them the link says so, the session is unknown, and what the provider still sends finds nothing."""
    asked = world.ask()
    to_provider = world.open(asked["authorizationUrl"]).headers["location"]
    clock.advance(timedelta(minutes=10))
    late = world.open(world.open(to_provider).headers["location"])
    assert (late.status, late.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert world.open(asked["authorizationUrl"]).status == 400
    gone = world.asking(sessionUri=asked["sessionUri"])
    assert refused(world.aws.data.get_resource_oauth2_token, **gone)[1] == "Invalid or expired session"


def test_a_link_is_used_once(world: World) -> None:
    """Neither the link nor the provider's answer to it is of any use a second time."""
    asked = world.ask()
    back = world.open(world.open(asked["authorizationUrl"]).headers["location"]).headers["location"]
    assert world.open(back).status == 302
    assert world.open(back).status == 400
    assert world.open(asked["authorizationUrl"]).status == 400


def test_the_answer_must_come_from_the_provider_that_was_asked(world: World) -> None:
    """At another provider's callback, or with another issuer's name, it fails the session."""
    other = provide(world.aws, "CustomOauth2", custom(world.server), "other")["callbackUrl"]
    asked = world.ask()
    back = world.open(world.open(asked["authorizationUrl"]).headers["location"]).headers["location"]
    assert world.open(f"{other}?{urlsplit(back).query}").status == 400
    assert world.ask(sessionUri=asked["sessionUri"])["sessionStatus"] == "FAILED"
    world.server.issuer_in_answer = "https://evil.example"
    asked = world.ask()
    back = world.open(world.open(asked["authorizationUrl"]).headers["location"]).headers["location"]
    assert world.open(back).status == 400
    world.server.issuer_in_answer = world.server.url
    world.granted()


def test_a_user_says_no(world: World) -> None:
    """The application is told, the session has FAILED, and nothing of the provider's words is passed on."""
    world.server.denies = True
    asked = world.ask()
    arrived = parse_qs(urlsplit(world.consent(asked)).query)
    assert arrived["error"] == ["access_denied"]
    assert "canary" not in str(arrived)
    assert world.ask(sessionUri=asked["sessionUri"])["sessionStatus"] == "FAILED"
    mine = {"userIdentifier": {"userId": "alice"}, "sessionUri": asked["sessionUri"]}
    assert refused(world.aws.data.complete_resource_token_auth, **mine)[0] == "AccessDeniedException"


def test_a_code_the_provider_does_not_take(world: World) -> None:
    """The application learns that there is no token, the agent that the session has FAILED."""
    asked = world.ask()
    world.consent(asked)
    world.server.codes.clear()
    mine = {"userIdentifier": {"userId": "alice"}, "sessionUri": asked["sessionUri"]}
    code, message = refused(world.aws.data.complete_resource_token_auth, **mine)
    assert (code, message) == (
        "ValidationException",
        "Error parsing AuthorizationCode response: the provider answered 400 invalid_grant.",
    )
    assert world.ask(sessionUri=asked["sessionUri"])["sessionStatus"] == "FAILED"


@pytest.mark.parametrize("rotates", [True, False])
def test_a_token_is_refreshed_before_it_ends(world: World, clock: FakeClock, rotates: bool) -> None:
    """Without asking the user, time and again, whether the provider gives a new refresh token each time or not."""
    world.server.rotates = rotates
    first = world.granted()
    clock.advance(timedelta(minutes=59, seconds=29))
    assert world.ask()["accessToken"] == first
    clock.advance(timedelta(seconds=1))
    second = world.ask()["accessToken"]
    assert second == world.server.issued[-1] != first
    assert world.ask()["accessToken"] == second
    clock.advance(timedelta(hours=1))
    assert world.ask()["accessToken"] == world.server.issued[-1] != second
    assert len(world.server.issued) == 3


def test_calls_at_once_refresh_once(world: World, clock: FakeClock) -> None:
    """A refresh token that is used up by use is used by one of them: the others get what it got."""
    world.granted()
    clock.advance(timedelta(hours=1))
    asking = [world.asking() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: world.aws.data.get_resource_oauth2_token(**each), asking))
    assert {answer["accessToken"] for answer in answers} == {world.server.issued[-1]}
    assert len(world.server.issued) == 2


def test_a_refresh_outlives_who_asked_for_it(world: World, clock: FakeClock) -> None:
    """An agent that leaves while the provider thinks costs the user no consent: what comes of it is kept."""
    world.granted()
    clock.advance(timedelta(hours=1))
    world.server.waits_for = threading.Event()
    impatient = clients_of(world.engine.url, patience=1)
    with pytest.raises(ReadTimeoutError):
        impatient.data.get_resource_oauth2_token(**world.asking())
    world.server.waits_for.set()
    assert world.ask()["accessToken"] == world.server.issued[-1]
    assert len(world.server.issued) == 2


def test_a_provider_that_goes_while_a_token_is_fetched(world: World) -> None:
    """What was fetched is kept for nobody."""
    asked = world.ask()
    world.consent(asked)
    world.server.waits_for = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        completed = pool.submit(world.complete, asked)
        eventually(lambda: world.server.asked != [])
        world.aws.control.delete_oauth2_credential_provider(name="calendar")
        world.server.waits_for.set()
        with pytest.raises(world.aws.data.exceptions.ResourceNotFoundException):
            completed.result()


@pytest.mark.parametrize("what", ["no refresh token", "withdrawn"])
def test_a_token_that_cannot_be_refreshed_is_asked_for_again(
    world: World, clock: FakeClock, what: str
) -> None:
    """The user is sent to the provider again."""
    world.server.gives_refresh_token = what != "no refresh token"
    world.granted()
    world.server.refresh_tokens.clear()
    clock.advance(timedelta(hours=1))
    assert "authorizationUrl" in world.ask()
    world.granted()


def test_a_provider_that_is_down_costs_no_consent(world: World, clock: FakeClock) -> None:
    """A refresh that fails for another reason than the token is told, and tried again next time."""
    world.granted()
    clock.advance(timedelta(hours=1))
    world.server.fails = web.json_response({"error": "temporarily_unavailable"}, status=503)
    asking = world.asking()
    assert "503 temporarily_unavailable" in refused(world.aws.data.get_resource_oauth2_token, **asking)[1]
    world.server.fails = None
    assert world.ask()["accessToken"] == world.server.issued[-1]


def test_a_token_without_an_end_lasts(world: World, clock: FakeClock) -> None:
    """A provider that does not say how long gets the benefit of the doubt."""
    world.server.seconds = None
    token = world.granted()
    clock.advance(timedelta(days=30))
    assert world.ask()["accessToken"] == token


def test_forced_authentication_asks_though_there_is_a_token(world: World) -> None:
    """The first token serves until the second is there, which then takes its place."""
    first = world.granted()
    asked = world.ask(forceAuthentication=True)
    assert "accessToken" not in asked
    assert world.ask()["accessToken"] == first
    world.consent(asked)
    world.complete(asked)
    assert world.ask(sessionUri=asked["sessionUri"])["accessToken"] == world.server.issued[-1] != first


def test_return_urls_are_registered(world: World) -> None:
    """None on the workload, none used, or one that is not registered: refused, the first two in AWS's words."""
    ours = "You must register and use at least one ResourceOauth2ReturnUrl on your workload identity to use this flow"
    asking = world.asking()
    del asking["resourceOauth2ReturnUrl"]
    call = world.aws.data.get_resource_oauth2_token
    assert refused(call, **asking) == ("ValidationException", ours)
    other = world.asking(resourceOauth2ReturnUrl="https://app.example/back")
    assert refused(call, **other)[0] == "ValidationException"
    world.aws.control.update_workload_identity(name="my-agent", allowedResourceOauth2ReturnUrls=[])
    assert refused(call, **world.asking()) == ("ValidationException", ours)


def test_a_token_of_nobody_has_no_users_tokens(world: World) -> None:
    """The workload access token must be of a user."""
    asking = {**world.asking(), "workloadIdentityToken": token_for(world.aws)}
    assert "is of no user" in refused(world.aws.data.get_resource_oauth2_token, **asking)[1]


@pytest.mark.parametrize(
    "lost",
    [
        lambda aws: aws.control.delete_oauth2_credential_provider(name="calendar"),
        lambda aws: aws.control.delete_workload_identity(name="my-agent"),
    ],
)
def test_a_users_tokens_go_with_provider_and_workload(world: World, lost: Callable[[Clients], Any]) -> None:
    """Made again under the same name, they have nothing of what was."""
    world.granted()
    lost(world.aws)
    if world.aws.control.list_workload_identities()["workloadIdentities"]:
        provide(world.aws, "CustomOauth2", custom(world.server))
    else:
        make(world.aws, allowedResourceOauth2ReturnUrls=[RETURN_URL])
    assert "accessToken" not in world.ask()


def test_a_change_of_keys_keeps_users_tokens_and_a_reset_does_not(world: World) -> None:
    """AWS: ResetTokenVaultKeyMaterial deletes them, and keeps the providers; SetTokenVaultCMK keeps both."""
    token = world.granted()
    world.aws.control.set_token_vault_cmk(
        kmsConfiguration={"keyType": "CustomerManagedKey", "kmsKeyArn": KMS_KEY}
    )
    assert world.ask()["accessToken"] == token
    world.aws.control.reset_token_vault_key_material(tokenVaultId="default")
    assert "accessToken" not in world.ask()
    world.granted()


def test_pages_of_a_consent_tell_nothing_to_others(world: World) -> None:
    """No cache keeps their addresses, no other site is told them, no page can frame them; what was sent is escaped."""
    url = f"{world.engine.url}/identities/oauth2/authorize?request_uri=%3Cscript%3E"
    for answer in (world.open(url), world.open(world.ask()["authorizationUrl"])):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert b"<script>" not in answer.body
