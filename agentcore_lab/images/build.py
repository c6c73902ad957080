"""What a builder of agent images promises, whatever it builds for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agentcore_lab.looks.card import card, facts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agentcore_lab.settings import Settings


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a build, told as it begins: its number of how many, and what it does in words."""

    number: int
    total: int
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Built:
    """An image that is ready. ``reused`` says that nothing had changed since it was built.

    ``size`` is in bytes, uncompressed; 0 where the sandbox keeps no image as a whole.
    """

    uri: str
    digest: str
    architecture: str
    seconds: float
    reused: bool
    size: int = 0

    def __repr__(self) -> str:
        # Neither digest nor seconds: an executed notebook compares equal to the next run.
        return f"Built({self.uri.rpartition('/')[2]}, {self.architecture})"

    def _repr_html_(self) -> str:
        word = "unchanged" if self.reused else "built"
        rows = [
            ("Name", self.uri),
            ("Digest", self.digest),
            ("Architecture", self.architecture),
            ("Time", f"{word} in {self.seconds:.1f} s"),
        ]
        return card("Image", self.uri.rpartition("/")[2], facts(rows))


class Builder(Protocol):
    """Makes an image that a sandbox backend can start from an agent's folder."""

    def build(self, folder: Path, uri: str, *, on_step: Callable[[Step], None], fresh: bool = False) -> Built:
        """Build ``folder`` and name the image ``uri``; ``fresh`` uses nothing built or resolved before.

        Blocks until the image is there.

        Raises:
            BuildError: the Dockerfile, its packages or this machine do not allow it.
        """
        ...


def image_uri(name: str, settings: Settings, tag: str = "latest") -> str:
    """The name an image of this account would have in Amazon ECR.

    AWS: "Amazon ECR private repositories", ``aws_account_id.dkr.ecr.region.amazonaws.com/name:tag``.
    """
    return f"{settings.account_id}.dkr.ecr.{settings.region}.amazonaws.com/{name}:{tag}"
