"""``--model bedrock``: calls are passed on as they came. What stands in for AWS here is another engine."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from agentcore_lab.accounts.accounts import accounts_in
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.errors import AccessDeniedException, AwsError
from agentcore_lab.lab_model import LabModel
from agentcore_lab.model.bedrock import Bedrock, to_aws
from agentcore_lab.settings import LAB_KEY_PREFIX, Settings
from agentcore_lab.testing import FakeClock, ScriptedBackend, engine_in_thread
from tests.model.conftest import CLAUDE, bedrock_client, user


@pytest.fixture
def forwarder(engine: RunningEngine) -> Bedrock:
    """Forwards to the running engine as it would to AWS."""
    return Bedrock(lambda: bedrock_client(engine.url))


ASKED = {"modelId": CLAUDE, "messages": [user("one two three")]}
BODY = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": "hello"}],
    }
).encode()


async def test_answers_come_back_as_they_are(forwarder: Bedrock, bedrock: Any) -> None:
    """Converse, InvokeModel with its counts, CountTokens."""
    direct = bedrock.converse(**ASKED)
    answer = await forwarder.converse(ASKED)
    assert answer["output"] == direct["output"]
    assert "ResponseMetadata" not in answer
    invoked = await forwarder.invoke({"modelId": CLAUDE, "body": BODY})
    assert json.loads(invoked.result["body"])["content"][0]["text"] == 'You said: "hello"'
    assert invoked.headers["x-amzn-bedrock-input-token-count"] == "1"
    counted = await forwarder.count_tokens(
        {"modelId": CLAUDE, "input": {"converse": {"messages": ASKED["messages"]}}}
    )
    assert counted == {"inputTokens": 3}


async def test_events_come_back_as_they_are(forwarder: Bedrock, bedrock: Any) -> None:
    """Of both streams, in order."""
    direct = [next(iter(event)) for event in bedrock.converse_stream(**ASKED)["stream"]]
    assert [event.name async for event in forwarder.converse_stream(ASKED)] == direct
    chunks = [event async for event in forwarder.invoke_stream({"modelId": CLAUDE, "body": BODY})]
    assert json.loads(chunks[0].members["bytes"])["type"] == "message_start"


async def test_errors_come_back_as_they_are(forwarder: Bedrock, engine: RunningEngine) -> None:
    """Code and message."""
    model = LabModel(engine)
    await asyncio.to_thread(model.script, "one", {"error": "ThrottlingException", "text": "Too fast"})
    with pytest.raises(AwsError, match="Too fast") as caught:
        await forwarder.converse(ASKED)
    assert caught.value.code == "ThrottlingException"


def test_the_labs_own_credentials_are_never_sent_to_aws(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine started where the lab's environment is set says so, and does not call itself."""
    with accounts_in(settings.data_dir, settings.account_id) as accounts:
        issued = accounts.credentials(settings.account_id).environment()
    for name, value in {**settings.client_environment("http://127.0.0.1:9"), **issued}.items():
        monkeypatch.setenv(name, value)
    with engine_in_thread(replace(settings, model="bedrock"), backend, clock) as engine:
        client = bedrock_client(engine.url)
        with pytest.raises(client.exceptions.AccessDeniedException, match="--model bedrock=PROFILE"):
            client.converse(modelId=CLAUDE, messages=[user("Hi")])


def test_variables_of_the_lab_do_not_lead_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """With credentials of one's own the endpoint is AWS's, whatever the environment says."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:4599")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFTHEUSER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-user")
    client = to_aws("us-west-2", "", (LAB_KEY_PREFIX,))()
    assert client.meta.endpoint_url == "https://bedrock-runtime.us-west-2.amazonaws.com"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"{LAB_KEY_PREFIX}ABCDEFGHIJKLM")
    with pytest.raises(AccessDeniedException):
        to_aws("us-west-2", "", (LAB_KEY_PREFIX,))()
