"""What an agent finds when it starts as a process: its files, its environment, its command."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from agentcore_lab.sandbox.launcher.agentcore_lab_listen import OTHERS, SETTING
from agentcore_lab.sandbox.process_child import Command

if TYPE_CHECKING:
    from agentcore_lab.sandbox.base import SandboxSpec
    from agentcore_lab.sandbox.process_records import Place
    from agentcore_lab.sandbox.process_storage import StorageFolders
    from agentcore_lab.sandbox.process_store import Manifest

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Folders of the image's own file system, which is not here.
_NOT_FROM_IMAGE = ("HOME", "TMPDIR", "PATH")


def prepare(
    place: Place,
    manifest: Manifest,
    tree: Path,
    programs: Path,
    spec: SandboxSpec,
    storages: StorageFolders,
) -> Command:
    """Lay out the sandbox's private disk, and say what to start on it.

    ``tree`` holds the image's files and is only read; ``programs`` is the virtual environment's ``bin``.

    Raises:
        SandboxError: a storage cannot be mounted on these files.
    """
    shutil.copytree(tree, place.root, symlinks=True)
    place.home.mkdir()
    place.temporary.mkdir()
    for mount in spec.mounts:
        storages.mount(mount, place.root)
    for path, text in spec.files.items():
        _write(place.root / path.lstrip("/"), text)
    folder = place.root / manifest.workdir.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    return Command(
        arguments=_arguments(manifest, place.root, programs),
        folder=folder,
        environment=_environment(place, manifest, programs, spec),
        log=place.log,
    )


def _arguments(manifest: Manifest, root: Path, programs: Path) -> list[str]:
    """The command; a program of the image's own Python is the virtual environment's here."""
    program, *rest = (_here(word, root) for word in manifest.command)
    own = programs / PurePosixPath(program).name
    if program.startswith("/") and not Path(program).is_relative_to(root) and own.exists():
        program = str(own)
    return [program, *rest]


def _environment(place: Place, manifest: Manifest, programs: Path, spec: SandboxSpec) -> dict[str, str]:
    """The whole environment: a container's few variables, the image's, the runtime's; nothing of the engine's.

    DOCKER_CONTAINER is set if the image sets it, as in a container: the SDK's workload identity asks for it, and
    what it does to the SDK's choice of address the launcher undoes. A runtime's variable that names a mount path, or
    what is below one, names it as it is here: with it an agent finds its storage wherever it runs. So does one that
    names a file given to the sandbox.
    """
    image = {name: _here(value, place.root) for name, value in manifest.environment.items()}
    path = [str(programs), *(part for part in [image.get("PATH")] if part), _SYSTEM_PATH]
    return {
        "LANG": "C.UTF-8",
        "HOME": str(place.home),
        "TMPDIR": str(place.temporary),
        "PATH": ":".join(path),
        **{name: value for name, value in image.items() if name not in _NOT_FROM_IMAGE},
        **{name: _mounted(value, place.root, spec) for name, value in spec.environment.items()},
        SETTING: place.mark(spec.port),
        **({OTHERS: ",".join(f"{span.start}-{span.stop}" for span in spec.ports)} if spec.ports else {}),
    }


def _mounted(value: str, root: Path, spec: SandboxSpec) -> str:
    """``value`` as it is here if it is one of the mount paths, below one, or the path of a given file."""
    below = any(value == mount.path or value.startswith(f"{mount.path}/") for mount in spec.mounts)
    return str(root / value.strip("/")) if below or value in spec.files else value


def _write(path: Path, text: str) -> None:
    """Only the user who runs the engine may read it, as which the agent runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _here(value: str, root: Path) -> str:
    """``value`` with each absolute path (of several, divided by colons) that the image has as it is here."""
    return ":".join(_moved(part, root) for part in value.split(":"))


def _moved(path: str, root: Path) -> str:
    inside = path.strip("/")
    return str(root / inside) if path.startswith("/") and inside and (root / inside).exists() else path
