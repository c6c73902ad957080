"""Answers a lab prescribes: when the user says this, the model does that, one step for each of its turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from agentcore_lab.model.conversation import Conversation
from agentcore_lab.model.errors import ERRORS

MAX_SCRIPTS = 1000


@dataclass(frozen=True, slots=True)
class When:
    """What a conversation must have: parts of the user's last text, of the system prompt and of the model's id.

    Capitals make no difference; an empty part is in everything.
    """

    message: str = ""
    system: str = ""
    model: str = ""

    def fits(self, conversation: Conversation) -> bool:
        """Whether the conversation has them all."""
        return (
            self.message.lower() in conversation.question.lower()
            and self.system.lower() in conversation.system.lower()
            and self.model.lower() in conversation.model_id.lower()
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the model: a text, a call of a tool, both, or an error.

    In ``text``, ``{result}`` is what the tools have just answered, and ``{message}`` the user's last text. Without
    ``input`` a tool's arguments are found in the user's text. ``error`` is the code of an error of bedrock-runtime,
    whose message is ``text``.
    """

    text: str = ""
    tool: str = ""
    input: dict[str, Any] | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """``then`` has a step for each turn of the model after the user's text; after the last the model is on its own."""

    when: When
    then: tuple[Step, ...]

    def described(self) -> dict[str, Any]:
        """The script as JSON, as ``script_from`` reads it."""
        then = [{key: value for key, value in asdict(step).items() if value} for step in self.then]
        return {"when": {key: value for key, value in asdict(self.when).items() if value}, "then": then}


class Scripts:
    """The scripts of an account, the newest first; one for each ``when``."""

    def __init__(self) -> None:
        self._scripts: dict[When, Script] = {}

    def add(self, script: Script) -> None:
        """Keep a script; an older one with the same ``when`` is replaced. Raises ValueError if there are too many."""
        if script.when not in self._scripts and len(self._scripts) >= MAX_SCRIPTS:
            raise ValueError(f"There are {MAX_SCRIPTS} scripts: clear them first.")
        self._scripts.pop(script.when, None)
        self._scripts[script.when] = script

    def clear(self) -> None:
        """Forget them all."""
        self._scripts.clear()

    def all(self) -> tuple[Script, ...]:
        """Every script, in the order in which they are tried."""
        return tuple(reversed(self._scripts.values()))

    def step(self, conversation: Conversation) -> Step | None:
        """What the model has to do now; None if no script says."""
        for script in self.all():
            if script.when.fits(conversation):
                return script.then[conversation.steps] if conversation.steps < len(script.then) else None
        return None


class ScriptsOfAccounts:
    """The scripts of an engine: what one account prescribes, no other's model says."""

    def __init__(self) -> None:
        self._scripts: dict[str, Scripts] = {}

    def of(self, account_id: str) -> Scripts:
        """An account's."""
        return self._scripts.setdefault(account_id, Scripts())


def script_from(body: Any) -> Script:
    """A script from JSON: ``{"when": "text" or {…}, "then": "text", {…} or a list of them}``.

    Raises:
        ValueError: it is none; the message says what is wrong with it.
    """
    if not isinstance(body, Mapping) or not {"when", "then"} == set(body):
        raise ValueError('Send {"when": …, "then": …}.')
    then = body["then"] if isinstance(body["then"], list) else [body["then"]]
    if not then:
        raise ValueError("then must have a step.")
    return Script(_when(body["when"]), tuple(_step(each) for each in then))


def _when(given: Any) -> When:
    parts = {"message": given} if isinstance(given, str) else given
    if not isinstance(parts, Mapping) or not parts or not set(parts) <= {"message", "system", "model"}:
        raise ValueError("when must be a text, or have message, system or model.")
    if not all(isinstance(part, str) for part in parts.values()):
        raise ValueError("message, system and model of when must be texts.")
    return When(**parts)


def _step(given: Any) -> Step:
    parts = {"text": given} if isinstance(given, str) else given
    if not isinstance(parts, Mapping) or not parts or not set(parts) <= {"text", "tool", "input", "error"}:
        raise ValueError("A step of then must be a text, or have text, tool, input or error.")
    if not all(isinstance(parts.get(name, ""), str) for name in ("text", "tool", "error")):
        raise ValueError("text, tool and error of a step must be texts.")
    if parts.get("input") is not None and not (isinstance(parts["input"], dict) and parts.get("tool")):
        raise ValueError("input of a step must be an object, and goes with tool.")
    if (code := parts.get("error", "")) and code not in ERRORS:
        raise ValueError(f"error of a step must be one of {', '.join(ERRORS)}.")
    if not any(parts.get(name) for name in ("text", "tool", "error")):
        raise ValueError("A step of then must have text, tool or error.")
    return Step(**parts)
