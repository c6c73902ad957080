"""Every notebook runs to its last cell, with the runtime's ARN as its parameter; its own asserts say what is right."""

from pathlib import Path

import papermill
import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings(
    "ignore:::papermill", "ignore:::nbformat", "ignore:::jupyter_client", "ignore:::zmq"
)
def test_a_notebook_runs(notebook, agentcore_runtime, tmp_path):
    weather = agentcore_runtime(ROOT / "agents" / "weather")
    papermill.execute_notebook(
        notebook,
        tmp_path / notebook.name,
        {"runtime_arn": weather.arn},
        kernel_name="python3",
        progress_bar=False,
    )
