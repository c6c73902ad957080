"""Bearer tokens of a runtime with a customJWTAuthorizer: who is let in, and whom a token speaks for."""

from __future__ import annotations

import asyncio
import json
import uuid
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from agentcore_lab.clock import SystemClock
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.runtime.invoke import AGENT_CARD
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO, Clients, clients_of
from tests.identity.issuer import KEYS, Issuer, ec_key, published, rsa_key
from tests.runtime.calls import Answer, invocations, send
from tests.runtime.test_control_plane import create, settled


async def answering(_request: web.Request) -> web.StreamResponse:
    """An agent that says yes to everything."""
    return web.json_response({"jsonrpc": "2.0", "id": 1, "result": {}})


def protected(
    aws: Clients,
    issuer: Issuer,
    protocol: str = "HTTP",
    backend: ScriptedBackend | None = None,
    name: str = "hello_agent",
    **authorizer: Any,
) -> str:
    """The ARN of a READY runtime that takes this issuer's tokens; ``backend`` has its agent answer in its protocol."""
    if backend is not None:
        backend.add(HELLO, Script(posts={"/": answering, "/mcp": answering}, gets={AGENT_CARD: answering}))
    made = create(
        aws,
        name=name,
        authorizerConfiguration={"customJWTAuthorizer": issuer.authorizer(**authorizer)},
        protocolConfiguration={"serverProtocol": protocol},
    )
    arn: str = settled(aws, made["agentRuntimeId"])["agentRuntimeArn"]
    return arn


def call(engine: RunningEngine, arn: str, token: str, **headers: str) -> Answer:
    """An invocation with a bearer token."""
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    return send(engine.url, "POST", invocations(arn), b"{}", sent)


def test_a_good_token_is_let_in(aws: Clients, engine: RunningEngine, issuer: Issuer) -> None:
    """Two documents are fetched for it, and none for the next."""
    arn = protected(aws, issuer)
    assert call(engine, arn, issuer.token()).status == 200
    assert call(engine, arn, issuer.token(sub="bob")).status == 200
    assert issuer.fetches == 2


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512", "ES256"])
def test_every_algorithm_with_a_public_key(
    aws: Clients, engine: RunningEngine, issuer: Issuer, algorithm: str
) -> None:
    """RSA, RSA-PSS and elliptic curves."""
    arn = protected(aws, issuer)
    key: Any = issuer.key
    if algorithm == "ES256":
        key = ec_key()
        from jwt.algorithms import ECAlgorithm

        public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        issuer.documents[KEYS] = {"keys": [{**public, "kid": issuer.kid}]}
    assert call(engine, arn, issuer.token(key=key, algorithm=algorithm)).status == 200


def test_everything_that_is_configured_is_asked_for(
    aws: Clients, engine: RunningEngine, issuer: Issuer
) -> None:
    """AWS: "if more than one is used, the authorizer will verify them all"."""
    arn = protected(
        aws,
        issuer,
        allowedClients=["web"],
        allowedScopes=["agent:invoke", "agent:read"],
        customClaims=[
            claim("team", "STRING", "EQUALS", matchValueString="blue"),
            claim("groups", "STRING_ARRAY", "CONTAINS", matchValueString="admins"),
            claim("roles", "STRING_ARRAY", "CONTAINS_ANY", matchValueStringList=["dev", "ops"]),
        ],
    )
    good: dict[str, Any] = {"team": "blue", "groups": ["readers", "admins"], "roles": ["ops"]}
    assert call(engine, arn, issuer.token(**good)).status == 200
    assert call(engine, arn, issuer.token(**good, aud=["other", "lab"], scope="agent:read")).status == 200
    wrongs: list[dict[str, Any]] = [
        {"team": "red"},
        {"team": None},
        {"groups": ["readers"]},
        {"roles": ["art"]},
        {"roles": "ops"},
    ]
    for wrong in wrongs:
        assert call(engine, arn, issuer.token(**{**good, **wrong})).status == 401


