"""The local identity provider: a standard OpenID Connect server whose people, clients and keys outlive it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

import jwt
import psutil
import pytest

from agentcore_lab.clock import SystemClock
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.idp.state import TOKEN_EXCHANGE
from agentcore_lab.idp.visitor import NotConsented, consent
from agentcore_lab.lab_idp import LabIdp, TokenRefused
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, ScriptedBackend, engine_in_thread
from tests.conftest import clients_of
from tests.patience import PATIENCE
from tests.programs import ROOT

PARENT = """
import subprocess, sys
child = [sys.executable, "-m", "agentcore_lab.idp", sys.argv[1], "127.0.0.1", "0"]
process = subprocess.Popen(child, stdin=subprocess.PIPE)
process.wait()
"""

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of this file's engine."""
    folder = tmp_path_factory.mktemp("idp")
    return Settings(data_dir=folder / "data", cache_dir=folder / "cache", port=0, quotas=UNMETERED)


@pytest.fixture(scope="module")
def engine(settings: Settings) -> Iterator[RunningEngine]:
    """An engine that has an identity provider."""
    with engine_in_thread(settings, ScriptedBackend(), SystemClock()) as running:
        yield running


@pytest.fixture(scope="module")
def idp(engine: RunningEngine) -> LabIdp:
    """The provider, as a notebook has it."""
    return LabIdp(engine)


def claims_of(idp: LabIdp, token: str, audience: str = "agentcore-lab") -> dict[str, Any]:
    """What a token says, verified by the keys that the discovery document leads to."""
    keys = jwt.PyJWKClient(idp.metadata()["jwks_uri"], cache_keys=False)
    key = keys.get_signing_key_from_jwt(token)
    found: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience=audience,
        issuer=idp.issuer,
        options={"require": ["exp", "iat"]},
    )
    return found


def test_a_service_gets_a_token_for_itself(idp: LabIdp) -> None:
    """Client credentials: subject and client are the service, the scopes are those it asked for."""
    claims = claims_of(idp, idp.service_token(["agent:invoke"]))
    assert {claims["sub"], claims["client_id"]} == {"lab-service"}
    assert (claims["scope"], claims["token_use"]) == ("agent:invoke", "access")


def test_a_person_signs_in_with_pkce_and_consents(idp: LabIdp) -> None:
    """Authorization code with PKCE: the token is the person's, for the resource that was asked for."""
    tokens = idp.sign_in("alice", ["openid", "agent:invoke"], resource="https://agents.example/hello")
    claims = claims_of(idp, tokens["access_token"], audience="https://agents.example/hello")
    assert (claims["sub"], claims["client_id"], claims["groups"]) == (
        "alice",
        "lab-web",
        ["readers", "admins"],
    )
    assert claims_of(idp, tokens["id_token"], audience="lab-web")["sub"] == "alice"


def test_a_refresh_token_is_used_up(idp: LabIdp) -> None:
    """It gives new tokens once."""
    first = idp.sign_in("bob")
    again = idp.refresh(first["refresh_token"])
    assert claims_of(idp, again["access_token"])["sub"] == "bob"
    with pytest.raises(TokenRefused, match="invalid_grant"):
        idp.refresh(first["refresh_token"])


def test_a_service_acts_for_a_person(idp: LabIdp) -> None:
    """Token exchange: the person's token for one of the service, with no more scopes, for whom it was asked for."""
    alice = idp.sign_in("alice", ["openid", "agent:invoke"])["access_token"]
    claims = claims_of(idp, idp.exchange(alice))
    assert (claims["sub"], claims["client_id"], claims["scope"]) == ("alice", "lab-service", "agent:invoke")
    assert claims["groups"] == ["readers", "admins"]
    assert "act" not in claims
    acted = idp.exchange(alice, ["agent:invoke"], audience="https://orders", actor=idp.service_token())
    claims = claims_of(idp, acted, "https://orders")
    assert claims["act"] == {"sub": "lab-service"}


def test_what_is_not_exchanged(idp: LabIdp) -> None:
    """Scopes that the person did not give, tokens of nobody, of another kind or changed, and another's as actor."""
    tokens = idp.sign_in("alice", ["openid", "agent:invoke"])
    alice = tokens["access_token"]
    for token, scopes, actor, error in (
        (alice, ["agent:read"], None, "invalid_scope"),
        (idp.service_token(), [], None, "invalid_grant"),
        (tokens["id_token"], [], None, "invalid_grant"),
        (alice[:-6] + "AAAAAA", [], None, "invalid_grant"),
        ("", [], None, "invalid_request"),
        (alice, [], alice, "invalid_grant"),
    ):
        with pytest.raises(TokenRefused, match=error):
            idp.exchange(token, scopes, actor=actor)
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": alice, "subject_token_type": ACCESS_TOKEN}
    with pytest.raises(TokenRefused, match="unauthorized_client"):
        idp._token("lab-web", **form)


