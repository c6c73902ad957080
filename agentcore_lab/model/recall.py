"""What the user has said of themselves, found again: "My name is Ada." … "What is my name?"."""

from __future__ import annotations

import re

from agentcore_lab.model.conversation import Conversation

_ASKED = re.compile(
    r"\b(?:what|who|where|which|when)(?:['’]s| is| are| was)?\s+my ([\w -]{1,40}?)\s*\?", re.IGNORECASE
)
_TOLD = r"\bmy {thing} (is|are|was) ([^.!?\n]+)"
_CALLED = re.compile(r"\b(?:I am|I['’]m|call me) ([A-Z][\w'’-]*)")


def recalled(conversation: Conversation) -> str | None:
    """The answer to a question for something of the user's; None where nothing is asked, or nothing was said of it."""
    asked = _ASKED.search(conversation.question)
    if asked is None:
        return None
    thing = asked[1].lower()
    told = re.compile(_TOLD.format(thing=re.escape(thing)), re.IGNORECASE)
    for text in reversed(conversation.earlier):
        if found := told.search(text):
            return f"Your {thing} {found[1].lower()} {found[2].strip()}."
        if thing == "name" and (name := _CALLED.search(text)):
            return f"Your name is {name[1]}."
    return f"You have not told me your {thing}."
