"""AWS's create-time checks of a zip, each with AWS's words and a word on the mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentcore_lab.codezip.checks import check
from agentcore_lab.codezip.code import Code, Rejected
from agentcore_lab.codezip.engines import allows
from agentcore_lab.codezip.languages import LANGUAGES
from agentcore_lab.codezip.package import open_package
from agentcore_lab.testing.code import zipped


def elf(machine: int, wide: int = 2) -> bytes:
    """The beginning of a binary for a machine of the ELF specification."""
    return (
        b"\x7fELF" + bytes([wide, 1, 1]) + b"\0" * 9 + b"\x03\0" + machine.to_bytes(2, "little") + b"\0" * 44
    )


X86_64, ARM64 = elf(62), elf(183)
MACH_O = b"\xcf\xfa\xed\xfe" + b"\0" * 60


def refusal(
    tmp_path: Path, files: dict[str, str | bytes], *entry_point: str, **options: object
) -> str | None:
    """Why these files are refused as an agent; None if they are not."""
    language = LANGUAGES[str(options.get("runtime", "PYTHON_3_13"))]
    path = tmp_path / "package.zip"
    path.write_bytes(zipped(files, int(str(options.get("mode", 0o644)))))
    code = Code("sha256:0", language, entry_point or (f"main{language.entry_suffix}",))
    try:
        with open_package(path) as package:
            check(package, code)
    except Rejected as error:
        return str(error)
    return None


def test_code_and_arm64_packages_are_fine(tmp_path: Path) -> None:
    """Linker scripts, sources with odd names and data are no binaries."""
    files: dict[str, str | bytes] = {
        "main.py": "",
        "lib/fast.cpython-313-aarch64-linux-gnu.so": ARM64,
        "lib/libgomp.so.1": ARM64,
        "lib/script.so": "INPUT(libc.so.6)",
        "lib/x86.bin": X86_64,
    }
    assert refusal(tmp_path, files) is None


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("lib/fast.so", X86_64, "for x86_64"),
        ("lib/fast.so", MACH_O, "for macOS"),
        ("lib/fast.so", elf(183, wide=1), "for arm64"),
        ("lib/libfast.so.3.2", elf(40), r"for arm \(32-bit\)"),
    ],
)
def test_binaries_of_other_machines_are_refused(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    """AWS's words, the file, and how to install what was meant."""
    why = refusal(tmp_path, {"main.py": "", name: content})
    assert why is not None
    assert why.startswith("Your artifact contains binary files that are incompatible with Linux ARM64. ")
    assert f"{name} is {kind.replace(chr(92), '')}" in why
    assert "--python-platform aarch64-manylinux2014" in why


def test_add_ons_of_node_are_binaries_of_node_alone(tmp_path: Path) -> None:
    """AWS scans .so for Python, and .so and .node for Node.js."""
    assert refusal(tmp_path, {"main.py": "", "addon.node": X86_64}) is None
    why = refusal(tmp_path, {"main.js": "", "addon.node": X86_64}, runtime="NODE_22")
    assert why is not None
    assert "npm install --cpu=arm64" in why


@pytest.mark.parametrize(
    ("files", "entry_point", "hint"),
    [
        ({"agent.py": ""}, ("main.py",), "which has: agent.py"),
        ({"agent/main.py": ""}, ("main.py",), "'agent/main.py' is: zip what is in the folder"),
        ({"src\\main.py": ""}, ("src/main.py",), "slashes, not backslashes"),
        ({"src/main.py": ""}, ("src\\main.py",), "slashes, not backslashes"),
        ({"main.txt": ""}, ("main.txt",), "does not end in .py"),
        ({"main.py": ""}, ("python", "main.py"), "the first may only be 'opentelemetry-instrument'"),
    ],
)
def test_an_entry_point_must_be_a_file_of_the_language(
    tmp_path: Path, files: dict[str, str | bytes], entry_point: tuple[str, ...], hint: str
) -> None:
    """AWS's words, then what the zip has instead."""
    why = refusal(tmp_path, files, *entry_point)
    assert why is not None
    assert why.startswith("The specified entrypoint could not be found or accessed in your artifact. ")
    assert hint in why


def test_an_entry_point_must_be_readable(tmp_path: Path) -> None:
    """Permissions in the zip are POSIX permissions, and the agent is not the files' owner."""
    why = refusal(tmp_path, {"main.py": ""}, mode=0o600)
    assert why is not None
    assert "could not be found or accessed" in why
    assert "600" in why


def test_an_entry_point_may_lie_deeper(tmp_path: Path) -> None:
    """AWS: "including any subdirectories like src/app.js"."""
    assert refusal(tmp_path, {"src/app.js": ""}, "src/app.js", runtime="NODE_22") is None


def test_the_launcher_of_opentelemetry_must_be_there(tmp_path: Path) -> None:
    """In bin for Python; as AWS's package for Node.js."""
    python = "opentelemetry-instrument", "main.py"
    why = refusal(tmp_path, {"main.py": ""}, *python)
    assert why is not None
    assert why.startswith(
        "OpenTelemetry instrumentation executable not found. The ZIP file requires open-telemetry dependencies, "
        "but none are present. "
    )
    assert refusal(tmp_path, {"main.py": "", "bin/opentelemetry-instrument": ""}, *python) is None
    node = "opentelemetry-instrument", "main.js"
    assert "executable not found" in str(refusal(tmp_path, {"main.js": ""}, *node, runtime="NODE_22"))
    package = "node_modules/@aws/aws-distro-opentelemetry-node-autoinstrumentation/package.json"
    assert refusal(tmp_path, {"main.js": "", package: "{}"}, *node, runtime="NODE_22") is None


def test_engines_that_exclude_node_22_are_refused(tmp_path: Path) -> None:
    """Of the agent itself, and of the dependencies it names."""
    fine = {"engines": {"node": ">=18"}, "dependencies": {"old": "1"}}
    old = {"engines": {"node": ">=14 <18"}}
    files: dict[str, str | bytes] = {"main.js": "", "package.json": json.dumps(fine)}
    assert refusal(tmp_path, files, runtime="NODE_22") is None
    files["node_modules/other/package.json"] = json.dumps(old)
    assert refusal(tmp_path, files, runtime="NODE_22") is None
    files["node_modules/old/package.json"] = json.dumps(old)
    why = refusal(tmp_path, files, runtime="NODE_22")
    assert why is not None
    assert why.startswith(
        "Your artifact contains dependencies with engines.node declarations incompatible with the target "
        "Node.js version. node_modules/old/package.json wants '>=14 <18'"
    )


@pytest.mark.parametrize(
    "wanted",
    [
        "*",
        "",
        ">=18",
        ">= 18.0.0",
        "^22",
        "22",
        "22.x",
        "~22.3",
        "18 || >=20",
        ">=14 <23",
        "20 - 24",
        ">=22.20.0",
        "x",
    ],
)
def test_ranges_with_node_22_in_them(wanted: str) -> None:
    """npm's grammar."""
    assert allows(wanted, 22)


@pytest.mark.parametrize(
    "wanted", ["<18", ">=14 <18", "^18", "18.x || 20.x", "~21.9", ">22", "<22", "14 - 20", "<=21", "=20.1.0"]
)
def test_ranges_without_node_22(wanted: str) -> None:
    """As npm's own ``semver`` judges them: no version 22.x.y satisfies any."""
    assert not allows(wanted, 22)