def test_an_agent_acts_for_a_person(idp: LabIdp, engine: RunningEngine) -> None:
    """ON_BEHALF_OF_TOKEN_EXCHANGE from end to end: the person's JWT, the engine, this provider, an actor named."""
    aws = clients_of(engine.url)
    client = idp.clients["lab-service"]
    exchange = {
        "grantType": "TOKEN_EXCHANGE",
        "tokenExchangeGrantTypeConfig": {"actorTokenContent": "M2M", "actorTokenScopes": ["agent:invoke"]},
    }
    aws.control.create_workload_identity(name="my-agent")
    aws.control.create_oauth2_credential_provider(
        name="orders",
        credentialProviderVendor="CustomOauth2",
        oauth2ProviderConfigInput={
            "customOauth2ProviderConfig": {
                "oauthDiscovery": {"discoveryUrl": idp.discovery_url},
                "clientId": client.id,
                "clientSecret": client.secret,
                "onBehalfOfTokenExchangeConfig": exchange,
            }
        },
    )
    workload = aws.data.get_workload_access_token_for_jwt(
        workloadName="my-agent", userToken=idp.sign_in("alice")["access_token"]
    )
    token = aws.data.get_resource_oauth2_token(
        workloadIdentityToken=workload["workloadAccessToken"],
        resourceCredentialProviderName="orders",
        oauth2Flow="ON_BEHALF_OF_TOKEN_EXCHANGE",
        scopes=["agent:invoke"],
        audiences=["https://orders"],
    )["accessToken"]
    claims = claims_of(idp, token, "https://orders")
    assert (claims["sub"], claims["act"]) == ("alice", {"sub": "lab-service"})


def test_a_code_is_worthless_without_its_verifier(idp: LabIdp) -> None:
    """PKCE: who caught the code alone gets nothing for it."""
    client = idp.clients["lab-web"]
    request = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": client.redirect_uris[0],
        "scope": "openid",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    sent_to = idp.consent(f"{idp.metadata()['authorization_endpoint']}?{urlencode(request)}", "alice")
    code = parse_qs(urlsplit(sent_to).query)["code"][0]
    with pytest.raises(TokenRefused, match="invalid_grant"):
        idp._token(
            client.id,
            grant_type="authorization_code",
            code=code,
            redirect_uri=client.redirect_uris[0],
            code_verifier="caught-without-it-which-is-forty-three-characters",
        )


def test_a_client_is_answered_where_it_said_it_would_be(idp: LabIdp) -> None:
    """An unregistered redirect URI is refused at the provider's own page; a registered one is not."""
    request = {
        "response_type": "code",
        "client_id": "lab-web",
        "scope": "openid",
        "redirect_uri": "http://127.0.0.1:9/cb",
    }
    url = f"{idp.metadata()['authorization_endpoint']}?{urlencode(request)}"
    with pytest.raises(NotConsented):
        idp.consent(url, "alice")
    idp.allow_redirect("http://127.0.0.1:9/cb")
    assert idp.consent(url, "alice").startswith("http://127.0.0.1:9/cb?code=")


def test_a_wrong_password_signs_nobody_in(idp: LabIdp) -> None:
    """The page says so, and there is no code."""
    request = {
        "response_type": "code",
        "client_id": "lab-web",
        "scope": "openid",
        "redirect_uri": idp.clients["lab-web"].redirect_uris[0],
    }
    with pytest.raises(NotConsented, match="200"):
        consent(f"{idp.metadata()['authorization_endpoint']}?{urlencode(request)}", "alice", "guessed")


def test_keys_are_rotated_and_retired(idp: LabIdp) -> None:
    """A new key signs at once; older tokens are good until their key is retired."""
    older = idp.service_token()
    idp.rotate_keys()
    newer = idp.service_token()
    assert jwt.get_unverified_header(older)["kid"] != jwt.get_unverified_header(newer)["kid"]
    claims_of(idp, older)
    claims_of(idp, newer)
    idp.rotate_keys(retire=True)
    with pytest.raises(jwt.PyJWKClientError):
        claims_of(idp, older)


def test_a_page_whose_name_was_made_to_lead_here_is_refused(idp: LabIdp) -> None:
    """DNS rebinding: another host name is another site."""
    connection = HTTPConnection(urlsplit(idp.issuer).netloc)
    connection.request("GET", "/", headers={"Host": "evil.example"})
    assert connection.getresponse().status == 400
    connection.close()


def test_what_it_keeps_is_its_users_alone(idp: LabIdp, settings: Settings) -> None:
    """Keys, passwords and the database can be read by nobody else."""
    folder = settings.data_dir / "idp"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}


def test_its_secrets_are_not_shown(idp: LabIdp, engine: RunningEngine) -> None:
    """Neither in what a notebook shows, nor by the engine's API."""
    shown = repr(idp) + idp._repr_html_() + json.dumps(engine.fetch("idp")) + repr(list(idp.people.values()))
    shown += repr(list(idp.clients.values()))
    for secret in [
        *(each.password for each in idp.people.values()),
        *(each.secret for each in idp.clients.values()),
    ]:
        assert secret not in shown


def test_it_comes_back_as_it_was(idp: LabIdp, engine: RunningEngine) -> None:
    """Killed and started again it has the same address, people, clients and keys: tokens stay good."""
    token = idp.service_token()
    _provider_process().send_signal(signal.SIGKILL)
    while engine.fetch("idp")["issuer"] is not None:
        time.sleep(0.05)
    again = LabIdp(engine)
    assert again.issuer == idp.issuer
    assert claims_of(again, token)["sub"] == "lab-service"


def test_it_ends_with_whoever_started_it(idp: LabIdp, settings: Settings, tmp_path: Path) -> None:
    """A parent that is killed takes the provider with it: nothing listens any more."""
    folder = shutil.copytree(settings.data_dir / "idp", tmp_path / "idp")  # which spares it its first start
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(folder)], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None
    issuer = json.loads(parent.stdout.readline())["issuer"]
    [provider] = psutil.Process(parent.pid).children()
    urlopen(issuer).close()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    psutil.wait_procs([provider], timeout=PATIENCE)
    with pytest.raises(URLError):
        urlopen(issuer)


def _provider_process() -> psutil.Process:
    [found] = [
        each
        for each in psutil.Process(os.getpid()).children()
        if "agentcore_lab.idp" in " ".join(each.cmdline())
    ]
    return found
