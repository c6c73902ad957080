"""A card: a title, a state, facts by name, and what is folded away. Plain HTML with its own style, no script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from pathlib import Path

_HERE = Path(__file__).parent
_SHAPES = {"Active": "●", "READY": "●", "Idle": "◐", "Terminated": "○"}
_SPACES = re.compile(r"/\*.*?\*/|\s+", re.DOTALL)


class Html(str):
    """Text that is HTML already and is not escaped again."""

    __slots__ = ()


@cache
def theme() -> str:
    """The colours, the type and the pills of everything the kit shows."""
    return (_HERE / "theme.css").read_text("utf-8")


def pill(state: str) -> Html:
    """A state as a pill: a word, a shape, and a colour that repeats what they say."""
    shape = "▲" if state.endswith(("FAILED", "Failed")) else _SHAPES.get(state, "◌")
    return Html(
        f'<span class="acl-pill" data-state="{escape(state)}"><span aria-hidden="true">{shape}</span>'
        f"{escape(state)}</span>"
    )


def facts(rows: Iterable[tuple[str, str]]) -> Html:
    """Name and value of each fact, a row each."""
    lines = "".join(
        f'<tr><th scope="row">{_html(name)}</th><td>{_html(value)}</td></tr>' for name, value in rows
    )
    return Html(f"<table>{lines}</table>")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """Things of one kind, a row each."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_html(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return Html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def text(words: str) -> Html:
    """A paragraph."""
    return Html(f"<p>{escape(words)}</p>")


def verbatim(content: str) -> Html:
    """Code, a log or an answer, as it is."""
    return Html(f"<pre>{escape(content)}</pre>")


def folded(summary: str, content: str, *, open_: bool = False) -> Html:
    """Code or a log that shows when its summary is clicked."""
    return Html(
        f"<details{' open' * open_}><summary>{escape(summary)}</summary>{verbatim(content)}</details>"
    )


def card(kind: str, name: str, *parts: Html, state: str | None = None) -> str:
    """A thing of a kind with a name of its own, and what is known of it."""
    title = f'<span class="acl-kind">{escape(kind)}</span><span>{escape(name)}</span>'
    shown = pill(state) if state else ""
    return (
        f'<style>{_style()}</style><div class="acl acl-card"><div class="acl-title">{title}{shown}</div>'
        f"{''.join(parts)}</div>"
    )


@cache
def _style() -> str:
    """The style sheet in as few characters as it can be: every output of a notebook carries it."""
    return _SPACES.sub(" ", theme() + (_HERE / "card.css").read_text("utf-8")).strip()


def _html(value: str) -> str:
    return value if isinstance(value, Html) else escape(value)
