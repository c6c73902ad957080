"""The engine's scripted model, from a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentcore_lab.own_api import Api

Step = str | Mapping[str, Any]


class LabModel:
    """What the scripted model behind ``bedrock-runtime`` has to answer; scripts last as long as the engine runs."""

    def __init__(self, engine: Api) -> None:
        self._engine = engine

    def script(self, when: str | Mapping[str, str], then: Step | Sequence[Step]) -> None:
        """Prescribe what the model does when the user says ``when``.

        ``when`` is a part of the user's last text, or a mapping with ``message``, ``system`` and ``model``, which
        must all be found. ``then`` is one step, or one for each of the model's turns: a text (``{result}`` is what
        the tools have just answered), ``{"tool": name, "input": {…}}``, or ``{"error": code}``. A later script goes
        before an earlier one, and replaces one with the same ``when``.

            lab.model.script("weather", [{"tool": "get_weather"}, "The sky says: {result}"])

        Raises:
            LabRefused: it is no script; the message says why.
        """
        steps = [then] if isinstance(then, str | Mapping) else list(then)
        self._engine.send("model/scripts", {"when": when, "then": steps})

    def scripts(self) -> list[dict[str, Any]]:
        """Every script, in the order in which they are tried."""
        found: list[dict[str, Any]] = self._engine.fetch("model/scripts")["scripts"]
        return found

    def clear(self) -> None:
        """Forget all scripts: the model goes by its rules again."""
        self._engine.send("model/scripts/clear", {})

    def __repr__(self) -> str:
        return f"LabModel({len(self.scripts())} scripts)"
