"""What every model is to the engine, and how a whole answer comes of a streamed one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple, Protocol

from agentcore_lab.json_text import read_json
from agentcore_lab.model.errors import ModelErrorException

Params = Mapping[str, Any]
Block = dict[str, Any]


class Event(NamedTuple):
    """One event of an answer, as the operation's event stream names it."""

    name: str
    members: dict[str, Any]


class Invoked(NamedTuple):
    """What InvokeModel answers: boto3's result, and the headers Bedrock sends beside it, such as token counts."""

    result: dict[str, Any]
    headers: dict[str, str]


Talk = Callable[[Params], AsyncIterator[Event]]
"""Answers the parameters of ConverseStream with its events. Raises AwsError."""


class Model(Protocol):
    """Answers bedrock-runtime's inference operations: boto3's parameters in, boto3's results out."""

    async def converse(self, params: Params) -> dict[str, Any]:
        """Converse. Raises AwsError."""
        ...

    def converse_stream(self, params: Params) -> AsyncIterator[Event]:
        """The events of ConverseStream. Raises AwsError."""
        ...

    async def invoke(self, params: Params) -> Invoked:
        """InvokeModel, with ``body`` as bytes. Raises AwsError."""
        ...

    def invoke_stream(self, params: Params) -> AsyncIterator[Event]:
        """The ``chunk`` events of InvokeModelWithResponseStream. Raises AwsError."""
        ...

    async def count_tokens(self, params: Params) -> dict[str, Any]:
        """CountTokens. Raises AwsError."""
        ...


async def collected(events: AsyncIterator[Event]) -> dict[str, Any]:
    """What Converse answers where ConverseStream has these events.

    Raises:
        ModelErrorException: the arguments of a tool call are no JSON.
    """
    blocks: dict[int, Block] = {}
    written: dict[int, str] = {}
    stop: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    async for name, members in events:
        at = members.get("contentBlockIndex", 0)
        if name == "contentBlockStart":
            blocks[at] = {kind: dict(start) for kind, start in members["start"].items()}
        elif name == "contentBlockDelta":
            delta = members["delta"]
            if "text" in delta:
                block = blocks.setdefault(at, {"text": ""})
                block["text"] += delta["text"]
            elif "toolUse" in delta:
                written[at] = written.get(at, "") + delta["toolUse"]["input"]
        elif name == "messageStop":
            stop = members
        elif name == "metadata":
            metadata = members
    for at, block in blocks.items():
        if "toolUse" in block:
            block["toolUse"]["input"] = arguments(written.get(at, ""))
    message = {"role": "assistant", "content": [blocks[at] for at in sorted(blocks)]}
    return {"output": {"message": message}, **stop, **metadata}


def arguments(text: str) -> Any:
    """A tool call's arguments from the text they were streamed as. Raises ModelErrorException."""
    try:
        return read_json(text or "{}")
    except ValueError:
        raise ModelErrorException(f"The model's arguments for a tool are no JSON: {text[:200]}") from None
