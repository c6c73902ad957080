"""Which model an engine has: ``scripted``, ``openai=URL`` or ``bedrock``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urldefrag, urlsplit

import aiohttp

from agentcore_lab.clock import Clock
from agentcore_lab.model.base import Model
from agentcore_lab.model.bedrock import Bedrock, to_aws
from agentcore_lab.model.openai import OpenAi
from agentcore_lab.model.scripted import Scripted
from agentcore_lab.model.scripts import ScriptsOfAccounts
from agentcore_lab.model.talking import Talking
from agentcore_lab.settings import LAB_KEY_PREFIX, LAB_TEMPORARY_KEY_PREFIX, Settings

Models = Callable[[str], Model]
"""The model that an account talks to, by its id."""


class UnknownModel(ValueError):  # noqa: N818 - a state, named as one
    """The settings name no model there is; the message says what there is."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """``where`` is a server's URL or a profile of credentials, ``name`` what the server calls the model."""

    kind: Literal["scripted", "openai", "bedrock"]
    where: str = ""
    name: str = ""


def model_choice(text: str) -> ModelChoice:
    """The choice that ``--model`` spells. Raises UnknownModel."""
    kind, _, where = text.partition("=")
    if kind == "scripted" and not where:
        return ModelChoice("scripted")
    if kind == "bedrock":
        return ModelChoice("bedrock", where)
    url, name = urldefrag(where)
    if kind == "openai" and urlsplit(url).scheme in {"http", "https"} and urlsplit(url).netloc:
        return ModelChoice("openai", url, name)
    raise UnknownModel(
        f"The model is {text!r}: use scripted, openai=URL (such as openai=http://127.0.0.1:11434/v1, with #NAME for "
        "one of its models), bedrock or bedrock=PROFILE."
    )


def open_models(
    settings: Settings, scripts: ScriptsOfAccounts, client: aiohttp.ClientSession, clock: Clock
) -> Models:
    """The model of an engine, as each account has it. Raises UnknownModel."""
    choice = model_choice(settings.model)
    if choice.kind == "scripted":
        return lambda account_id: Talking(Scripted(scripts.of(account_id), clock).talk)
    model: Model
    if choice.kind == "bedrock":
        model = Bedrock(to_aws(settings.region, choice.where, (LAB_KEY_PREFIX, LAB_TEMPORARY_KEY_PREFIX)))
    else:
        model = Talking(OpenAi(client, clock, choice.where, choice.name, settings.model_key).talk)
    return lambda _account_id: model
