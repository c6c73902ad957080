"""Finding the engine a person already has."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from agentcore_lab.sandbox import docker_host
from agentcore_lab.sandbox.docker_host import DEFAULT_SOCKET, EngineUnreachable


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and no DOCKER_* variables."""
    for name in ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / ".docker"))
    return tmp_path


def addresses() -> list[str]:
    """Where an engine would be looked for, in order."""
    return [endpoint.address for endpoint in docker_host.endpoints()]


def test_docker_host_alone_decides(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sets DOCKER_HOST means that engine and no other."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere.sock")
    assert addresses() == ["http+unix:///elsewhere.sock"] or addresses() == ["unix:///elsewhere.sock"]


def test_the_default_socket_comes_first(home: Path) -> None:
    """With nothing said, the system's Docker is tried first."""
    assert addresses()[0] == DEFAULT_SOCKET


def test_colimas_and_podmans_sockets_are_known(home: Path) -> None:
    """Sockets in a person's home are tried where they exist."""
    places = [".colima/default/docker.sock", ".local/share/containers/podman/machine/podman.sock"]
    for place in places:
        (home / place).parent.mkdir(parents=True)
        (home / place).touch()
    assert [f"unix://{home / place}" for place in places] == [a for a in addresses() if str(home) in a]


def test_the_chosen_context_comes_before_the_default(home: Path) -> None:
    """``docker context use`` is heeded."""
    name = "colima"
    folder = home / ".docker" / "contexts" / "meta" / docker_context_id(name)
    folder.mkdir(parents=True)
    (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": name}))
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": "unix:///colima.sock"}}}
    (folder / "meta.json").write_text(json.dumps(meta))
    assert addresses()[:2] == ["unix:///colima.sock", DEFAULT_SOCKET]


def docker_context_id(name: str) -> str:
    """The folder name of a context."""
    from docker.context.config import get_context_id

    return str(get_context_id(name))


def test_nobody_listens(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the place and the reason, and leaves no socket open."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/none.sock")
    with pytest.raises(EngineUnreachable, match=r"none\.sock: No such file or directory"):
        docker_host.connect()


def test_a_socket_whose_daemon_died(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket file left behind by a dead daemon is no engine."""
    place = home / "dead.sock"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(place))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{place}")
    with pytest.raises(EngineUnreachable, match="Connection refused") as caught:
        docker_host.connect()
    assert not caught.value.permission_denied


@pytest.mark.docker
def test_the_engine_here_is_described() -> None:
    """A real engine tells its name, version, architecture and kernel."""
    engine = docker_host.find()
    assert all((engine.name, engine.version, engine.architecture, engine.kernel, engine.address))