@pytest.mark.parametrize(
    "allowed",
    [
        {
            "hostingEnvironments": [
                {"arn": "arn:aws:bedrock-agentcore:us-west-2:123456789012:gateway/front-0123456789"}
            ]
        },
        {"workloadIdentities": ["front-0123456789"]},
    ],
    ids=lambda allowed: next(iter(allowed)),
)
def test_a_runtime_for_gateways_alone(
    aws: Clients, engine: RunningEngine, issuer: Issuer, allowed: dict[str, Any]
) -> None:
    """A good token is not enough where the request has to come through a gateway; a bad one is told what is wrong."""
    arn = protected(aws, issuer, allowedWorkloadConfiguration=allowed)
    refused = call(engine, arn, issuer.token())
    assert refused.status == 401
    assert refused.json["message"].startswith("Transaction token required: ")
    assert "resource_metadata=" in refused.headers["www-authenticate"]
    assert "aud" in call(engine, arn, issuer.token(aud="other")).json["message"]


def claim(name: str, kind: str, operator: str, **value: Any) -> dict[str, Any]:
    """A rule of customClaims."""
    return {
        "inboundTokenClaimName": name,
        "inboundTokenClaimValueType": kind,
        "authorizingClaimMatchValue": {"claimMatchOperator": operator, "claimMatchValue": value},
    }


def test_a_rotated_key_is_found(aws: Clients, engine: RunningEngine, issuer: Issuer) -> None:
    """A key id that is not known has the keys fetched again; tokens of the older key go on while it is published."""
    arn = protected(aws, issuer)
    older = issuer.token()
    assert call(engine, arn, older).status == 200
    issuer.rotate(retire=False)
    assert call(engine, arn, issuer.token()).status == 200
    assert call(engine, arn, older).status == 200
    assert issuer.fetches == 4


def test_keys_are_forgotten_after_five_minutes(
    aws: Clients, engine: RunningEngine, issuer: Issuer, clock: FakeClock
) -> None:
    """Of the engine's clock: then a withdrawn key signs for nobody."""
    arn = protected(aws, issuer)
    older = issuer.token()
    assert call(engine, arn, older).status == 200
    issuer.rotate(retire=True)
    assert call(engine, arn, older).status == 200
    clock.advance(timedelta(minutes=5))
    assert call(engine, arn, older).status == 401


def test_a_token_without_a_key_id_is_the_only_keys(
    aws: Clients, engine: RunningEngine, issuer: Issuer
) -> None:
    """With one key there is no question; with two it is not guessed."""
    arn = protected(aws, issuer)
    token = issuer.token(header={"kid": None})
    assert call(engine, arn, token).status == 200
    issuer.documents[KEYS]["keys"].append(published(rsa_key(1), "two"))
    assert call(engine, arn, issuer.token(header={"kid": "fetch again"})).status == 401
    assert call(engine, arn, token).status == 401


def test_many_callers_wait_for_one_fetch(aws: Clients, engine: RunningEngine, issuer: Issuer) -> None:
    """Thirty calls at once ask the issuer as often as one does."""
    arn = protected(aws, issuer)

    async def storm() -> list[int]:
        headers = {"Authorization": f"Bearer {issuer.token()}"}
        url = URL(engine.url + invocations(arn), encoded=True)

        async def one(http: aiohttp.ClientSession) -> int:
            session = {"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": str(uuid.uuid4())}
            async with http.post(url, data=b"{}", headers={**headers, **session}) as answer:
                return answer.status

        async with aiohttp.ClientSession() as http:
            return await asyncio.gather(*(one(http) for _ in range(30)))

    assert asyncio.run(storm()) == [200] * 30
    assert issuer.fetches == 2


def test_a_slow_issuer_holds_up_nobody_else(
    aws: Clients, engine: RunningEngine, issuer: Issuer, backend: ScriptedBackend
) -> None:
    """The engine answers other calls while it waits for an issuer's document."""
    arn = protected(aws, issuer)
    other = settled(aws, create(aws, name="other")["agentRuntimeId"])["agentRuntimeArn"]
    release = issuer.hold()

    async def meanwhile() -> int:
        waiting = asyncio.create_task(asyncio.to_thread(call, engine, arn, issuer.token()))
        await asyncio.to_thread(issuer.was_asked.wait, 10)
        await asyncio.to_thread(aws.data.invoke_agent_runtime, agentRuntimeArn=other, payload=b"{}")
        assert not waiting.done()
        release.set()
        return (await waiting).status

    assert asyncio.run(meanwhile()) == 200


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=3)])
def test_a_token_lives_by_the_engines_clock(
    aws: Clients, engine: RunningEngine, issuer: Issuer, clock: FakeClock, ahead: timedelta
) -> None:
    """Its hour passes when the clock is set ahead by one; the last minute does not count (reported of AWS)."""
    arn = protected(aws, issuer)
    clock.advance(ahead)
    token = issuer.token(
        iat=int(clock.now().timestamp()), exp=int((clock.now() + timedelta(hours=1)).timestamp())
    )
    clock.advance(timedelta(minutes=58, seconds=59))
    assert call(engine, arn, token).status == 200
    clock.advance(timedelta(seconds=1))
    assert "expires within a minute" in call(engine, arn, token).json["message"]
    clock.advance(timedelta(minutes=1))
    assert "expired at" in call(engine, arn, token).json["message"]


