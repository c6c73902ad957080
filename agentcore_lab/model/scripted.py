"""The scripted model: small, quick, and always the same for the same conversation.

It keeps nothing between calls: all it knows is in the messages, as with every model behind Converse.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from agentcore_lab.clock import Clock
from agentcore_lab.model.base import Event, Params
from agentcore_lab.model.choosing import best_of, fitting
from agentcore_lab.model.conversation import Conversation, Tool, conversation_of, words
from agentcore_lab.model.errors import ERRORS
from agentcore_lab.model.filling import filled
from agentcore_lab.model.recall import recalled
from agentcore_lab.model.rules import check
from agentcore_lab.model.scripts import Scripts, Step

_WORDS_A_DELTA = 2
_CHARACTERS_A_DELTA = 12
_QUOTED_CHARACTERS = 200
_ROLE = re.compile(r"\bYou are ((?:an?|the) [^.,;:\n]{1,60})")
_CAPITALS = re.compile(r"\b(?:upper ?case|capitals|capital letters)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says: a text, a call of a tool, or one after the other."""

    text: str = ""
    tool: str = ""
    input: dict[str, Any] | None = None
    stop: str = "end_turn"

    @property
    def words(self) -> int:
        """Its length, in what this model calls tokens."""
        return words(self.text) + (words(self.input or {}) if self.tool else 0)


class Scripted:
    """Talks by its scripts, and where none applies by rules."""

    def __init__(self, scripts: Scripts, clock: Clock) -> None:
        self._scripts = scripts
        self._clock = clock

    async def talk(self, params: Params) -> AsyncIterator[Event]:
        """The events of one answer. Raises AwsError before the first of them."""
        check(params)
        begun = self._clock.now()
        conversation = conversation_of(params)
        step = self._scripts.step(conversation)
        reply = _limited(
            conversation, _by_rule(conversation) if step is None else _by_script(conversation, step)
        )
        for event in _events(conversation, reply):
            yield event
        took = (self._clock.now() - begun).total_seconds()
        usage = {"inputTokens": conversation.input_words, "outputTokens": reply.words}
        usage["totalTokens"] = sum(usage.values())
        yield Event("metadata", {"usage": usage, "metrics": {"latencyMs": round(took * 1000)}})


def _by_script(conversation: Conversation, step: Step) -> Reply:
    said = "\n".join(result.text for result in conversation.results)
    text = step.text.replace("{result}", said).replace("{message}", conversation.question)
    if step.error:
        raise ERRORS[step.error](text or f"The model's script answers {step.error}.")
    if not step.tool:
        return Reply(text)
    offered = next((tool for tool in conversation.tools if tool.name == step.tool), None)
    schema = offered.schema if offered else {}
    given = step.input if step.input is not None else filled(conversation.question, schema)
    return Reply(text, step.tool, given, "tool_use")


def _by_rule(conversation: Conversation) -> Reply:
    tool = _wanted(conversation)
    if tool is not None:
        return Reply("", tool.name, filled(conversation.question, tool.schema), "tool_use")
    return Reply(_styled(conversation, _said(conversation)))


def _wanted(conversation: Conversation) -> Tool | None:
    """The tool to call now: the one the caller insists on, or the one that fits and has not been called yet."""
    match conversation.choice:
        case {"tool": {"name": name}}:
            return next((tool for tool in conversation.tools if tool.name == name), None)
        case {"any": _}:
            return best_of(conversation.question, conversation.tools)
    return None if conversation.results else fitting(conversation.question, conversation.tools)


def _said(conversation: Conversation) -> str:
    if conversation.results:
        return "\n".join(
            f"{result.tool} {'failed' if result.failed else 'answered'}: {result.text}"
            for result in conversation.results
        )
    if known := recalled(conversation):
        return known
    asked = _shortened(conversation.question)
    if not asked:
        return "You sent no text."
    role = _ROLE.search(conversation.system)
    start = f"As {role[1]}: you" if role else "You"
    if not conversation.earlier:
        return f'{start} said: "{asked}"'
    before = _shortened(conversation.earlier[-1])
    return f'{start} said: "{asked}" Before that you said: "{before}"'


def _styled(conversation: Conversation, text: str) -> str:
    return text.upper() if _CAPITALS.search(conversation.system) else text


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED_CHARACTERS else f"{line[:_QUOTED_CHARACTERS]}…"


def _limited(conversation: Conversation, reply: Reply) -> Reply:
    """The reply as far as stop sequences and ``maxTokens`` let it go; a call that is cut short is not made."""
    cuts = [at for stop in conversation.stop_sequences if stop and (at := reply.text.find(stop)) >= 0]
    if cuts:
        reply = Reply(reply.text[: min(cuts)], stop="stop_sequence")
    most = conversation.max_words
    if most is None or reply.words <= most:
        return reply
    kept = re.match(rf"(?:\s*\S+){{0,{most}}}", reply.text)
    return replace(reply, text=kept[0] if kept else "", tool="", input=None, stop="max_tokens")


def _events(conversation: Conversation, reply: Reply) -> Iterator[Event]:
    """AWS's order; a block of text has no contentBlockStart, as the service model has none for it."""
    yield Event("messageStart", {"role": "assistant"})
    at = 0
    if reply.text:
        for piece in re.findall(
            rf"(?:\s*\S+){{1,{_WORDS_A_DELTA}}}\s*$|(?:\s*\S+){{1,{_WORDS_A_DELTA}}}", reply.text
        ):
            yield Event("contentBlockDelta", {"delta": {"text": piece}, "contentBlockIndex": at})
        yield Event("contentBlockStop", {"contentBlockIndex": at})
        at += 1
    if reply.tool:
        written = json.dumps(reply.input or {}, ensure_ascii=False)
        call = {"toolUseId": _call_id(conversation, reply.tool, written), "name": reply.tool}
        yield Event("contentBlockStart", {"start": {"toolUse": call}, "contentBlockIndex": at})
        for begin in range(0, len(written), _CHARACTERS_A_DELTA):
            piece = {"toolUse": {"input": written[begin : begin + _CHARACTERS_A_DELTA]}}
            yield Event("contentBlockDelta", {"delta": piece, "contentBlockIndex": at})
        yield Event("contentBlockStop", {"contentBlockIndex": at})
    yield Event("messageStop", {"stopReason": reply.stop})


def _call_id(conversation: Conversation, tool: str, written: str) -> str:
    """An id in AWS's form, another for every call of a conversation."""
    known = f"{conversation.count}\n{conversation.question}\n{tool}\n{written}"
    return f"tooluse_{hashlib.sha256(known.encode()).hexdigest()[:22]}"
