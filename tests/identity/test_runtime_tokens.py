"""The workload access token that reaches an agent with each call: for whom, and for whom not."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from aiohttp import web

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.testing import Script, ScriptedBackend
from tests.conftest import HELLO, Clients
from tests.identity.test_api_keys import KEY, key_of, provide, refused, token_for
from tests.identity.test_workload_identities import make
from tests.patience import eventually
from tests.runtime.calls import invocations, send
from tests.runtime.test_control_plane import create, settled
from tests.runtime.test_invocations import ready, scripted
from tests.server.test_websocket import Heard, opened, speaks

FROM_AGENT = "X-Amz-Bedrock-AgentCore-Identity-WAT"


async def show(request: web.Request) -> web.Response:
    """The headers an agent got, names in lower case."""
    return web.json_response({name.lower(): value for name, value in request.headers.items()})


@pytest.fixture
def arn(aws: Clients, backend: ScriptedBackend) -> str:
    """A runtime whose agent shows the headers it gets; its allow-list tries to let a token of the caller through."""
    backend.add(HELLO, Script(answer=show, gets={"/.well-known/agent-card.json": show}))
    allowed = {"requestHeaderAllowlist": ["WorkloadAccessToken"]}
    created = create(aws, requestHeaderConfiguration=allowed)
    runtime: str = settled(aws, created["agentRuntimeId"])["agentRuntimeArn"]
    return runtime


def got(aws: Clients, arn: str, **more: Any) -> dict[str, str]:
    """The headers the agent got with a call."""
    answer = aws.data.invoke_agent_runtime(
        agentRuntimeArn=arn, runtimeSessionId=str(uuid.uuid4()), payload=b"{}", **more
    )
    headers: dict[str, str] = json.load(answer["response"])
    return headers


def test_a_call_for_a_user_brings_a_token(aws: Clients, arn: str) -> None:
    """With a user id the agent gets a token, a new one each time, that opens what its workload may have."""
    provide(aws)
    first = got(aws, arn, runtimeUserId="alice")["workloadaccesstoken"]
    second = got(aws, arn, runtimeUserId="alice")["workloadaccesstoken"]
    assert first != second
    assert key_of(aws, first) == key_of(aws, second) == KEY


def test_a_call_for_nobody_brings_none(aws: Clients, arn: str, engine: RunningEngine) -> None:
    """Without a user there is no token, as on AWS; one that the caller makes up does not get through."""
    assert "workloadaccesstoken" not in got(aws, arn)
    answer = send(engine.url, "POST", invocations(arn), b"{}", {"WorkloadAccessToken": "of my own making"})
    assert answer.status == 200
    assert "workloadaccesstoken" not in answer.json


def test_an_agent_acts_for_the_user_of_the_agent_that_called_it(
    aws: Clients, arn: str, engine: RunningEngine
) -> None:
    """The token that the SDK adds to an agent's own calls is not passed on: the called agent gets its own."""
    provide(aws)
    make(aws)
    of_caller = token_for(aws, "alice")
    answer = send(engine.url, "POST", invocations(arn), b"{}", {FROM_AGENT: of_caller})
    minted = answer.json["workloadaccesstoken"]
    assert minted != of_caller
    assert FROM_AGENT.lower() not in answer.json
    assert key_of(aws, minted) == KEY
    nobody = token_for(aws)
    answer = send(engine.url, "POST", invocations(arn), b"{}", {FROM_AGENT: nobody})
    assert "workloadaccesstoken" not in answer.json


def test_an_agents_made_up_token_is_refused(
    aws: Clients, arn: str, engine: RunningEngine, backend: ScriptedBackend
) -> None:
    """403, and no session is started for it."""
    answer = send(engine.url, "POST", invocations(arn), b"{}", {FROM_AGENT: "made-up"})
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    assert backend.started == []


def test_a_token_ends_with_its_runtime(aws: Clients, arn: str) -> None:
    """The workload identity goes with the runtime, and its tokens with that."""
    provide(aws)
    token = got(aws, arn, runtimeUserId="alice")["workloadaccesstoken"]
    aws.control.delete_agent_runtime(agentRuntimeId=arn.rpartition("/")[2])
    eventually(lambda: aws.control.list_agent_runtimes()["agentRuntimes"] == [])
    asked = {"workloadIdentityToken": token, "resourceCredentialProviderName": "weather"}
    assert refused(aws.data.get_resource_api_key, **asked)[0] == "AccessDeniedException"


def test_websockets_bring_a_token_too(aws: Clients, backend: ScriptedBackend, engine: RunningEngine) -> None:
    """The handshake for a user has one, also when a browser says the user in the query; for nobody there is none."""
    provide(aws)
    heard = Heard()
    arn = ready(aws, scripted(backend, speaks(heard)))
    user = {"X-Amzn-Bedrock-AgentCore-Runtime-User-Id": "alice"}
    for how in ({"query": user}, {"additional_headers": user}):
        with opened(engine, arn, **how):
            pass
        assert key_of(aws, heard.headers["WorkloadAccessToken"]) == KEY
    with opened(engine, arn):
        pass
    assert "WorkloadAccessToken" not in heard.headers


def test_an_agents_card_is_asked_for_with_a_token_too(
    aws: Clients, backend: ScriptedBackend, engine: RunningEngine
) -> None:
    """An agent that looks at another's card does so for its own user; a caller without one for nobody."""
    provide(aws)
    make(aws)
    uri = scripted(backend, Script(gets={"/.well-known/agent-card.json": show}))
    arn = ready(aws, uri, protocolConfiguration={"serverProtocol": "A2A"})
    assert "workloadaccesstoken" not in aws.data.get_agent_card(agentRuntimeArn=arn)["agentCard"]
    path = f"{invocations(arn)}/.well-known/agent-card.json"
    card = send(engine.url, "GET", path, headers={FROM_AGENT: token_for(aws, "alice")}).json
    assert key_of(aws, card["workloadaccesstoken"]) == KEY