def test_a_token_of_the_second_in_which_the_clock_was_set_ahead(
    settings: Settings, backend: ScriptedBackend, issuer: Issuer
) -> None:
    """Issuers keep the machine's time, in whole seconds: it is good for its hour, and an older one has expired."""
    clock = SystemClock()
    with engine_in_thread(settings, backend, clock) as engine:
        arn = protected(clients_of(engine.url), issuer)
        issued = int(clock.now().timestamp())
        older = issuer.token(iat=issued - 5, exp=issued + 3595)
        assert call(engine, arn, older).status == 200
        clock.advance(timedelta(hours=2))
        now = int((clock.now() - clock.ahead).timestamp())
        assert call(engine, arn, issuer.token(iat=now, exp=now + 3600)).status == 200
        assert call(engine, arn, older).status == 401


def test_the_agent_sees_the_token_only_if_it_asked(
    aws: Clients, engine: RunningEngine, issuer: Issuer, backend: ScriptedBackend
) -> None:
    """AWS: Authorization crosses by the request header allowlist alone."""
    arn = protected(aws, issuer)
    answer = call(engine, arn, issuer.token())
    assert answer.status == 200
    assert issuer.token().encode() not in answer.body


@pytest.mark.parametrize("protocol", ["HTTP", "MCP", "A2A", "AGUI"])
def test_every_protocol_takes_tokens(
    aws: Clients, engine: RunningEngine, issuer: Issuer, backend: ScriptedBackend, protocol: str
) -> None:
    """And tells who is refused in its own form, with where to get a token."""
    arn = protected(aws, issuer, protocol, backend if protocol in {"MCP", "A2A"} else None)
    accepts = {"Accept": "application/json, text/event-stream"}
    assert call(engine, arn, issuer.token(), **accepts).status == 200
    refused = call(engine, arn, issuer.token(aud="other"), **accepts)
    assert refused.status == 401
    assert b"Claim 'aud' value mismatch with configuration." in refused.body
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_the_agents_card_and_the_end_of_a_session_want_tokens_too(
    aws: Clients, engine: RunningEngine, issuer: Issuer, backend: ScriptedBackend
) -> None:
    """GetAgentCard and StopRuntimeSession."""
    arn = protected(aws, issuer, "A2A", backend)
    session = {"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": str(uuid.uuid4())}
    stop = f"/runtimes/{quote(arn, safe='')}/stopruntimesession"
    card = f"{invocations(arn)}/.well-known/agent-card.json"
    for token, status in ((issuer.token(exp=1), 401), (issuer.token(), 200)):
        headers = {"Authorization": f"Bearer {token}", **session}
        assert send(engine.url, "GET", card, None, headers).status == status
        assert send(engine.url, "POST", stop, b"{}", headers).status == status


def test_commands_want_tokens_too(aws: Clients, engine: RunningEngine, issuer: Issuer) -> None:
    """InvokeAgentRuntimeCommand."""
    arn = protected(aws, issuer)
    path = f"/runtimes/{quote(arn, safe='')}/commands"
    session = {"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": str(uuid.uuid4())}
    body = json.dumps({"command": "true"}).encode()
    for token, status in ((issuer.token(iss="https://other"), 401), (issuer.token(), 200)):
        headers = {"Authorization": f"Bearer {token}", **session}
        assert send(engine.url, "POST", path, body, headers).status == status


