"""Building agents' folders into ARM64 images of a real container engine."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from docker import DockerClient
from docker.errors import ImageNotFound

from agentcore_lab.images import base
from agentcore_lab.images.base import pulled_name
from agentcore_lab.images.build import Built, Step
from agentcore_lab.images.docker_builder import DockerBuilder
from agentcore_lab.images.dockerfile import BuildError
from agentcore_lab.sandbox.docker_host import connect
from tests.images.registry import Content, registry

pytestmark = pytest.mark.docker

HELLO = Path(__file__).parents[2] / "containers" / "hello-agent"


@pytest.fixture(scope="module")
def client() -> Iterator[DockerClient]:
    """The container engine."""
    found = connect()
    yield found
    found.close()


@pytest.fixture
def uri() -> str:
    """A name for an image of this test alone."""
    return f"123456789012.dkr.ecr.us-west-2.amazonaws.com/test-{uuid4().hex[:8]}:latest"


class RecordingBuilder(DockerBuilder):
    """A builder that can remove what it built."""

    def __init__(self, cache_dir: Path, client: DockerClient) -> None:
        super().__init__(cache_dir, client)
        self.engine = client
        self.digests: set[str] = set()

    def build(self, folder: Path, uri: str, *, on_step: Callable[[Step], None], fresh: bool = False) -> Built:
        """Build as ever, and remember the image."""
        built = super().build(folder, uri, on_step=on_step, fresh=fresh)
        self.digests.add(built.digest)
        return built

    def remove_all(self) -> None:
        """Remove every image built here; layers they share with others stay."""
        for digest in self.digests:
            with suppress(ImageNotFound):
                self.engine.images.remove(digest, force=True)


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Caches that the tests of this file share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def builder(client: DockerClient, cache_dir: Path) -> Iterator[RecordingBuilder]:
    """A builder that leaves no image behind."""
    recording = RecordingBuilder(cache_dir, client)
    yield recording
    recording.remove_all()


def output(client: DockerClient, uri: str, *command: str, **options: Any) -> str:
    """What a command prints in a container of the image."""
    raw: bytes = client.containers.run(uri, list(command), remove=True, platform="linux/arm64", **options)
    return raw.decode().strip()


def test_a_folder_becomes_an_arm64_image_that_runs(
    builder: DockerBuilder, client: DockerClient, folder: Path, uri: str
) -> None:
    """The command runs on aarch64 with the packages installed, and what the Dockerfile sets is set."""
    steps: list[Step] = []
    built = builder.build(folder, uri, on_step=steps.append)

    config = client.images.get(uri).attrs["Config"]
    assert (built.uri, built.architecture, built.reused) == (uri, "arm64", False)
    assert built.digest == client.images.get(uri).id
    assert output(client, uri).startswith("3.")
    assert output(client, uri, "uname", "-m") == "aarch64"
    assert (config["User"], config["WorkingDir"], config["Cmd"]) == (
        "1000:1000",
        "/app",
        ["python", "-m", "agent"],
    )
    assert "8080/tcp" in config["ExposedPorts"]
    assert output(client, uri, "ls", "-A") == "agent.py\nrequirements.txt"
    assert [step.number for step in steps] == sorted(step.number for step in steps)
    assert steps[-1] == Step(3, 3, "assembling the image")


def test_nothing_changed_means_nothing_done(builder: DockerBuilder, folder: Path, uri: str) -> None:
    """A second build takes the image as it is in well under two seconds; an edit makes another."""
    first = builder.build(folder, uri, on_step=lambda _: None)
    second = builder.build(folder, uri, on_step=lambda _: None)
    (folder / "agent.py").write_text("print('edited')\n")
    third = builder.build(folder, uri, on_step=lambda _: None)

    assert (second.digest, second.reused) == (first.digest, True)
    assert second.seconds < 2
    assert third.digest != first.digest
    assert not third.reused


def test_an_edit_leaves_the_packages_layer_alone(
    builder: DockerBuilder, client: DockerClient, folder: Path, uri: str
) -> None:
    """Only the layer of the source differs after an edit of the source."""
    builder.build(folder, uri, on_step=lambda _: None)
    before = client.images.get(uri).attrs["RootFS"]["Layers"]
    (folder / "agent.py").write_text("print('edited')\n")
    builder.build(folder, uri, on_step=lambda _: None)
    after = client.images.get(uri).attrs["RootFS"]["Layers"]

    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_modules_come_compiled_and_scripts_start_the_images_python(
    builder: DockerBuilder, client: DockerClient, folder: Path, uri: str, python: str
) -> None:
    """Standard library and packages bring bytecode that is used as it is, whatever Python the host has."""
    text = (folder / "Dockerfile").read_text()
    (folder / "Dockerfile").write_text(text.replace("3.11-slim-bookworm", f"{python}-slim"))
    builder.build(folder, uri, on_step=lambda _: None)
    program = (
        "import idna, json, struct, sys\n"
        "print(*sys.version_info[:2], sep='.')\n"
        "for m in (idna, json): print(struct.unpack('<I', open(m.__cached__, 'rb').read(8)[4:])[0])\n"
    )

    # PEP 552: flags 1 mark a pyc that goes by hash and is not checked.
    assert output(client, uri, "python", "-c", program).split() == [python, "1", "1"]
    assert output(client, uri, "idna", "--version").startswith("idna")


def test_the_base_trusts_the_public_authorities(
    builder: DockerBuilder, client: DockerClient, folder: Path, uri: str
) -> None:
    """TLS to AWS and to models works out of the box: the certificates are where Python looks for them."""
    builder.build(folder, uri, on_step=lambda _: None)
    program = "import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])"

    assert int(output(client, uri, "python", "-c", program)) > 50


def test_other_commands_run_under_emulation_and_say_so(
    builder: DockerBuilder, client: DockerClient, folder: Path, uri: str
) -> None:
    """A RUN that is no pip install is done by the engine, in its place, and its step names it."""
    text = (folder / "Dockerfile").read_text()
    (folder / "Dockerfile").write_text(
        text.replace("USER 1000:1000", "RUN useradd -m -u 1234 learner\nUSER learner")
    )
    steps: list[Step] = []
    builder.build(folder, uri, on_step=steps.append)

    assert output(client, uri, "id", "-un") == "learner"
    assert steps[-1] == Step(4, 4, "running under emulation, which is slow: useradd -m -u 1234 learner")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "-r requirements.txt",
            "no-such-package-agentcore-lab",
            r"no-such-package-agentcore-lab was not found",
        ),
        ("-r requirements.txt", "pywin32", r"wheel for ARM64 Linux(.|\n)*pywin32"),
        ("-r requirements.txt", "-r other.txt", r"line 4: other.txt is not in the image at /app/other.txt"),
        ("COPY . .", "COPY nothing.py .", r"line 5: .*nothing.py"),
        ("COPY . .", "RUN echo one; exit 3", r"line 5: .*code: 3(.|\n)*one"),
        ("COPY . .", "RUN apt-get update", r"apt-get: not found(.|\n)*made from Debian packages"),
        ("python:3.11-slim-bookworm", "python:3.10", r"only Python 3.11, .*can be had, not 3.10"),
        ("python:3.11-slim-bookworm", "node:22", r"FROM .*node:22: it is not in the local Docker"),
    ],
)
def test_a_build_that_fails_says_where_and_why(
    builder: DockerBuilder,
    folder: Path,
    uri: str,
    old: str,
    new: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message has the line, the useful part of what was printed, and what would help."""
    monkeypatch.setattr(base, "REGISTRY_SECONDS", 1)
    text = (folder / "Dockerfile").read_text().replace("public.ecr.aws/docker/library", "127.0.0.1:1/library")
    (folder / "Dockerfile").write_text(text.replace(old, new))

    with pytest.raises(BuildError, match=message):
        builder.build(folder, uri, on_step=lambda _: None)


