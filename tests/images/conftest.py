"""An agent's folder to build from."""

from __future__ import annotations

from pathlib import Path

import pytest

DOCKERFILE = """\
FROM public.ecr.aws/docker/library/python:3.11-slim-bookworm
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
USER 1000:1000
EXPOSE 8080
CMD ["python", "-m", "agent"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small agent that needs one pure Python package."""
    made = tmp_path / "an agent"
    made.mkdir()
    (made / "Dockerfile").write_text(DOCKERFILE)
    (made / "requirements.txt").write_text("idna>=3,<4\n")
    (made / "agent.py").write_text("import idna\nprint(idna.__version__)\n")
    (made / ".dockerignore").write_text("# notes\nDockerfile\n*.log\nsecret/\n")
    return made
