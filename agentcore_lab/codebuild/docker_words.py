"""The docker commands of a buildspec, read: what they would build, name and push."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from agentcore_lab.codebuild.shell import NotUnderstood

_ARM64 = frozenset({"linux/arm64", "linux/arm64/v8", "arm64"})
_WITHOUT_EFFECT = ("--load", "--no-cache", "--pull", "--quiet", "-q", "--rm", "--force-rm")
_WITHOUT_EFFECT_VALUED = ("--progress", "--provenance", "--sbom", "--cache-from", "--cache-to", "--builder")


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """``docker build``: the folder and the Dockerfile, relative to the source, the image's names, build arguments."""

    folder: str
    dockerfile: str | None
    names: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    push: bool = False


@dataclass(frozen=True, slots=True)
class ImageName:
    """``docker tag``: another name of an image."""

    image: str
    name: str


@dataclass(frozen=True, slots=True)
class ImagePush:
    """``docker push``."""

    name: str


DockerAction = ImageBuild | ImageName | ImagePush


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise NotUnderstood(message)


def docker_action(words: Sequence[str]) -> DockerAction | None:
    """What ``docker …`` does; None for what has no effect here, such as a login.

    Raises:
        NotUnderstood: a command or an option that is not known.
    """
    rest = list(words[1:])
    while rest and rest[0] in {"image", "buildx"}:
        rest.pop(0)
    match rest:
        case ["build", *options]:
            return _build(options)
        case ["tag", image, name]:
            return ImageName(full_name(image), full_name(name))
        case ["push", *options]:
            names = [word for word in options if not word.startswith("-")]
            if len(names) == 1 and set(options) <= {names[0], "-q", "--quiet"}:
                return ImagePush(full_name(names[0]))
        case ["login" | "logout" | "images" | "info" | "version" | "ls" | "inspect" | "--version", *_]:
            return None
        case ["create" | "use", *_] if "buildx" in words:
            return None
    raise NotUnderstood("of docker, build, tag and push are read")


def full_name(image: str) -> str:
    """The name with a tag: ``latest`` where none is written."""
    return image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"


def _build(options: list[str]) -> ImageBuild:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("folder")
    parser.add_argument("-t", "--tag", dest="names", action="append", default=[])
    parser.add_argument("-f", "--file")
    parser.add_argument("--build-arg", dest="arguments", action="append", default=[])
    parser.add_argument("--platform", default="linux/arm64")
    parser.add_argument("--push", action="store_true")
    for name in _WITHOUT_EFFECT:
        parser.add_argument(name, dest="ignored", action="store_true")
    for name in _WITHOUT_EFFECT_VALUED:
        parser.add_argument(name, dest="ignored")
    found = parser.parse_intermixed_args(options)
    if found.platform not in _ARM64:
        raise NotUnderstood(f"AgentCore runs linux/arm64 alone, not {found.platform}")
    if "://" in found.folder or found.folder == "-":
        raise NotUnderstood("only a folder of the source can be built")
    pairs = [argument.partition("=") for argument in found.arguments]
    return ImageBuild(
        folder=found.folder,
        dockerfile=found.file,
        names=tuple(map(full_name, found.names)),
        arguments=tuple((name, value) for name, _, value in pairs),
        push=found.push,
    )