def test_a_base_is_pulled_for_arm64_where_a_registry_answers(
    builder: RecordingBuilder, client: DockerClient, folder: Path, uri: str
) -> None:
    """The registry's ARM64 image is taken, no tag of its name is set, and it is asked only once."""
    with registry(Content("amd64", "arm64", python="3.11.9")) as (host, asked):
        reference = f"{host}/library/python:3.11-slim"
        (folder / "Dockerfile").write_text(f'FROM {reference}\nCOPY agent.py /\nCMD ["/agent"]\n')
        built = builder.build(folder, uri, on_step=lambda _: None, fresh=True)
        requests = len(asked)
        (folder / "agent.py").write_text("edited\n")
        builder.build(folder, uri, on_step=lambda _: None)

    assert built.architecture == "arm64"
    assert requests > 0
    assert len(asked) == requests
    assert not client.images.list(reference)
    builder.remove_all()
    client.images.remove(str(client.images.get(pulled_name(reference)).id), force=True)


def test_a_registry_that_never_answers_holds_nobody_up(
    client: DockerClient, folder: Path, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time-out the base is made from Debian's packages, and a later build does not ask again."""
    monkeypatch.setattr(base, "REGISTRY_SECONDS", 1)
    monkeypatch.setattr(base, "_NAME", f"agentcore-lab/{uuid4().hex[:8]}")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        (folder / "Dockerfile").write_text(
            f'FROM {host}/python:3.11\nCOPY agent.py /\nCMD ["python", "/agent.py"]\n'
        )
        (folder / "agent.py").write_text("import sys; print(sys.version_info[:2])\n")
        steps: list[str] = []
        builder = RecordingBuilder(tmp_path / "cache", client)
        builder.build(folder, uri, on_step=lambda step: steps.append(step.text))
        (folder / "agent.py").write_text("import sys; print(sys.version_info[:2], 2)\n")
        later: list[str] = []
        builder.build(folder, uri, on_step=lambda step: later.append(step.text))

    assert output(client, uri) == "(3, 11) 2"
    assert "making a base with Python 3.11 from Debian's ARM64 packages" in steps
    told = f"FROM {host}/python:3.11: Python 3.11 made of Debian's packages takes its place"
    assert [text.partition(" (")[0] for text in later] == [
        "preparing the base image",
        told,
        "assembling the image",
    ]
    builder.remove_all()
    for image in client.images.list(base._NAME):
        client.images.remove(image.tags[0])


def test_the_first_lab_agent_builds_as_it_is(builder: DockerBuilder, client: DockerClient, uri: str) -> None:
    """containers/hello-agent builds, and its agent module loads the official SDK on aarch64."""
    builder.build(HELLO, uri, on_step=lambda _: None)
    program = "import agent, platform; print(type(agent.app).__name__, platform.machine())"

    assert output(client, uri, "python", "-c", program) == "BedrockAgentCoreApp aarch64"
