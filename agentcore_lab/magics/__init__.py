"""The IPython extension, ``%load_ext agentcore_lab``: %%agent, %invoke, %sessions, %logs, %clock."""

from __future__ import annotations

import re
from typing import Any

from agentcore_lab.magics.commands import LabMagics
from agentcore_lab.magics.completion import add_completion, remove_completion

_QUESTION = re.compile(r"%invoke[ \t]+(\S+[ \t]+\S.*\?)\s*")
_COMMANDS = ("%%agent", "%invoke", "%sessions", "%logs", "%clock")


def load(shell: Any) -> None:
    """Register the magics and their completion with a shell; loading again changes nothing."""
    if "invoke" in shell.magics_manager.magics["line"]:
        return
    magics = LabMagics(shell)
    shell.register_magics(magics)
    add_completion(shell.Completer, magics.lab_at_hand)
    shell.input_transformers_cleanup.append(ask_not_help)


def unload(shell: Any) -> None:
    """Take the magics and their completion away again."""
    for command in _COMMANDS:
        kind = "cell" if command.startswith("%%") else "line"
        shell.magics_manager.magics[kind].pop(command.lstrip("%"), None)
    remove_completion(shell.Completer)
    if ask_not_help in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(ask_not_help)


def ask_not_help(lines: list[str]) -> list[str]:
    """Let ``%invoke NAME What is it?`` be a question to the agent; IPython would look for help about ``it``."""
    return [
        f"get_ipython().run_line_magic('invoke', {found[1]!r})\n"
        if (found := _QUESTION.fullmatch(line))
        else line
        for line in lines
    ]
