"""The languages a code artifact may be written for (AWS: runtime-code-deploy-supported-runtimes)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

TASK_ROOT = "/var/task"
"""Where the zip's files lie, and the folder agents start in (observed of AWS, in agents' tracebacks)."""


@dataclass(frozen=True, slots=True)
class Language:
    """One of AWS's language runtimes: ``version`` is a minor one of Python (``3.13``), a major one of Node (``22``)."""

    name: str
    kind: Literal["python", "node"]
    version: str

    @property
    def entry_suffix(self) -> str:
        """What an entry point's name ends with (AWS: runtime-code-deploy-common-issues)."""
        return ".py" if self.kind == "python" else ".js"

    @property
    def binary_suffixes(self) -> tuple[str, ...]:
        """The files whose ELF headers are looked at (AWS: as above)."""
        return (".so",) if self.kind == "python" else (".so", ".node")

    @property
    def image(self) -> str:
        """The official image that stands in for AWS's Amazon Linux 2023."""
        library = "public.ecr.aws/docker/library"
        if self.kind == "python":
            return f"{library}/python:{self.version}-slim-bookworm"
        return f"{library}/node:{self.version}-bookworm-slim"


LANGUAGES: Mapping[str, Language] = {
    **{
        name: Language(name, "python", name.removeprefix("PYTHON_").replace("_", "."))
        for name in ("PYTHON_3_10", "PYTHON_3_11", "PYTHON_3_12", "PYTHON_3_13", "PYTHON_3_14")
    },
    "NODE_22": Language("NODE_22", "node", "22"),
}
"""By the model's names."""