@pytest.mark.parametrize("path", ["/ws", "/ws/shells"])
@pytest.mark.parametrize("browser", [False, True])
async def test_sockets_want_tokens_too(
    aws: Clients, engine: RunningEngine, issuer: Issuer, path: str, browser: bool
) -> None:
    """As a header, or as a browser's subprotocol: a bad one is refused before the upgrade."""
    arn = await asyncio.to_thread(protected, aws, issuer)
    url = URL(f"{engine.url}/runtimes/{quote(arn, safe='')}{path}", encoded=True)
    async with aiohttp.ClientSession() as http:
        for token, refused in ((issuer.token(sub="x", exp=1), True), (issuer.token(), False)):
            encoded = urlsafe_b64encode(token.encode()).decode().rstrip("=")
            names = [f"base64UrlBearerAuthorization.{encoded}", "base64UrlBearerAuthorization"]
            ask = (
                http.ws_connect(url, protocols=names)
                if browser
                else http.ws_connect(url, headers={"Authorization": f"Bearer {token}"})
            )
            if refused:
                with pytest.raises(aiohttp.WSServerHandshakeError) as error:
                    await ask
                assert error.value.status == 401
            elif path == "/ws/shells":
                async with ask as socket:
                    assert not socket.closed
            else:  # the scripted agent has no WebSocket: the gate lets the caller through to it
                with pytest.raises(aiohttp.WSServerHandshakeError) as error:
                    await ask
                assert error.value.status == 424


def test_scopes_are_advertised_by_their_other_names(
    aws: Clients, engine: RunningEngine, issuer: Issuer
) -> None:
    """AWS: advertisedScopeMapping, in the document and in the challenge; a token without the scope is told which."""
    arn = protected(
        aws,
        issuer,
        allowedScopes=["agent:admin", "agent:read"],
        advertisedScopeMapping={"agent:admin": "api://lab/agent.admin"},
    )
    wanted = 'scope="api://lab/agent.admin agent:read"'
    assert wanted in send(engine.url, "POST", invocations(arn), b"{}").headers["www-authenticate"]
    refused = call(engine, arn, issuer.token())
    assert (refused.status, refused.json["message"]) == (
        401,
        "Claim 'scope' value mismatch with configuration.",
    )
    assert f'error="insufficient_scope", {wanted}' in refused.headers["www-authenticate"]
    document = send(engine.url, "GET", f"{invocations(arn)}/.well-known/oauth-protected-resource")
    assert document.json["scopes_supported"] == ["api://lab/agent.admin", "agent:read"]


def test_where_there_is_a_policy_it_must_allow(aws: Clients, engine: RunningEngine, issuer: Issuer) -> None:
    """A caller with a token is nobody to IAM: a policy alone can allow, by what the verified claims say."""
    arn = protected(aws, issuer)
    action = "bedrock-agentcore:InvokeAgentRuntime"
    statement = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": arn}
    key = "bedrock-agentcore:InboundJwtClaim"
    condition = {"StringEquals": {f"{key}/sub": "alice", f"{key}/aud": "lab"}}
    put(aws, arn, {**statement, "Condition": condition})
    assert call(engine, arn, issuer.token()).status == 200
    refused = call(engine, arn, issuer.token(sub="bob"))
    assert refused.status == 403
    assert "because no resource-based policy allows" in refused.json["message"]
    put(aws, arn, statement, {**statement, "Effect": "Deny", "Condition": condition})
    assert call(engine, arn, issuer.token(sub="bob")).status == 200
    assert "explicit deny" in call(engine, arn, issuer.token()).json["message"]


def put(aws: Clients, arn: str, *statements: dict[str, Any]) -> None:
    """PutResourcePolicy."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    aws.control.put_resource_policy(resourceArn=arn, policy=policy)


async def shown(request: web.Request) -> web.StreamResponse:
    """The headers an agent got, names in lower case."""
    return web.json_response({name.lower(): value for name, value in request.headers.items()})


def test_the_agent_acts_for_whom_the_token_speaks(
    aws: Clients, engine: RunningEngine, issuer: Issuer, backend: ScriptedBackend
) -> None:
    """A workload access token comes with every call of a subject, and none with a token of nobody."""
    backend.add(HELLO, Script(answer=shown))
    arn = protected(aws, issuer)
    named = {"X-Amzn-Bedrock-AgentCore-Runtime-User-Id": "bob"}
    assert "workloadaccesstoken" in call(engine, arn, issuer.token()).json
    assert "workloadaccesstoken" not in call(engine, arn, issuer.token(sub=None), **named).json
