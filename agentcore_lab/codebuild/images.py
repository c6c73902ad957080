"""The images of one build: built by the kit's builder under the name they are pushed to, then registered in ECR."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from agentcore_lab.codebuild.buildspec import Do, Move
from agentcore_lab.codebuild.docker_words import ImageBuild, ImageName, ImagePush
from agentcore_lab.codebuild.record import Account
from agentcore_lab.images.build import Builder, Built, Step
from agentcore_lab.images.dockerfile import BuildError

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+):(?P<tag>.+)"
)
_ARG = re.compile(r"^\s*ARG\s+(\w+)", re.IGNORECASE)


class Images:
    """Does the docker commands of a build. ``source`` is where its source was unpacked; ``tell`` writes its log."""

    def __init__(
        self, builder: Builder, ecr: Any, account: Account, source: Path, tell: Callable[[str], None]
    ) -> None:
        self._builder = builder
        self._ecr = ecr
        self._account = account
        self._source = source.resolve()
        self._tell = tell
        self._folders: dict[str, Path] = {}
        self._built: dict[str, Built] = {}

    def do(self, step: Do, later: Iterable[Move]) -> None:
        """Do one command; ``later`` are those that follow, which say what a built image will be called.

        Raises:
            BuildError: it cannot be done.
        """
        match step.action:
            case ImageBuild() as action:
                self._build(action, step.folder, _names_to_be(action, later))
            case ImageName(image, name):
                self._folders[name] = self._folder_of(image)
                self._tell(f"{image} is called {name} too")
            case ImagePush(name):
                self._push(name)

    def _build(self, action: ImageBuild, at: str, names: list[str]) -> None:
        folder = self._inside(Path(at) / action.folder)
        _settle_dockerfile(
            folder, action, self._inside(Path(at) / (action.dockerfile or f"{action.folder}/Dockerfile"))
        )
        self._folders |= dict.fromkeys(action.names, folder)
        self._make(folder, next((name for name in names if self._is_own(name)), self._unpushed(names[0])))
        if action.push:
            for pushed in action.names:
                self._push(pushed)

    def _make(self, folder: Path, name: str) -> Built:
        if name not in self._built:
            built = self._builder.build(folder, name, on_step=lambda step: self._tell(_told(step)))
            self._built[name] = built
            self._tell(f"  {built.digest} ({built.architecture}) is named {name}")
        return self._built[name]

    def _push(self, name: str) -> None:
        found = _ECR.fullmatch(name)
        if found is None or not self._is_own(name):
            raise BuildError(
                f"denied: images are pushed to this account's registry alone, {self._registry}, not to {name}"
            )
        built = self._make(self._folder_of(name), name)
        manifest = _manifest(built)
        digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
        try:
            self._ecr.describe_repositories(repositoryNames=[found["repository"]])
            self._ecr.put_image(
                repositoryName=found["repository"],
                imageTag=found["tag"],
                imageManifest=manifest,
                imageDigest=digest,
                imageManifestMediaType="application/vnd.docker.distribution.manifest.v2+json",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ImageAlreadyExistsException":
                self._tell(f"{name}: already there")
                return
            raise BuildError(f"denied: {error.response['Error']['Message']}") from None
        self._tell(f"{found['tag']}: digest: {digest}")

    @property
    def _registry(self) -> str:
        return f"{self._account.id}.dkr.ecr.{self._account.region}.amazonaws.com"

    def _is_own(self, name: str) -> bool:
        return _ECR.fullmatch(name) is not None and name.startswith(f"{self._registry}/")

    def _unpushed(self, name: str) -> str:
        """What an image is called here that its build pushes nowhere: all accounts share the builder's names."""
        return f"{self._registry}/unpushed:{hashlib.sha256(name.encode()).hexdigest()[:16]}"

    def _folder_of(self, image: str) -> Path:
        if image not in self._folders:
            raise BuildError(
                f"No such image: {image}. This build has made {', '.join(self._folders) or 'none'}."
            )
        return self._folders[image]

    def _inside(self, path: Path) -> Path:
        place = (self._source / path).resolve()
        if not place.is_relative_to(self._source):
            raise BuildError(f"{path} is outside the source")
        return place


def _names_to_be(action: ImageBuild, later: Iterable[Move]) -> list[str]:
    """The names the image has at the end, those that are pushed first."""
    names, pushed = list(action.names), list(action.names) if action.push else []
    for move in later:
        match move:
            case Do(action=ImageName(image, name)) if image in names:
                names.append(name)
            case Do(action=ImagePush(name)) if name in names:
                pushed.append(name)
    return [*pushed, *names]


def _told(step: Step) -> str:
    return f"  {step.number}/{step.total} {step.text}"


def _settle_dockerfile(folder: Path, action: ImageBuild, dockerfile: Path) -> None:
    """Put the Dockerfile where the builder looks for it, with the build's arguments as its ARGs' values."""
    target = folder / "Dockerfile"
    if dockerfile != target:
        if not dockerfile.is_file():
            raise BuildError(f"{action.dockerfile}: there is no such file in the source")
        shutil.copyfile(dockerfile, target)
    values = dict(action.arguments)
    if values and target.is_file():
        lines = target.read_text().splitlines()
        target.write_text("\n".join(_with_value(line, values) for line in lines) + "\n")


def _with_value(line: str, values: Mapping[str, str]) -> str:
    found = _ARG.match(line)
    return f"ARG {found[1]}={json.dumps(values[found[1]])}" if found and found[1] in values else line


def _manifest(built: Built) -> str:
    """The image's manifest as a registry would keep it; the local engine's images have no compressed layers.

    moto tells the size of the configuration as the image's.
    """
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": built.size,
                "digest": built.digest,
            },
            "layers": [],
        }
    )
