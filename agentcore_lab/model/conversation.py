"""What a scripted model reads from a conversation: the question, what came of its tools, what was said before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agentcore_lab.model.base import Block, Params


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the model may call; ``schema`` is its input's JSON schema."""

    name: str
    description: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What one call of a tool came to."""

    tool: str
    text: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation up to where the model has to speak.

    ``question`` is the user's last text; ``earlier`` are the user's texts before it, oldest first. ``steps`` counts
    the model's own messages since the question. ``results`` are those of the last message. ``choice`` is a Converse
    ToolChoice. ``count`` is the number of all messages.
    """

    model_id: str
    system: str
    question: str
    earlier: tuple[str, ...]
    steps: int
    results: tuple[Result, ...]
    tools: tuple[Tool, ...]
    choice: dict[str, Any]
    max_words: int | None
    stop_sequences: tuple[str, ...]
    input_words: int
    count: int


def conversation_of(params: Params) -> Conversation:
    """The conversation in the parameters of a Converse call."""
    messages: Sequence[dict[str, Any]] = params.get("messages") or ()
    config = params.get("toolConfig") or {}
    inference = params.get("inferenceConfig") or {}
    asked = [(at, _texts(message)) for at, message in enumerate(messages) if message["role"] == "user"]
    asked = [(at, text) for at, text in asked if text]
    last = asked[-1][0] if asked else -1
    return Conversation(
        model_id=params.get("modelId", ""),
        system="\n".join(block["text"] for block in params.get("system") or () if "text" in block),
        question=asked[-1][1] if asked else "",
        earlier=tuple(text for _, text in asked[:-1]),
        steps=sum(message["role"] == "assistant" for message in messages[last + 1 :]),
        results=_results(messages),
        tools=tuple(_tools(config.get("tools") or ())),
        choice=config.get("toolChoice") or {"auto": {}},
        max_words=inference.get("maxTokens"),
        stop_sequences=tuple(inference.get("stopSequences") or ()),
        input_words=input_words(params),
        count=len(messages),
    )


def words(value: Any) -> int:
    """How many words a text has; of anything else, its JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return len(text.split())


def input_words(params: Params) -> int:
    """The tokens of a call, counted as words: system prompt, messages and the tools offered."""
    blocks = [*(params.get("system") or ())]
    for message in params.get("messages") or ():
        blocks += message["content"]
    specs = [spec for tool in (params.get("toolConfig") or {}).get("tools") or () for spec in tool.values()]
    return sum(_block_words(block) for block in blocks) + sum(words(spec) for spec in specs)


def _block_words(block: Block) -> int:
    if "text" in block:
        return words(block["text"])
    if "toolUse" in block:
        return words(block["toolUse"]["input"])
    if "toolResult" in block:
        return sum(_block_words(part) for part in block["toolResult"]["content"])
    return words(block["json"]) if "json" in block else 1


def _texts(message: dict[str, Any]) -> str:
    return "\n".join(block["text"] for block in message["content"] if block.get("text"))


def _results(messages: Sequence[dict[str, Any]]) -> tuple[Result, ...]:
    """The results the last message brings, each with the tool's name from the call it answers."""
    if not messages or messages[-1]["role"] != "user":
        return ()
    names = {
        block["toolUse"]["toolUseId"]: block["toolUse"]["name"]
        for message in messages
        for block in message["content"]
        if "toolUse" in block
    }
    results = [block["toolResult"] for block in messages[-1]["content"] if "toolResult" in block]
    return tuple(
        Result(
            names.get(result["toolUseId"], "tool"),
            result_text(result["content"]),
            result.get("status") == "error",
        )
        for result in results
    )


def result_text(content: Iterable[Block]) -> str:
    """The content of a tool's result as one text."""
    parts = []
    for part in content:
        if "text" in part:
            parts.append(part["text"])
        elif "json" in part:
            parts.append(json.dumps(part["json"], ensure_ascii=False))
        else:
            parts.append(f"[{next(iter(part), 'nothing')}]")
    return "\n".join(parts)


def _tools(tools: Iterable[dict[str, Any]]) -> Iterable[Tool]:
    for tool in tools:
        if spec := tool.get("toolSpec"):
            yield Tool(spec["name"], spec.get("description", ""), spec["inputSchema"].get("json") or {})
