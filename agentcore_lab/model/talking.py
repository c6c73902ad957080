"""All operations from one that talks: Converse is its events collected, InvokeModel the same in other words."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

from agentcore_lab.model.anthropic import Head, message, streamed, to_converse
from agentcore_lab.model.base import Event, Invoked, Params, Talk, collected
from agentcore_lab.model.conversation import input_words
from agentcore_lab.wire.models import Operation, load_model_operations
from agentcore_lab.wire.validate import validate

_JSON = "application/json"


class Talking:
    """A model by what answers ConverseStream; its InvokeModel understands the Anthropic Messages body."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    async def converse(self, params: Params) -> dict[str, Any]:
        """Converse. Raises AwsError."""
        return await collected(self._talk(params))

    def converse_stream(self, params: Params) -> AsyncIterator[Event]:
        """The events of ConverseStream. Raises AwsError."""
        return self._talk(params)

    async def invoke(self, params: Params) -> Invoked:
        """InvokeModel. Raises AwsError."""
        answer = await collected(self._talk(_asked(params)))
        head = Head(params["modelId"], _message_id(), answer["usage"]["inputTokens"])
        body = message(head, answer)
        headers = {
            "X-Amzn-Bedrock-Input-Token-Count": str(answer["usage"]["inputTokens"]),
            "X-Amzn-Bedrock-Output-Token-Count": str(answer["usage"]["outputTokens"]),
            "X-Amzn-Bedrock-Invocation-Latency": str(answer["metrics"]["latencyMs"]),
        }
        return Invoked({"body": json.dumps(body, ensure_ascii=False).encode(), "contentType": _JSON}, headers)

    async def invoke_stream(self, params: Params) -> AsyncIterator[Event]:
        """The events of InvokeModelWithResponseStream. Raises AwsError."""
        asked = _asked(params)
        head = Head(params["modelId"], _message_id(), input_words(asked))
        async for event in streamed(head, self._talk(asked)):
            yield Event("chunk", {"bytes": json.dumps(event, ensure_ascii=False).encode()})

    async def count_tokens(self, params: Params) -> dict[str, Any]:
        """CountTokens, in words whatever the model. Raises AwsError."""
        given = params["input"]
        if "invokeModel" in given:
            counted = input_words(_asked({"modelId": params["modelId"], **given["invokeModel"]}))
        else:
            counted = input_words(given["converse"])
        return {"inputTokens": counted}


def _asked(params: Params) -> dict[str, Any]:
    """Converse's parameters for those of InvokeModel, as its service model has them. Raises ValidationException."""
    asked = to_converse(params)
    validate(_converse_operation(), asked)
    return asked


@cache
def _converse_operation() -> Operation:
    return next(operation for operation in load_model_operations() if operation.name == "Converse")


def _message_id() -> str:
    return f"msg_bdrk_{uuid.uuid4().hex[:24]}"
