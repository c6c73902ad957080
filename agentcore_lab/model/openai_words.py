"""Converse's words and those of OpenAI's chat completions."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from agentcore_lab.errors import ValidationException
from agentcore_lab.model.base import Event, Params
from agentcore_lab.model.conversation import result_text

_STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
}


def to_completion(params: Params, model: str) -> dict[str, Any]:
    """The body of a streamed chat completion. Raises ValidationException for content such a server cannot take."""
    body: dict[str, Any] = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    system = "\n".join(block["text"] for block in params.get("system") or () if "text" in block)
    body["messages"] = [{"role": "system", "content": system}] if system else []
    for message in params["messages"]:
        body["messages"] += _assistant(message) if message["role"] == "assistant" else _user(message)
    inference = params.get("inferenceConfig") or {}
    named = {
        "maxTokens": "max_tokens",
        "temperature": "temperature",
        "topP": "top_p",
        "stopSequences": "stop",
    }
    body |= {named[name]: value for name, value in inference.items() if name in named and value}
    config = params.get("toolConfig") or {}
    if tools := [_tool(tool["toolSpec"]) for tool in config.get("tools") or () if "toolSpec" in tool]:
        body["tools"] = tools
        body["tool_choice"] = _choice(config.get("toolChoice") or {"auto": {}})
    return body


def _tool(spec: dict[str, Any]) -> dict[str, Any]:
    schema = spec["inputSchema"].get("json") or {}
    function = {"name": spec["name"], "description": spec.get("description", ""), "parameters": schema}
    return {"type": "function", "function": function}


def _choice(choice: dict[str, Any]) -> Any:
    if named := choice.get("tool"):
        return {"type": "function", "function": {"name": named["name"]}}
    return "required" if "any" in choice else "auto"


def _assistant(message: dict[str, Any]) -> list[dict[str, Any]]:
    text = "".join(block["text"] for block in message["content"] if "text" in block)
    calls = [
        {
            "id": call["toolUseId"],
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["input"], ensure_ascii=False)},
        }
        for block in message["content"]
        if (call := block.get("toolUse"))
    ]
    said: dict[str, Any] = {"role": "assistant", "content": text or None}
    return [{**said, "tool_calls": calls} if calls else said]


def _user(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The tools' results come first: they must follow the calls they answer."""
    results = [block["toolResult"] for block in message["content"] if "toolResult" in block]
    said: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": result["toolUseId"], "content": result_text(result["content"])}
        for result in results
    ]
    rest = [block for block in message["content"] if "toolResult" not in block and "cachePoint" not in block]
    if all("text" in block for block in rest):
        text = "\n".join(block["text"] for block in rest)
        return [*said, {"role": "user", "content": text}] if rest else said
    return [*said, {"role": "user", "content": [_part(block) for block in rest]}]


def _part(block: dict[str, Any]) -> dict[str, Any]:
    if "text" in block:
        return {"type": "text", "text": block["text"]}
    if data := block.get("image", {}).get("source", {}).get("bytes"):
        url = f"data:image/{block['image']['format']};base64,{base64.b64encode(data).decode()}"
        return {"type": "image_url", "image_url": {"url": url}}
    raise ValidationException(
        f"The model server takes texts and pictures only, not {next(iter(block), 'nothing')}."
    )


class Chunks:
    """Converse's events from the chunks of one streamed completion."""

    def __init__(self) -> None:
        self._open: int | None = None
        self._blocks = 0
        self._call: Any = None
        self._calls = False
        self._stop: str | None = None
        self.usage: dict[str, int] = {}

    def events(self, chunk: dict[str, Any]) -> Iterator[Event]:
        """The events one chunk makes."""
        if usage := chunk.get("usage"):
            self.usage = {
                "inputTokens": usage.get("prompt_tokens") or 0,
                "outputTokens": usage.get("completion_tokens") or 0,
            }
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if text := delta.get("content"):
                yield from self._text(text)
            for call in delta.get("tool_calls") or ():
                yield from self._called(call)
            self._stop = choice.get("finish_reason") or self._stop

    def last(self) -> Iterator[Event]:
        """What is left to say when the chunks are over."""
        yield from self._close()
        # Some servers say "stop" after a call of a tool as well.
        stop = "tool_use" if self._calls else _STOPS.get(self._stop or "stop", "end_turn")
        yield Event("messageStop", {"stopReason": "max_tokens" if self._stop == "length" else stop})

    def _text(self, text: str) -> Iterator[Event]:
        if self._open is None or self._call is not None:
            yield from self._close()
            self._open, self._blocks = self._blocks, self._blocks + 1
        yield Event("contentBlockDelta", {"delta": {"text": text}, "contentBlockIndex": self._open})

    def _called(self, call: dict[str, Any]) -> Iterator[Event]:
        function = call.get("function") or {}
        at = call.get("index", call.get("id"))
        if self._open is None or self._call is None or (at != self._call and function.get("name")):
            yield from self._close()
            self._open, self._blocks, self._call, self._calls = self._blocks, self._blocks + 1, at, True
            start = {"toolUseId": call.get("id") or f"tooluse_{self._open}", "name": function.get("name", "")}
            yield Event("contentBlockStart", {"start": {"toolUse": start}, "contentBlockIndex": self._open})
        if text := function.get("arguments"):
            yield Event(
                "contentBlockDelta", {"delta": {"toolUse": {"input": text}}, "contentBlockIndex": self._open}
            )

    def _close(self) -> Iterator[Event]:
        if self._open is not None:
            yield Event("contentBlockStop", {"contentBlockIndex": self._open})
        self._open = self._call = None
