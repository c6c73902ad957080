"""Build the book into ``build/book``: ``python -m tools.book [--labs FOLDER]``, in an environment of its own.

Labs are taken as stored in the repository, or as ``agentcore-lab run-labs`` left them in FOLDER. A link that leads
nowhere fails the build.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tools.book.mermaid import SCRIPT, fetched

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "book"
LABS = "[0-9]*.ipynb"
_PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
_FOLDERS = ("docs", "notebooks", "containers")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "executed", "work", ".*_c*")
_LINK = re.compile(r"(?<!!)\[(?P<words>[^\]]+)\]\((?P<path>[^)#:\s]*)(?P<fragment>#[^)\s]*)?\)")
_OF_A_FOLDER = ("README.md", "agent.py")


def gather(source: Path, labs: Path | None) -> None:
    """All pages in ``source``, laid out as in the repository, so that links between them hold."""
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    for name in _PAGES:
        shutil.copy(ROOT / name, source)
    for folder in _FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=_LEFT_OUT)
    for executed in sorted(labs.glob(LABS)) if labs else ():
        shutil.copy(executed, source / "notebooks")
    shutil.copy(Path(__file__).with_name("conf.py"), source)
    for page in [*source.rglob("*.md"), *source.rglob("*.ipynb")]:
        page.write_text(_LINK.sub(partial(_link, source, page), page.read_text()))
    (source / "index.md").write_text(contents(source))


def _link(source: Path, page: Path, link: re.Match[str]) -> str:
    """The link as a book needs it: folders have no page, and headings of notebooks are addressed in small letters."""
    path, fragment = link["path"], (link["fragment"] or "").lower()
    target = page.parent / path
    if path and target.is_dir():
        file = next((name for name in _OF_A_FOLDER if (target / name).exists()), None)
        return f"[{link['words']}]({path.rstrip('/')}/{file})" if file else link["words"]
    elsewhere = ROOT / target.resolve().relative_to(source)
    if not target.exists() and elsewhere.is_dir():
        return link["words"]
    if not target.exists() and elsewhere.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(elsewhere, target)
    return f"[{link['words']}]({path}{fragment})"


def contents(source: Path) -> str:
    """The book's first page: the read-me, then every page in the order of its part."""
    parts = {
        "Labs": ["notebooks/README.md", *_names(source, "notebooks", LABS)],
        "Documentation": ["docs/README.md", *_names(source, "docs", "[a-z]*.md")],
        "Why it is so": _names(source, "docs/decisions", "*.md"),
        "Agents": _names(source, "containers", "**/README.md"),
        "Examples": _names(source, "docs/examples", "**/*.ipynb")
        + _names(source, "docs/examples", "**/README.md"),
        "Project": ["CHANGELOG.md", "CONTRIBUTING.md"],
    }
    trees = "".join(
        "\n```{{toctree}}\n:hidden:\n:caption: {}\n:maxdepth: 1\n\n{}\n```\n".format(part, "\n".join(pages))
        for part, pages in parts.items()
    )
    return f"```{{include}} README.md\n```\n{trees}"


def _names(source: Path, folder: str, pattern: str) -> list[str]:
    return [str(page.relative_to(source)) for page in sorted((source / folder).glob(pattern))]


def main(arguments: Sequence[str]) -> int:
    """The command; Sphinx's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.book", description=__doc__)
    parser.add_argument("--labs", type=Path, help="a folder with executed labs")
    options = parser.parse_args(arguments)
    gather(BUILD / "source", options.labs)
    if script := fetched(BUILD):
        shutil.copy(script, BUILD / "source" / SCRIPT)
    else:
        sys.stdout.write("Without npm, which would fetch Mermaid, the book's diagrams need the Internet.\n")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "--fresh-env"]
    code = subprocess.run([*command, BUILD / "source", BUILD / "html"], check=False).returncode
    if code == 0:
        sys.stdout.write(f"Open {BUILD / 'html' / 'index.html'}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
