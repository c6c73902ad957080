"""The agents of containers/: each is whole, and told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentcore_lab.cli.images import agents_in
from agentcore_lab.images.dockerfile import read_recipe

CONTAINERS = Path(__file__).parents[1] / "containers"
PORTS = {"mcp-server": 8000, "a2a-agent": 9000}


@pytest.mark.parametrize("folder", agents_in(CONTAINERS), ids=lambda folder: folder.name)
def test_an_agent_is_whole_and_listed(folder: Path) -> None:
    """It has what its Dockerfile names, serves its protocol's port, and is in the table of containers/README.md."""
    recipe = read_recipe(folder / "Dockerfile")
    assert (folder / "agent.py").is_file()
    assert (folder / "requirements.txt").is_file()
    assert recipe.ports == (PORTS.get(folder.name, 8080),)
    assert f"({folder.name}/agent.py)" in (CONTAINERS / "README.md").read_text()
