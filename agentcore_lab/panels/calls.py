"""What a panel does, as values: what is run is what can be copied."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pprint import pformat
from typing import Any, Protocol

from agentcore_lab.panels.feed import Feed

_CODE = """\
import boto3

# Credentials come from the environment.
# On AWS, leave endpoint_url out: nothing else changes.
client = boto3.client(
    {service},
    region_name={region},
    endpoint_url={endpoint},
)
{comment}answer = client.{method}(
{arguments}
)
print(answer)
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where panels get what they show and send what a person does: the feed, and plain boto3 clients by name.

    ``send`` posts to the lab's own API, for what AWS has no call for: a path, and a JSON object.
    """

    feed: Feed
    clients: Mapping[str, Any]
    send: Callable[[str, dict[str, Any]], Any]


class Action(Protocol):
    """What a click stands for. ``done`` is what is said when it has succeeded."""

    @property
    def done(self) -> str:
        """One sentence."""
        ...

    def run(self, source: Source) -> Any:
        """Do it."""
        ...

    def code(self, source: Source) -> str:
        """The program that does it."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a boto3 client: ``data`` or ``control``, the method's name, its arguments."""

    client: str
    method: str
    arguments: Mapping[str, Any]
    done: str = ""
    comment: str = ""

    def run(self, source: Source) -> Any:
        """Make it. Raises what boto3 raises."""
        return getattr(source.clients[self.client], self.method)(**self.arguments)

    def code(self, source: Source) -> str:
        """The program that makes it."""
        meta = source.clients[self.client].meta
        return _CODE.format(
            service=json.dumps(
                {"data": "bedrock-agentcore", "control": "bedrock-agentcore-control"}[self.client]
            ),
            region=json.dumps(meta.region_name),
            endpoint=json.dumps(meta.endpoint_url),
            comment=f"# {self.comment}\n" if self.comment else "",
            method=self.method,
            arguments="\n".join(f"    {name}={_literal(value)}," for name, value in self.arguments.items()),
        )


@dataclass(frozen=True, slots=True)
class Advance:
    """The engine's clock set ahead by ``seconds``; AWS has no such call."""

    seconds: float
    done: str = ""

    def run(self, source: Source) -> Any:
        """Do it. Raises LabRefused, OSError."""
        return source.send("clock", {"advanceSeconds": self.seconds})

    def code(self, _source: Source) -> str:
        """The kit's call."""
        return (
            "# AWS has no such call: there a quarter of an hour takes a quarter of an hour.\n"
            "from agentcore_lab import Lab\n\n"
            "lab = Lab()\n"
            f"lab.clock.advance(seconds={self.seconds:g})\n"
        )


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return pformat(value, sort_dicts=False, width=96).replace("\n", "\n    ")
