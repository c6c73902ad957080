"""``--model openai=URL``: Converse on a server of OpenAI's chat completions, here a small scripted one."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError

from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, ScriptedBackend, engine_in_thread
from tests.model.conftest import CLAUDE, TOOLS, bedrock_client, call_of, result, text_of, user


@dataclass
class Server:
    """What the server answers, and what it was asked."""

    models: list[str] = field(default_factory=lambda: ["qwen3:4b", "other"])
    chunks: list[Any] = field(default_factory=list)
    status: int = 200
    breaks: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    url: str = ""

    def says(self, *deltas: dict[str, Any], finish: str = "stop") -> None:
        """Answer with these deltas, then with usage in a chunk without choices, as OpenAI does."""
        choices = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
        usage = {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 5}}
        self.chunks = [*choices, end, usage]


def handler_of(server: Server) -> type[BaseHTTPRequestHandler]:
    """Handles requests as ``server`` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.keys.append(self.headers["Authorization"])
            self._send(200, json.dumps({"data": [{"id": name} for name in server.models]}).encode())

        def do_POST(self) -> None:
            server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            server.keys.append(self.headers["Authorization"])
            events = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in server.chunks)
            if server.status != 200:
                self._send(server.status, b'{"error": {"message": "that is wrong"}}')
            elif server.breaks:
                self._send(200, events, length=len(events) + 100)
            else:
                self._send(200, b": hello\n\n" + events + b"data: [DONE]\n\n")

        def _send(self, status: int, body: bytes, length: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(length or len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of chat completions."""
    scripted = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(scripted)) as http:
        scripted.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield scripted
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture
def settings(settings: Settings, server: Server) -> Settings:
    """An engine that forwards to the server."""
    return replace(settings, model=f"openai={server.url}", model_key="secret")


def test_a_text_is_passed_on(bedrock: Any, server: Server) -> None:
    """Messages, system prompt and limits go there; text, stop reason and usage come back."""
    server.says({"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo."})
    answer = bedrock.converse(
        modelId=CLAUDE,
        messages=[user("Hi", {"image": {"format": "png", "source": {"bytes": b"png"}}})],
        system=[{"text": "Be brief."}],
        inferenceConfig={"maxTokens": 50, "temperature": 0.5, "stopSequences": ["END"]},
    )
    assert text_of(answer) == "Hello."
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"] == {"inputTokens": 11, "outputTokens": 5, "totalTokens": 16}
    (asked,) = server.asked
    assert asked["model"] == "qwen3:4b"
    assert asked["messages"][0] == {"role": "system", "content": "Be brief."}
    assert asked["messages"][1]["content"] == [
        {"type": "text", "text": "Hi"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}},
    ]
    assert (asked["max_tokens"], asked["temperature"], asked["stop"]) == (50, 0.5, ["END"])
    assert set(server.keys) == {"Bearer secret"}


def test_tools_go_round(bedrock: Any, server: Server) -> None:
    """Specifications go there, calls come back piece by piece, results go there as tool messages."""
    function = {"name": "add", "arguments": ""}
    server.says(
        {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a": 17,'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ' "b": 25}'}}]},
        finish="tool_calls",
    )
    question = user("What is 17 plus 25?")
    config = {**TOOLS, "toolChoice": {"any": {}}}
    first = bedrock.converse(modelId=CLAUDE, messages=[question], toolConfig=config)
    call = call_of(first)
    assert first["stopReason"] == "tool_use"
    assert call == {"toolUseId": "call_1", "name": "add", "input": {"a": 17, "b": 25}}
    assert server.asked[0]["tools"][1]["function"]["parameters"]["required"] == ["a", "b"]
    assert server.asked[0]["tool_choice"] == "required"
    server.says({"content": "It is 42."})
    messages = [question, first["output"]["message"], user(result(call, "42"))]
    second = bedrock.converse(modelId=CLAUDE, messages=messages, toolConfig=TOOLS)
    assert text_of(second) == "It is 42."
    assert server.asked[1]["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"a": 17, "b": 25}'
    assert server.asked[1]["messages"][2] == {"role": "tool", "tool_call_id": "call_1", "content": "42"}
    assert server.asked[1]["tool_choice"] == "auto"


def test_a_stream_has_bedrocks_events(bedrock: Any, server: Server) -> None:
    """A text and two calls are three blocks; servers that say "stop" after calls mean tool_use."""
    server.says(
        {"content": "Let me "},
        {"content": "see."},
        {
            "tool_calls": [
                {"index": 0, "id": "a", "function": {"name": "add", "arguments": '{"a": 1, "b": 2}'}}
            ]
        },
        {"tool_calls": [{"index": 1, "id": "b", "function": {"name": "get_weather", "arguments": "{}"}}]},
    )
    stream = bedrock.converse_stream(modelId=CLAUDE, messages=[user("?")], toolConfig=TOOLS)["stream"]
    events = [next(iter(event.items())) for event in stream]
    assert [(name, body.get("contentBlockIndex")) for name, body in events] == [
        ("messageStart", None),
        ("contentBlockDelta", 0),
        ("contentBlockDelta", 0),
        ("contentBlockStop", 0),
        ("contentBlockStart", 1),
        ("contentBlockDelta", 1),
        ("contentBlockStop", 1),
        ("contentBlockStart", 2),
        ("contentBlockDelta", 2),
        ("contentBlockStop", 2),
        ("messageStop", None),
        ("metadata", None),
    ]
    assert events[-2][1] == {"stopReason": "tool_use"}


def test_messages_of_anthropic_go_there_too(bedrock: Any, server: Server) -> None:
    """InvokeModel's body is understood whatever model answers."""
    server.says({"content": "Hello."}, finish="length")
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "Hi"}],
    }
    answer = json.loads(bedrock.invoke_model(modelId=CLAUDE, body=json.dumps(body))["body"].read())
    assert answer["content"] == [{"type": "text", "text": "Hello."}]
    assert answer["stop_reason"] == "max_tokens"
    assert server.asked[0]["max_tokens"] == 5


