"""A base image's file system from Debian's ARM64 packages, unpacked on the host and never run there."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from agentcore_lab.images.bytecode import compile_tree, installed_python, is_python
from agentcore_lab.images.context import anonymous
from agentcore_lab.images.dockerfile import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentcore_lab.images.bytecode import Python

# Debian's releases and the Python each comes with (Debian, "Python in Debian").
SUITES = {"3.11": "bookworm", "3.13": "trixie", "3.14": "forky"}
# Debian's next release changes every day, and mirrors that are no copies of today's are refused as too old: what they
# have is signed all the same.
_UNRELEASED = ("forky",)
# What an agent and a learner's shell in its session expect, and what wheels link to; pip and apt stay out.
PACKAGES = (
    *(
        "base-files",
        "base-passwd",
        "bash",
        "ca-certificates",
        "coreutils",
        "dash",
        "findutils",
        "grep",
        "gzip",
    ),
    *(
        "hostname",
        "libc-bin",
        "libstdc++6",
        "mawk",
        "netbase",
        "passwd",
        "procps",
        "python3",
        "sed",
        "tar",
        "tzdata",
    ),
)
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
_HOOK = Path("/usr/share/mmdebstrap/hooks/merged-usr")
# Raised whenever the same packages would make another base.
_FORMAT = 4


def base_key(version: str) -> str:
    """A short name for the base this module makes of Python ``version`` on this machine."""
    words = f"{_FORMAT} {PACKAGES} {_LEFT_OUT}"
    return f"python{version}-{hashlib.sha256(words.encode()).hexdigest()[:12]}"


def debian_base(version: str, cache_dir: Path, *, fresh: bool) -> Path:
    """A tar of an ARM64 root file system with Python ``version``, from the cache or made now (about 10 s).

    Raises:
        BuildError: Debian has no such Python, or a tool is missing here; the message names the mend.
    """
    if version not in SUITES:
        known = ", ".join(SUITES)
        raise BuildError(
            f"without an image registry only Python {known} can be had, not {version}: change FROM"
        )
    tar = cache_dir / "bases" / f"{base_key(version)}.tar"
    if fresh or not tar.is_file():
        tar.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=tar.parent) as work:
            made = Path(work) / "base.tar"
            _unpack(SUITES[version], made, PACKAGES, "--arch=arm64")
            _finish(made, version, Path(work), compiler(version, cache_dir))
            made.replace(tar)
    return tar


def compiler(version: str, cache_dir: Path) -> Python | None:
    """A Python that runs here and writes bytecode for ``version``: installed, or unpacked from Debian's packages.

    None if neither can be had: images work without bytecode, and take several times as long to start.
    """
    if (installed := installed_python(version)) is not None:
        return installed
    if version not in SUITES or shutil.which("mmdebstrap") is None:
        return None
    root = cache_dir / "compilers" / f"python{version}"
    if not root.is_dir():
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent) as work:
            tar, made = Path(work) / "root.tar", Path(work) / "root"
            _unpack(SUITES[version], tar, ("python3",))
            with tarfile.open(tar) as packed:
                _extract(packed, made)
            with suppress(OSError):  # another build made it in the meantime
                made.replace(root)
    return _started_from(root, version)


def _started_from(root: Path, version: str) -> Python | None:
    """How to start the Python unpacked under ``root``, with the C library it was built for."""
    for loader in root.glob("usr/lib/*/ld-linux*.so.*"):
        python = (str(loader), "--library-path", str(loader.parent), str(root / f"usr/bin/python{version}"))
        if is_python(python, version):
            return python
    return None


def _unpack(suite: str, tar: Path, packages: tuple[str, ...], *options: str) -> None:
    """What ``dpkg --unpack`` would, without maintainer scripts, which would need an emulator."""
    if shutil.which("mmdebstrap") is None:
        raise BuildError(
            "no image registry can be reached, and mmdebstrap, which makes a base from Debian packages, is missing. "
            "Run: agentcore-lab doctor --fix (or: apt-get install mmdebstrap debian-archive-keyring)"
        )
    command = ["mmdebstrap", "--quiet", "--variant=extract", "--skip=output/dev", *options]
    command += [f"--hook-dir={_HOOK}", f"--include={','.join(packages)}"]
    command += [f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT]
    if suite in _UNRELEASED:
        command += ['--aptopt=Acquire::Check-Valid-Until "false"']
    done = subprocess.run([*command, suite, tar], capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join(done.stderr.strip().splitlines()[-8:])
        mend = "Check the network, and that debian-archive-keyring is installed."
        raise BuildError(f"Debian's packages could not be unpacked. {mend}\n{tail}")


def _finish(tar: Path, version: str, work: Path, python: Python | None) -> None:
    """Add what the packages' maintainer scripts would have made, and the standard library's bytecode."""
    library = f"usr/lib/python{version}"
    wanted = ("usr/share/base-passwd/", "usr/share/libc-bin/", "usr/share/ca-certificates/", f"{library}/")
    root = work / "root"
    with tarfile.open(tar) as packed:
        chosen = [m for m in packed if m.isfile() and m.name.removeprefix("./").startswith(wanted)]
        _extract(packed, root, chosen)
    if python is not None:
        compile_tree(python, root / library, PurePosixPath("/") / library)
    with tarfile.open(tar, "a") as packed:
        for member, content in _made_by_scripts(root, version):
            packed.addfile(anonymous(member), io.BytesIO(content))
        for compiled in sorted((root / library).rglob("*.pyc")):
            packed.add(compiled, arcname=f"./{compiled.relative_to(root)}", filter=anonymous)


def _extract(packed: tarfile.TarFile, into: Path, members: list[tarfile.TarInfo] | None = None) -> None:
    # Set this way because Debian 12's own Python, 3.11.2, has no filters yet and takes no argument for one.
    packed.extraction_filter = getattr(tarfile, "tar_filter", None)
    packed.extractall(into, members=members)  # noqa: S202 - out of packages that Debian signs


def _made_by_scripts(root: Path, version: str) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    share = root / "usr/share"
    certificates = sorted((share / "ca-certificates").rglob("*.crt"))
    files = {
        "etc/passwd": (share / "base-passwd/passwd.master").read_bytes(),
        "etc/group": (share / "base-passwd/group.master").read_bytes(),
        "etc/nsswitch.conf": (share / "libc-bin/nsswitch.conf").read_bytes(),
        "etc/ssl/certs/ca-certificates.crt": b"".join(path.read_bytes() for path in certificates),
    }
    links = {
        "usr/bin/awk": "mawk",
        **{
            f"usr/local/bin/{name}": f"/usr/bin/python{version}"
            for name in ("python", "python3", f"python{version}")
        },
        # Debian's Python looks into dist-packages, python.org's into site-packages: one folder for both.
        f"usr/local/lib/python{version}/dist-packages": "site-packages",
    }
    for name in (f"usr/local/lib/python{version}", f"usr/local/lib/python{version}/site-packages"):
        member = tarfile.TarInfo(f"./{name}")
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        yield member, b""
    for name, content in files.items():
        member = tarfile.TarInfo(f"./{name}")
        member.size = len(content)
        yield member, content
    for name, target in links.items():
        member = tarfile.TarInfo(f"./{name}")
        member.type, member.linkname = tarfile.SYMTYPE, target
        yield member, b""
