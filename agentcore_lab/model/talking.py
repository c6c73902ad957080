"""All operations from one that talks: Converse is its events collected, InvokeModel the same in other words."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

from agentcore_lab.model.anthropic import message, streamed, to_converse
from agentcore_lab.model.base import Event, Params, Talk, collected
from agentcore_lab.model.conversation import input_words

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

    async def invoke(self, params: Params) -> dict[str, Any]:
        """InvokeModel. Raises AwsError."""
        answer = await collected(self._talk(to_converse(params)))
        body = message(params["modelId"], answer, _message_id())
        return {"body": json.dumps(body, ensure_ascii=False).encode(), "contentType": _JSON}

    async def invoke_stream(self, params: Params) -> AsyncIterator[Event]:
        """The events of InvokeModelWithResponseStream. Raises AwsError."""
        events = self._talk(to_converse(params))
        async for event in streamed(params["modelId"], events, _message_id()):
            yield Event("chunk", {"bytes": json.dumps(event, ensure_ascii=False).encode()})

    async def count_tokens(self, params: Params) -> dict[str, Any]:
        """CountTokens, in words whatever the model. Raises AwsError."""
        given = params["input"]
        if "invokeModel" in given:
            counted = input_words(to_converse({"modelId": params["modelId"], **given["invokeModel"]}))
        else:
            counted = input_words(given["converse"])
        return {"inputTokens": counted}


def _message_id() -> str:
    return f"msg_bdrk_{uuid.uuid4().hex[:24]}"