def test_the_callers_model_is_taken_where_there_is_one(
    bedrock: Any, server: Server, settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """modelId may name one of the server's; ``#NAME`` in the setting goes before it."""
    server.says({"content": "Hello."})
    bedrock.converse(modelId="other", messages=[user("Hi")])
    named = replace(settings, model=f"{settings.model}#mine", data_dir=settings.data_dir / "two")
    with engine_in_thread(named, backend, clock) as engine:
        bedrock_client(engine.url).converse(modelId="other", messages=[user("Hi")])
    assert [asked["model"] for asked in server.asked] == ["other", "mine"]


@pytest.mark.parametrize(
    ("status", "code", "answered"),
    [
        (400, "ValidationException", 400),
        (401, "AccessDeniedException", 403),
        (404, "ResourceNotFoundException", 404),
        (429, "ThrottlingException", 429),
        (500, "ModelErrorException", 424),
    ],
)
@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
def test_the_servers_refusals_are_bedrocks(
    bedrock: Any, server: Server, status: int, code: str, answered: int, operation: str
) -> None:
    """Each as the error bedrock-runtime has for it, with what the server said."""
    server.status = status
    with pytest.raises(ClientError, match="that is wrong") as caught:
        getattr(bedrock, operation)(modelId=CLAUDE, messages=[user("Hi")])
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == answered


def test_a_stream_that_breaks_ends_with_an_error(bedrock: Any, server: Server) -> None:
    """Once events have been sent the failure is an event of the stream."""
    server.says({"content": "Hel"})
    server.chunks = server.chunks[:1]
    server.breaks = True
    with closing(bedrock.converse_stream(modelId=CLAUDE, messages=[user("Hi")])["stream"]) as stream:
        events = iter(stream)
        assert "messageStart" in next(events)
        with pytest.raises(ClientError) as caught:
            list(events)
    assert caught.value.response["Error"]["Code"] == "modelStreamErrorException"


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [{"error": {"message": "out of memory"}}],
        ["no object"],
        [
            {
                "choices": [
                    {
                        "delta": {
                            "tool_calls": [
                                {"index": 0, "id": "a", "function": {"name": "add", "arguments": "{"}}
                            ]
                        }
                    }
                ]
            }
        ],
    ],
)
def test_what_is_no_answer_is_the_models_error(bedrock: Any, server: Server, chunks: list[Any]) -> None:
    """Nothing, an error, no JSON object, arguments that are no JSON: a ModelErrorException."""
    server.chunks = chunks
    with pytest.raises(ClientError) as caught:
        bedrock.converse(modelId=CLAUDE, messages=[user("Hi")])
    assert caught.value.response["Error"]["Code"] in {"ModelErrorException", "ModelStreamErrorException"}


def test_a_server_without_models_is_told_of(bedrock: Any, server: Server) -> None:
    """There is nothing to ask."""
    server.models = []
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException, match="has no model"):
        bedrock.converse(modelId=CLAUDE, messages=[user("Hi")])


def test_a_server_that_does_not_run_is_told_of(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """The error says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    alone = replace(settings, model=f"openai=http://127.0.0.1:{port}/v1")
    with engine_in_thread(alone, backend, clock) as engine:
        client = bedrock_client(engine.url)
        with pytest.raises(client.exceptions.ServiceUnavailableException, match="Start it"):
            client.converse(modelId=CLAUDE, messages=[user("Hi")])
