"""Mermaid, which draws the book's diagrams in the reader's browser, as a file of the book.

npm fetches it once, and it is kept beside the book. A page that is opened as a file can import no modules from files:
so Mermaid is loaded as a plain script, and an import map leads the import of Sphinx's extension to it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSION = "11.12.1"
ADDRESS = f"https://cdn.jsdelivr.net/npm/mermaid@{VERSION}/dist/mermaid.esm.min.mjs"
SCRIPT = "mermaid.min.js"
IMPORT_MAP = json.dumps({"imports": {ADDRESS: "data:text/javascript,export default globalThis.mermaid"}})
_FETCH_SECONDS = 300


def fetched(kept: Path) -> Path | None:
    """The script, kept in the folder; None where npm is missing, or cannot fetch it."""
    script = kept / f"mermaid-{VERSION}.min.js"
    npm = shutil.which("npm")
    if script.exists() or npm is None:
        return script if script.exists() else None
    with tempfile.TemporaryDirectory() as folder:
        pack = [npm, "pack", "--silent", f"mermaid@{VERSION}"]
        try:
            subprocess.run(pack, cwd=folder, check=True, capture_output=True, timeout=_FETCH_SECONDS)
        except (subprocess.SubprocessError, OSError):
            return None
        [package] = Path(folder).glob("*.tgz")
        with tarfile.open(package) as archive:
            found = archive.extractfile(f"package/dist/{SCRIPT}")
            assert found is not None, "a file, not a link"
            kept.mkdir(parents=True, exist_ok=True)
            script.write_bytes(found.read())
    return script
