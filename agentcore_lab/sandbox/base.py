"""What the engine asks of a sandbox backend, and what a backend may answer.

A backend knows images and running sandboxes and nothing of runtimes, sessions or HTTP. Nothing outside this
package may assume that a sandbox runs on this machine.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from agentcore_lab.sandbox.commands import RunningCommand, Size, Terminal

from agentcore_lab.plain_error import PlainError


@dataclass(frozen=True, slots=True)
class Image:
    """An artifact as it was when a version was made from it.

    ``digest`` is its immutable identity: sandboxes start from the digest, so moving the tag ``uri`` names
    changes no version. ``architecture`` is in OCI's words (``arm64``, ``amd64``).
    """

    uri: str
    digest: str
    architecture: str


@dataclass(frozen=True, slots=True)
class Mount:
    """Storage that outlives the sandbox, and the absolute ``path`` inside at which its files lie.

    ``storage_id`` is unique over the life of the data directory and safe as a file name; the first sandbox that has
    it finds an empty folder, whatever its image has at ``path``. ``limit`` is how many bytes it may hold: writes
    beyond it fail where the backend can see to that.
    """

    path: str
    storage_id: str
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Secure:
    """HTTPS from inside to a program of the engine's machine: ``names`` lead to the doorway, port 443.

    Clients inside trust ``authority`` (PEM), and whom they trusted before. Backends whose sandboxes have no host names
    of their own do nothing of it.
    """

    names: tuple[str, ...]
    authority: bytes


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """One sandbox to start.

    ``id`` is unique over the life of the data directory and safe as a container name. ``port`` is the port the
    agent serves inside; ``ports`` are others that something inside may serve and the engine wants to reach.
    ``labels`` are kept with the sandbox so that a later engine can tell whose it is. ``files`` are texts by the
    absolute paths at which the agent finds them: the place for secrets, which an environment shows to anyone who asks
    the container engine.
    """

    id: str
    image: Image
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[Mount] = ()
    ports: Sequence[range] = ()
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    secure: Secure | None = None


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """Whether the agent's first process runs; if not, how it ended (``exit_code`` as a shell has it)."""

    running: bool
    exit_code: int | None = None
    out_of_memory: bool = False
    out_of_disk: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What a sandbox has used: seconds of processor time since its start, and bytes of memory now.

    AgentCore bills both (processor time only while it is used, memory by its peak in each second). ``memory_limit``
    is in bytes, None where nothing limits it.
    """

    cpu_seconds: float
    memory_bytes: int
    memory_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Owned:
    """A sandbox found on the machine that carries this engine's mark."""

    id: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Doorway:
    """How sandboxes reach programs of the engine's machine.

    ``name`` is the host name or address they use. ``listen_on`` is an address of this machine on which a program must
    listen for that, besides loopback; None where loopback is enough.
    """

    name: str
    listen_on: str | None = None


class SandboxError(PlainError):
    """The backend could not do what was asked; the message is for a person."""


class BackendUnavailable(SandboxError):  # noqa: N818 - a state, named as one
    """The backend cannot be used on this machine; the message says why and what would mend it."""


class ImageNotFound(SandboxError):  # noqa: N818 - a state, named as one
    """No image of this name is known to the backend."""


class UnsupportedArchitecture(SandboxError):  # noqa: N818 - a state, named as one
    """The image is not for linux/arm64."""

    def __init__(self, uri: str, architecture: str) -> None:
        super().__init__(f"{uri} is built for {architecture}, not for arm64")
        self.uri = uri
        self.architecture = architecture


class Backend(Protocol):
    """A place to run sandboxes. Every method may raise SandboxError; none blocks the event loop."""

    @property
    def name(self) -> str:
        """The name a user chooses it by: ``docker``, ``process``."""
        ...

    @property
    def isolation(self) -> str:
        """One sentence a user can read: what keeps one sandbox from another here."""
        ...

    async def open(self) -> None:
        """Make ready (network, directories). Raises BackendUnavailable."""
        ...

    async def close(self) -> None:
        """Give back what ``open`` took; running sandboxes are the caller's to stop first."""
        ...

    @property
    def doorway(self) -> Doorway:
        """How its sandboxes reach the engine's machine; known once it is open."""
        ...

    async def resolve(self, uri: str) -> Image:
        """The image ``uri`` names now. Raises ImageNotFound, UnsupportedArchitecture."""
        ...

    async def hold(self, digests: Collection[str]) -> None:
        """See that images outlive the names they have, until `agentcore-lab prune`. Unknown digests are no error."""
        ...

    async def start(self, spec: SandboxSpec) -> None:
        """Start a sandbox; returns when its first process has been started, healthy or not."""
        ...

    async def address(self, sandbox_id: str, port: int | None = None) -> str | None:
        """``http://host:port`` of the agent's port as the engine reaches it, or of another ``port`` inside.

        None while it is not known yet, and for a port that is not among the spec's.
        """
        ...

    async def status(self, sandbox_id: str) -> SandboxStatus:
        """Whether it runs. An unknown id is not running."""
        ...

    async def logs(self, sandbox_id: str, tail: int) -> list[str]:
        """The last ``tail`` lines of stdout and stderr together; empty for an unknown id."""
        ...

    async def usage(self, sandbox_id: str) -> Usage | None:
        """What its processes have used; None for one that does not run, or where that cannot be told."""
        ...

    def run(self, sandbox_id: str, arguments: Sequence[str]) -> AbstractAsyncContextManager[RunningCommand]:
        """Run a program beside the agent: same files, environment, user, and the image's working folder.

        It is killed, with all it started, if it still runs when the context ends. Raises NoSuchProgram, here or from
        its output.
        """
        ...

    async def open_shell(self, sandbox_id: str, size: Size) -> Terminal:
        """Start an interactive shell at a terminal, in the same surroundings. Raises as ``run`` does."""
        ...

    async def stop(self, sandbox_id: str, grace: float) -> None:
        """SIGTERM, up to ``grace`` seconds, SIGKILL; then remove all of it but its mounts. Unknown ids are no error."""
        ...

    async def owned(self) -> list[Owned]:
        """Every sandbox that carries this engine's mark, running or not."""
        ...

    async def storages(self) -> list[str]:
        """The id of every storage that carries this engine's mark, mounted or not."""
        ...

    async def storage_size(self, storage_id: str) -> int | None:
        """The bytes its files hold; None for an unknown id, or where that cannot be told."""
        ...

    async def remove_storage(self, storage_id: str) -> None:
        """Remove it with all that is in it; no sandbox may have it any more. Unknown ids are no error."""
        ...
