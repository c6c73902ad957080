"""What the tests of the model share: a boto3 client of bedrock-runtime, and questions to it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config

from agentcore_lab.accounts.handed_out import client_session
from agentcore_lab.discovery import RunningEngine, engine_at

CLAUDE = "us.anthropic.claude-sonnet-4-20250514-v1:0"

WEATHER = {
    "name": "get_weather",
    "description": "Get the current weather of a city.",
    "inputSchema": {
        "json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    },
}
ADD = {
    "name": "add",
    "description": "Add two numbers.",
    "inputSchema": {
        "json": {
            "type": "object",
            "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
            "required": ["a", "b"],
        }
    },
}
TOOLS = {"tools": [{"toolSpec": WEATHER}, {"toolSpec": ADD}]}


def bedrock_client(url: str) -> Any:
    """A plain client of bedrock-runtime that asks once."""
    engine = engine_at(url)
    assert engine is not None, f"no engine answers at {url}"
    session = client_session(engine)
    return session.client(
        "bedrock-runtime", endpoint_url=url, config=Config(retries={"total_max_attempts": 1})
    )


def user(*blocks: Any) -> dict[str, Any]:
    """A user's message of texts and blocks."""
    return {"role": "user", "content": [{"text": b} if isinstance(b, str) else b for b in blocks]}


def assistant(*blocks: Any) -> dict[str, Any]:
    """A model's message."""
    return {**user(*blocks), "role": "assistant"}


def result(call: dict[str, Any], text: str, **more: Any) -> dict[str, Any]:
    """The result of a tool's call."""
    return {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": text}], **more}}


def text_of(answer: dict[str, Any]) -> str:
    """The text of a Converse answer that has nothing else."""
    (block,) = answer["output"]["message"]["content"]
    return str(block["text"])


def call_of(answer: dict[str, Any]) -> dict[str, Any]:
    """The one tool call of a Converse answer."""
    (block,) = answer["output"]["message"]["content"]
    found: dict[str, Any] = block["toolUse"]
    return found


@pytest.fixture
def bedrock(engine: RunningEngine) -> Any:
    """A client of the running engine's scripted model."""
    return bedrock_client(engine.url)
