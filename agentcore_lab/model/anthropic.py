"""InvokeModel's body for Anthropic's models (AWS: "Anthropic Claude Messages API"), and Converse's parameters."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from agentcore_lab.errors import ValidationException
from agentcore_lab.json_text import read_json
from agentcore_lab.model.base import Block, Event, Params

VERSION = "bedrock-2023-05-31"


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer begins with; ``input_tokens`` as far as they are known before the model has answered."""

    model_id: str
    message_id: str
    input_tokens: int

    def members(self) -> dict[str, Any]:
        """The members of a message that are there from the start."""
        return {"id": self.message_id, "type": "message", "role": "assistant", "model": self.model_id}


def to_converse(params: Params) -> dict[str, Any]:
    """The parameters of Converse that mean what InvokeModel's do.

    Raises:
        ValidationException: the body is none of the Messages API, or lacks what it must have.
    """
    body = _object(params.get("body") or b"")
    for name in ("anthropic_version", "max_tokens", "messages"):
        if name not in body:
            raise ValidationException(f"{name}: Field required")
    if body["anthropic_version"] != VERSION:
        raise ValidationException(f"anthropic_version: Input should be '{VERSION}'")
    try:
        return {"modelId": params["modelId"], **_converse(body)}
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ValidationException(
            f"Malformed input request: {error!r}, please reformat your input."
        ) from None


def message(head: Head, answer: dict[str, Any]) -> dict[str, Any]:
    """The body InvokeModel answers with where Converse answers ``answer``."""
    return {
        **head.members(),
        "content": [_block(block) for block in answer["output"]["message"]["content"]],
        "stop_reason": answer["stopReason"],
        "stop_sequence": None,
        "usage": _usage(answer["usage"]),
    }


async def streamed(head: Head, events: AsyncIterator[Event]) -> AsyncIterator[dict[str, Any]]:
    """The Messages API's events where ConverseStream has these.

    The Messages API tells the stop reason and the usage together, so the one waits for the other.
    """
    opened = set()
    stop = "end_turn"
    async for name, members in events:
        at = members.get("contentBlockIndex")
        match name:
            case "messageStart":
                usage = {"input_tokens": head.input_tokens, "output_tokens": 0}
                nothing: dict[str, Any] = {
                    "content": [],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": usage,
                }
                yield {"type": "message_start", "message": {**head.members(), **nothing}}
            case "contentBlockStart":
                opened.add(at)
                block = _block({kind: {**start, "input": {}} for kind, start in members["start"].items()})
                yield {"type": "content_block_start", "index": at, "content_block": block}
            case "contentBlockDelta":
                if at not in opened:
                    opened.add(at)
                    block = {"type": "text", "text": ""}
                    yield {"type": "content_block_start", "index": at, "content_block": block}
                yield {"type": "content_block_delta", "index": at, "delta": _delta(members["delta"])}
            case "contentBlockStop":
                yield {"type": "content_block_stop", "index": at}
            case "messageStop":
                stop = members["stopReason"]
            case "metadata":
                for last in _ending(stop, members):
                    yield last


def _ending(stop: str, metadata: dict[str, Any]) -> Iterator[dict[str, Any]]:
    usage = _usage(metadata["usage"])
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": stop, "stop_sequence": None},
        "usage": usage,
    }
    latency = metadata["metrics"]["latencyMs"]
    metrics = {
        "inputTokenCount": usage["input_tokens"],
        "outputTokenCount": usage["output_tokens"],
        "invocationLatency": latency,
        "firstByteLatency": latency,
    }
    yield {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}


def _usage(usage: dict[str, int]) -> dict[str, int]:
    return {"input_tokens": usage["inputTokens"], "output_tokens": usage["outputTokens"]}


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = read_json(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValidationException(
            "Malformed input request: it is no JSON object, please reformat your input."
        )
    return found


def _converse(body: dict[str, Any]) -> dict[str, Any]:
    inference = {
        "maxTokens": body["max_tokens"],
        "temperature": body.get("temperature"),
        "topP": body.get("top_p"),
        "stopSequences": body.get("stop_sequences"),
    }
    found: dict[str, Any] = {
        "messages": [{"role": m["role"], "content": _blocks(m["content"])} for m in body["messages"]],
        "inferenceConfig": {name: value for name, value in inference.items() if value is not None},
    }
    if system := body.get("system"):
        found["system"] = _blocks(system)
    if tools := body.get("tools"):
        found["toolConfig"] = {"tools": [_tool(tool) for tool in tools]}
        choice = body.get("tool_choice") or {"type": "auto"}
        if choice["type"] != "none":
            kind = choice["type"]
            found["toolConfig"]["toolChoice"] = {kind: {"name": choice["name"]} if kind == "tool" else {}}
    return found


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    spec = {"name": tool["name"], "inputSchema": {"json": tool["input_schema"]}}
    return {"toolSpec": {**spec, "description": tool["description"]} if tool.get("description") else spec}


def _blocks(content: Any) -> list[Block]:
    if isinstance(content, str):
        return [{"text": content}]
    return [block for each in content if (block := _from_block(each))]


def _from_block(block: dict[str, Any]) -> Block | None:
    match block["type"]:
        case "text":
            return {"text": block["text"]}
        case "image":
            source = block["source"]
            kind = source["media_type"].partition("/")[2]
            return {
                "image": {
                    "format": kind,
                    "source": {"bytes": base64.b64decode(source["data"], validate=True)},
                }
            }
        case "tool_use":
            return {"toolUse": {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}}
        case "tool_result":
            result = {"toolUseId": block["tool_use_id"], "content": _blocks(block.get("content") or "")}
            return {"toolResult": {**result, "status": "error" if block.get("is_error") else "success"}}
        case _:  # thinking, documents: nothing this reads
            return None


def _block(block: Block) -> dict[str, Any]:
    if call := block.get("toolUse"):
        return {"type": "tool_use", "id": call["toolUseId"], "name": call["name"], "input": call["input"]}
    return {"type": "text", "text": block.get("text", "")}


def _delta(delta: dict[str, Any]) -> dict[str, Any]:
    if "toolUse" in delta:
        return {"type": "input_json_delta", "partial_json": delta["toolUse"]["input"]}
    return {"type": "text_delta", "text": delta.get("text", "")}
