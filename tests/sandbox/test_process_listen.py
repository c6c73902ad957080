"""How an agent's fixed port becomes a free one of this machine, in every way a Python agent can be started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.sandbox.arena import AGENTS, Arena, edited, eventually

pytestmark = [
    pytest.mark.process,
    pytest.mark.parametrize("kind", ["process"], indirect=True, scope="session"),
]

REGISTRY = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
FROM = "FROM public.ecr.aws/docker/library/python:3.11-slim-bookworm\nWORKDIR /app\nCOPY . .\n"
ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"{}"})
"""


def build(arena: Arena, folder: Path) -> None:
    """Build ``folder`` as the image ``mine``."""
    uri = arena.kind.build(folder, f"{REGISTRY}/{folder.name}:latest").uri
    arena.images = {**arena.images, "mine": uri}


@pytest.mark.parametrize(
    ("requirements", "command"),
    [
        ("", '["python", "-m", "agent"]'),
        ("", '["/usr/local/bin/python3", "/app/agent.py"]'),
        ("", "exec python agent.py"),
        ("opentelemetry-distro\n", '["opentelemetry-instrument", "python", "agent.py"]'),
    ],
)
async def test_ways_to_start(arena: Arena, tmp_path: Path, requirements: str, command: str) -> None:
    """As a module, with the image's absolute paths, through a shell, through OpenTelemetry's launcher."""
    install = "RUN pip install -r requirements.txt\n" if requirements else ""
    folder = edited(
        AGENTS / "probe",
        tmp_path / "ways",
        Dockerfile=f"{FROM}{install}CMD {command}\n",
        requirements__txt=requirements,
    )
    build(arena, folder)

    agents = [await arena.start("mine"), await arena.start("mine")]

    for agent in agents:
        assert (await (await agent.ready()).invoke("about"))["edition"] == "one"


async def test_uvicorn_with_uvloop(arena: Arena, tmp_path: Path) -> None:
    """uvicorn's own command is moved too, though uvloop, which binds past Python, is installed."""
    folder = tmp_path / "asgi"
    folder.mkdir()
    (folder / "agent.py").write_text(ASGI)
    command = '["uvicorn", "agent:app", "--host", "0.0.0.0", "--port", "8000"]'
    (folder / "Dockerfile").write_text(f"{FROM}RUN pip install uvicorn uvloop\nCMD {command}\n")
    build(arena, folder)

    agent = await (await arena.start("mine", port=8000)).ready()

    assert "http://0.0.0.0:8000" in "\n".join(await agent.log())


async def output(arena: Arena, tmp_path: Path, program: str, *, extra: str = "", **files: str) -> list[str]:
    """What a program prints until it ends, run as an agent."""
    folder = tmp_path / "program"
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    (folder / "agent.py").write_text(program)
    (folder / "Dockerfile").write_text(f'{FROM}{extra}CMD ["python", "agent.py"]\n')
    build(arena, folder)
    agent = await arena.start("mine")

    async def ended() -> bool:
        return not (await arena.backend.status(agent.id)).running

    await eventually(ended)
    return await arena.backend.logs(agent.id, 100)


async def test_only_the_agents_port_is_moved(arena: Arena, tmp_path: Path) -> None:
    """Other ports, other kinds of sockets and wrong arguments behave as in any Python program."""
    program = """
import socket
free = socket.socket(); free.bind(("127.0.0.1", 0)); port = free.getsockname()[1]; free.close()
plain = socket.socket(); plain.bind(("127.0.0.1", port)); print(plain.getsockname() == ("127.0.0.1", port))
named = socket.socket(socket.AF_UNIX); named.bind("name.sock"); print(named.getsockname())
for wrong in (8080, ("127.0.0.1",), ("127.0.0.1", "8080")):
    try:
        socket.socket().bind(wrong)
    except TypeError as error:
        print("TypeError")
"""
    assert await output(arena, tmp_path, program) == ["True", "name.sock", *["TypeError"] * 3]


async def test_the_port_can_be_had_once(arena: Arena, tmp_path: Path) -> None:
    """A second bind fails as in a container, another family gets the same number, and a freed port comes back."""
    program = """
import errno, socket
one = socket.socket(); one.bind(("0.0.0.0", 8080)); one.listen(); port = one.getsockname()[1]
print(one.getsockname()[0])
try:
    socket.socket().bind(("", 8080))
except OSError as error:
    print(errno.errorcode[error.errno])
six = socket.socket(socket.AF_INET6); six.bind(("::", 8080)); print(six.getsockname()[:2] == ("::1", port))
one.close()
again = socket.socket(); again.bind(("127.0.0.1", 8080)); print(again.getsockname()[1] == port)
"""
    assert await output(arena, tmp_path, program) == ["127.0.0.1", "EADDRINUSE", "True", "True"]


async def test_the_agents_own_start_files_run(arena: Arena, tmp_path: Path) -> None:
    """An agent's sitecustomize, found through its image's PYTHONPATH, is still imported."""
    lines = await output(
        arena,
        tmp_path,
        "print('agent')",
        extra="ENV PYTHONPATH=/app:/opt/none\n",
        sitecustomize__py="print('sitecustomize')",
    )

    assert lines == ["sitecustomize", "agent"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_what_a_program_starts_with(arena: Arena, tmp_path: Path) -> None:
    """Nothing of the launcher's own Python stays: no ignored signal, no open file but the standard three."""
    folder = tmp_path / "shell"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"{FROM}CMD grep SigIgn /proc/$$/status && ls /proc/$$/fd && cat\n")
    (folder / "agent.py").touch()
    build(arena, folder)
    agent = await arena.start("mine")

    ignored, *files = await agent.log("2")
    # Signals 32 and 33 belong to the C library; whatever make starts has them ignored, and no program can change it.
    assert int(ignored.removeprefix("SigIgn:"), 16) & ~(0b11 << 31) == 0
    assert files == ["0", "1", "2"]


async def test_the_environment_is_small(arena: Arena, tmp_path: Path) -> None:
    """Beside the image's and the runtime's variables there are only those every container has, and the port's."""
    lines = await output(arena, tmp_path, "import os; print(*sorted(os.environ), sep='\\n')")

    assert set(lines) - {"LC_CTYPE"} == {"AGENTCORE_LAB_LISTEN", "HOME", "LANG", "PATH", "TMPDIR"}
