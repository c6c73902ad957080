"""What makes an image of a code artifact, whatever it makes it for."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from agentcore_lab.codezip.code import Code


class CodeBuilder(Protocol):
    """Makes images that a sandbox backend can start of unpacked zips."""

    @property
    def architecture(self) -> str:
        """What its images run on, in OCI's words."""
        ...

    def build(self, code: Code, folder: Path) -> None:
        """Make an image of ``folder``, which it may change, and let ``code.reference`` name it. Blocks.

        Raises:
            BuildError: there is no base for the language here; the message names it and what would help.
        """
        ...

    def remove(self, reference: str) -> None:
        """Forget the image of this name; one that a sandbox still uses stays. Unknown names are no error. Blocks."""
        ...
