"""The folder ``%%agent`` writes: an agent as anyone would write it by hand."""

from __future__ import annotations

import re
from pathlib import Path

from agentcore_lab.magics.options import BadInput

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,47}")
_PORTS = {"HTTP": 8080, "MCP": 8000, "A2A": 9000, "AGUI": 8080}
_SDK = {
    "HTTP": ("bedrock-agentcore>=1.25,<2",),
    "MCP": ("bedrock-agentcore>=1.25,<2", "mcp>=1.23,<2"),
    "A2A": ("bedrock-agentcore[a2a-v1]>=1.25,<2",),
    "AGUI": ("bedrock-agentcore[ag-ui]>=1.25,<2",),
}
_MARK = "# Written by %%agent. Change it as you like: without this line it is yours and is left alone."
_DOCKERFILE = """\
{mark}
FROM public.ecr.aws/docker/library/python:3.11-slim-bookworm
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
ENV PYTHONUNBUFFERED=1
USER 1000:1000
EXPOSE {port}
CMD ["python", "-m", "agent"]
"""


def write_agent(folder: Path, name: str, source: str, protocol: str, packages: str) -> list[str]:
    """Write agent.py, requirements.txt and Dockerfile into ``folder``; the names of those left as they were.

    A requirements.txt or Dockerfile without the first line this writes belongs to the learner and stays.

    Raises:
        BadInput: a name AWS refuses, or a cell that is no Python.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} is no name for an agent runtime: AWS wants a letter first, then letters, digits and _, "
            "48 characters at most."
        )
    try:
        compile(source, f"{folder.name}/agent.py", "exec")
    except SyntaxError as error:
        raise BadInput(f"Line {error.lineno} of the agent is no Python: {error.msg}.") from None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agent.py").write_text(source)
    requirements = "\n".join([_MARK, *_SDK[protocol], *packages.replace(",", " ").split(), ""])
    ours = {
        "requirements.txt": requirements,
        "Dockerfile": _DOCKERFILE.format(mark=_MARK, port=_PORTS[protocol]),
    }
    return [file for file, content in ours.items() if not _write(folder / file, content)]


def _write(path: Path, content: str) -> bool:
    if path.exists() and not path.read_text().startswith(_MARK):
        return False
    path.write_text(content)
    return True
