"""What stands behind a magic's name: options as on a command line, and for %invoke a payload among them."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from agentcore_lab.plain_error import PlainError

PROTOCOLS = ("HTTP", "MCP", "A2A", "AGUI")


class BadInput(PlainError, ValueError):  # noqa: N818 - a state, named as one
    """What was typed cannot be used; the message says what can."""


class Parser(argparse.ArgumentParser):
    """A command line whose errors are the reader's sentence instead of the program's end."""

    def __init__(self, magic: str) -> None:
        # argparse formats the program's name, in which a % sign means something.
        super().__init__(prog=magic.lstrip("%"), add_help=False, allow_abbrev=False)
        self.magic = magic

    def error(self, message: str) -> NoReturn:
        """Refuse what was typed."""
        usage = " ".join(self.format_usage().removeprefix(f"usage: {self.prog}").split())
        raise BadInput(f"{self.magic}: {message}. Write `{self.magic} {usage}`; `{self.magic}?` explains it.")

    def options(self) -> list[str]:
        """Every option by its name."""
        return [name for action in self._actions for name in action.option_strings]


def agent_parser() -> Parser:
    """The options of ``%%agent``."""
    parser = Parser("%%agent")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--protocol", type=str.upper, choices=PROTOCOLS, default="HTTP")
    parser.add_argument("--requirements", default="", metavar='"PACKAGE …"')
    parser.add_argument("--env", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--endpoint", metavar="ENDPOINT")
    parser.add_argument("--no-run", action="store_true")
    parser.add_argument("--show", action="store_true")
    return parser


def invoke_parser() -> Parser:
    """The options of ``%invoke``."""
    parser = Parser("%invoke")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("words", nargs="*", metavar="PAYLOAD")
    parser.add_argument("--session", metavar="ID")
    parser.add_argument("--endpoint", default="DEFAULT", metavar="ENDPOINT")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--show", action="store_true")
    return parser


def sessions_parser() -> Parser:
    """The options of ``%sessions``."""
    parser = Parser("%sessions")
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("--show", action="store_true")
    return parser


def logs_parser() -> Parser:
    """The options of ``%logs``."""
    parser = Parser("%logs")
    parser.add_argument("target", metavar="NAME|SESSION")
    parser.add_argument("-n", dest="lines", type=_count, default=20, metavar="LINES")
    parser.add_argument("--show", action="store_true")
    return parser


def clock_parser() -> Parser:
    """The options of ``%clock``."""
    parser = Parser("%clock")
    parser.add_argument("advance", nargs="?", choices=("advance",))
    parser.add_argument("by", nargs="?", metavar="15m")
    parser.add_argument("--show", action="store_true")
    return parser


def parsed(parser: Parser, line: str) -> argparse.Namespace:
    """The options on a line, quoted as in a shell. Raises BadInput."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise BadInput(f"{parser.magic}: {str(error).lower()}. Close every quotation mark.") from None
    return parser.parse_args(words)


@dataclass(frozen=True, slots=True)
class Invocation:
    """``%invoke`` as it was typed; ``payload`` is what goes out as JSON."""

    name: str
    payload: Any
    session: str | None
    endpoint: str
    stream: bool
    show: bool


def read_invocation(line: str, expand: Callable[[str], str], evaluate: Callable[[str], Any]) -> Invocation:
    """Read ``NAME PAYLOAD [options]``, the options on either side of the payload.

    The payload is JSON, or a Python expression in brackets, or words, which go out as ``{"prompt": words}``.
    ``expand`` puts variables (``$id``) into options and words, ``evaluate`` is Python's in the notebook.

    Raises:
        BadInput: the line says something else.
    """
    start = next((i for i, each in enumerate(line) if each in "{[" and line[i - 1 : i] == " "), None)
    payload, before, after = None, line, ""
    if start is not None and not line[start:].startswith("{{"):
        payload, end = _bracketed(line[start:], evaluate)
        before, after = line[:start], line[start + end :]
    found = invoke_parser().parse_intermixed_args(expand(before).split() + expand(after).split())
    if payload is not None and found.words:
        raise BadInput(
            f"{' '.join(found.words)!r} stands beside the payload: put everything into the brackets."
        )
    if payload is None:
        payload = {"prompt": _unquoted(" ".join(found.words))}
        if not found.words:
            raise BadInput(f'Say something to {found.name}: `%invoke {found.name} {{"prompt": "Hello"}}`.')
    return Invocation(found.name, payload, found.session, found.endpoint, found.stream, found.show)


def environment(pairs: list[str]) -> dict[str, str]:
    """``KEY=VALUE`` pairs as a mapping. Raises BadInput."""
    for pair in pairs:
        if not pair.partition("=")[0] or "=" not in pair:
            raise BadInput(f"--env {pair}: write KEY=VALUE.")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def _bracketed(text: str, evaluate: Callable[[str], Any]) -> tuple[Any, int]:
    """The payload that begins a text, and where it ends: JSON, else the longest Python expression."""
    try:
        return json.JSONDecoder().raw_decode(text)
    except ValueError:
        pass
    for end in range(len(text), 0, -1):
        if text[end - 1] in "}]" and _compiles(text[:end]):
            return _evaluated(text[:end], evaluate), end
    raise BadInput(f'{text.strip()} is neither JSON nor Python: write {{"prompt": "Hello"}}.')


def _compiles(text: str) -> bool:
    try:
        compile(text, "<payload>", "eval")
    except SyntaxError:
        return False
    return True


def _evaluated(text: str, evaluate: Callable[[str], Any]) -> Any:
    try:
        value = evaluate(text)
        json.dumps(value)
    except Exception as error:
        raise BadInput(f"The payload {text} cannot be sent as JSON: {error}.") from None
    return value


def _unquoted(words: str) -> str:
    return words[1:-1] if len(words) > 1 and words[0] == words[-1] and words[0] in "\"'" else words


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines")
    return int(text)
