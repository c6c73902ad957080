"""What Converse demands of a conversation beyond its service model, in Bedrock's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from agentcore_lab.errors import AwsError, ResourceNotFoundException, ValidationException
from agentcore_lab.model.base import Params

_OTHERS = re.compile(
    r"arn:aws[^:]*:bedrock:[^:]*:[^:]*:(?!foundation-model/|inference-profile/)|arn:aws[^:]*:sagemaker:"
)
"""Models that an account has of its own: here there are none."""


def check(params: Params) -> None:
    """Refuse what Bedrock refuses, whatever model it is for.

    Raises:
        ResourceNotFoundException: the model is one of an account's own.
        ValidationException: messages out of order, a blank text, or tool results that fit no call.
    """
    if _OTHERS.match(params.get("modelId", "")):
        raise ResourceNotFoundException(
            "Could not resolve the foundation model from the provided model identifier."
        )
    messages: Sequence[dict[str, Any]] = params.get("messages") or ()
    if not messages or messages[0]["role"] != "user":
        raise ValidationException(
            "A conversation must start with a user message. Try again with a conversation that starts with a user "
            "message."
        )
    for at, message in enumerate(messages):
        _check_message(messages, at, message)
    used = any("toolUse" in block or "toolResult" in block for each in messages for block in each["content"])
    if used and not (params.get("toolConfig") or {}).get("tools"):
        raise ValidationException(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        )
    _check_choice(params.get("toolConfig") or {})


def _check_message(messages: Sequence[dict[str, Any]], at: int, message: dict[str, Any]) -> None:
    if at and message["role"] == messages[at - 1]["role"]:
        raise ValidationException(
            "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
            "between user and assistant roles and try again."
        )
    if not message["content"]:
        raise ValidationException(
            f"The content field in the Message object at messages.{at} is empty. Add a ContentBlock object to the "
            "content field and try again."
        )
    for index, block in enumerate(message["content"]):
        if "text" in block and not block["text"].strip():
            raise ValidationException(
                f"The text field in the ContentBlock object at messages.{at}.content.{index} is blank. Add text to "
                "the text field, and try again."
            )
    _check_results(messages, at)


def _check_results(messages: Sequence[dict[str, Any]], at: int) -> None:
    """Every call of a turn is answered in the next, and nothing else is."""
    called = _ids(messages[at - 1], "toolUse") if at else []
    answered = _ids(messages[at], "toolResult")
    if len(answered) > len(called):
        raise ValidationException(
            f"The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse blocks of "
            "previous turn."
        )
    if missing := [each for each in called if each not in answered]:
        raise ValidationException(
            f"Expected toolResult blocks at messages.{at}.content for the following Ids: {', '.join(missing)}"
        )


def _ids(message: dict[str, Any], kind: str) -> list[str]:
    return [block[kind]["toolUseId"] for block in message["content"] if kind in block]


def _check_choice(config: dict[str, Any]) -> None:
    named = ((config.get("toolChoice") or {}).get("tool") or {}).get("name")
    offered = [tool["toolSpec"]["name"] for tool in config.get("tools") or () if "toolSpec" in tool]
    if named and named not in offered:
        raise _no_such_tool(named)
    if len(set(offered)) < len(offered):
        raise ValidationException(
            "The toolConfig field has several tools of one name: tool names must be unique."
        )


def _no_such_tool(name: str) -> AwsError:
    return ValidationException(f"The toolChoice names the tool {name}, which is not in toolConfig.tools.")
