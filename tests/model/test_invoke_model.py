"""InvokeModel and its streaming form with the Anthropic Messages body."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.model.conftest import ADD, CLAUDE

TOOL = {"name": ADD["name"], "description": ADD["description"], "input_schema": ADD["inputSchema"]["json"]}  # type: ignore[index]


def body(*messages: dict[str, Any], **more: Any) -> bytes:
    """A request of the Messages API."""
    head = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100}
    return json.dumps({**head, "messages": list(messages), **more}).encode()


def user(content: Any) -> dict[str, Any]:
    """A user's message."""
    return {"role": "user", "content": content}


def test_a_message_is_answered_with_one(bedrock: Any) -> None:
    """The answer has Anthropic's form, its usage in the body and in Bedrock's headers."""
    answer = bedrock.invoke_model(modelId=CLAUDE, body=body(user("hello"), system="You are a guide."))
    message = json.loads(answer["body"].read())
    assert answer["contentType"] == "application/json"
    assert message["content"] == [{"type": "text", "text": 'As a guide: you said: "hello"'}]
    assert (message["type"], message["role"], message["stop_reason"]) == ("message", "assistant", "end_turn")
    assert message["usage"] == {"input_tokens": 5, "output_tokens": 6}
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-bedrock-input-token-count"] == "5"
    assert headers["x-amzn-bedrock-output-token-count"] == "6"


def test_a_tool_goes_round(bedrock: Any) -> None:
    """tool_use, tool_result, and the answer with it."""
    question = user([{"type": "text", "text": "Please add 3 and 4"}])
    first = bedrock.invoke_model(modelId=CLAUDE, body=body(question, tools=[TOOL]))
    asked = json.loads(first["body"].read())
    (call,) = asked["content"]
    assert (asked["stop_reason"], call["type"], call["input"]) == ("tool_use", "tool_use", {"a": 3, "b": 4})
    result = user([{"type": "tool_result", "tool_use_id": call["id"], "content": "7"}])
    messages = (question, {"role": "assistant", "content": asked["content"]}, result)
    second = bedrock.invoke_model(modelId=CLAUDE, body=body(*messages, tools=[TOOL]))
    assert json.loads(second["body"].read())["content"][0]["text"] == "add answered: 7"


def chunks(bedrock: Any, request: bytes) -> list[dict[str, Any]]:
    """The events of InvokeModelWithResponseStream."""
    answer = bedrock.invoke_model_with_response_stream(modelId=CLAUDE, body=request)
    return [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]


def test_a_text_is_streamed_in_anthropics_events(bedrock: Any) -> None:
    """The order is the Messages API's; the last event has Bedrock's metrics."""
    events = chunks(bedrock, body(user("one two three")))
    kinds = [event["type"] for event in events]
    deltas = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert kinds == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * len(deltas),
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert len(deltas) > 1
    assert "".join(deltas) == 'You said: "one two three"'
    assert events[0]["message"]["usage"]["input_tokens"] == 3
    assert events[-2]["delta"]["stop_reason"] == "end_turn"
    assert events[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == 5


def test_a_call_is_streamed_as_pieces_of_json(bedrock: Any) -> None:
    """The block begins with an empty input, and the pieces make it up."""
    events = chunks(bedrock, body(user("Please add 3 and 4"), tools=[TOOL]))
    start = next(event for event in events if event["type"] == "content_block_start")
    pieces = [event["delta"]["partial_json"] for event in events if event["type"] == "content_block_delta"]
    assert (start["content_block"]["name"], start["content_block"]["input"]) == ("add", {})
    assert json.loads("".join(pieces)) == {"a": 3, "b": 4}


@pytest.mark.parametrize(
    ("request_body", "said"),
    [
        (b"not json", "Malformed input request"),
        (b"[1]", "Malformed input request"),
        (b"[" * 100_000, "Malformed input request"),
        (b'{"inputText": "a body of another model"}', "anthropic_version: Field required"),
        (
            b'{"anthropic_version": "1", "max_tokens": 1, "messages": []}',
            "Input should be 'bedrock-2023-05-31'",
        ),
        (body({"role": "user"}), "Malformed input request"),
        (body(user([{"type": "image", "source": {"media_type": "image/png", "data": "%"}}])), "Malformed"),
        (body(user("a"), user("b")), "alternate"),
        (body(), "must start with a user message"),
        (body({"role": "user", "content": 7}), "Malformed input request"),
        (body(user([{"type": "text", "text": 7}])), "text' failed to satisfy constraint"),
        (body(user("a"), temperature=2), "temperature' failed to satisfy constraint"),
    ],
)
@pytest.mark.parametrize("operation", ["invoke_model", "invoke_model_with_response_stream"])
def test_what_is_no_message_is_refused(bedrock: Any, operation: str, request_body: bytes, said: str) -> None:
    """A ValidationException before anything is streamed."""
    with pytest.raises(ClientError, match=said) as caught:
        getattr(bedrock, operation)(modelId=CLAUDE, body=request_body)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
