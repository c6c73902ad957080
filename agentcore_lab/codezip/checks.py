"""What AgentCore looks at in a zip when a runtime is created or updated.

The first sentence of each message is AWS's (runtime-code-deploy-common-issues); what follows says what to do.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from agentcore_lab.codezip.code import NODE_OTEL, OTEL, Code, Rejected
from agentcore_lab.codezip.engines import allows
from agentcore_lab.codezip.package import Package
from agentcore_lab.json_text import read_json

_READ_BY_OTHERS = 0o004
_SHOWN = 3

# The ELF specification: e_ident and, at 18, e_machine. /usr/include/elf.h: EM_AARCH64.
_ELF, _64_BIT, _LITTLE_ENDIAN, _AARCH64 = b"\x7fELF", 2, 1, 183
_HEADER = 20
_MACHINES = {3: "x86", 40: "arm (32-bit)", 62: "x86_64", 183: "arm64", 243: "RISC-V"}
_MACH_O = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xcf")


def check(package: Package, code: Code) -> None:
    """Hold a package against every rule. Raises Rejected."""
    _entry_point(package, code)
    _launcher(package, code)
    _binaries(package, code)
    if code.language.kind == "node":
        _engines(package, code)


def _entry_point(package: Package, code: Code) -> None:
    words = "The specified entrypoint could not be found or accessed in your artifact."
    suffix = code.language.entry_suffix
    if code.instrumented and code.entry_point[0] != OTEL:
        raise Rejected(
            f"{words} Of two words the first may only be '{OTEL}', not '{code.entry_point[0]}'. "
            f"Name the {suffix} file alone."
        )
    if not code.file.endswith(suffix):
        raise Rejected(f"{words} '{code.file}' does not end in {suffix}, as {code.language.name} needs it.")
    mode = package.mode(code.file.removeprefix("./"))
    if mode is None:
        raise Rejected(f"{words} {_where_else(package, code)}")
    if not mode & _READ_BY_OTHERS:
        raise Rejected(
            f"{words} '{code.file}' has the permissions {mode:o} in the ZIP, which let nobody but its owner read it: "
            "zip files with 644 and folders with 755."
        )


def _where_else(package: Package, code: Code) -> str:
    """What the zip has instead: most often the whole folder was zipped, or the zip was made on Windows."""
    name = code.file.rsplit("/", 1)[-1]
    found = [path for path in package.files if path.replace("\\", "/").rsplit("/", 1)[-1] == name]
    if any("\\" in path for path in [*found, code.file]):
        return f"Paths have slashes, not backslashes: entryPoint is '{code.file}', the ZIP has {found}."
    if found:
        there = ", ".join(map(repr, found[:_SHOWN]))
        return f"'{code.file}' is not in the ZIP, but {there} is: zip what is in the folder, not the folder."
    top = sorted({path.split("/")[0] for path in package.files})
    return f"'{code.file}' is not in the ZIP, which has: {', '.join(top[:10])}."


def _launcher(package: Package, code: Code) -> None:
    if not code.instrumented:
        return
    if code.language.kind == "python":
        there, wanted = package.mode(f"bin/{OTEL}") is not None, f"bin/{OTEL}, of aws-opentelemetry-distro,"
    else:
        folder = f"node_modules/{NODE_OTEL}/"
        there, wanted = any(path.startswith(folder) for path in package.files), folder
    if not there:
        raise Rejected(
            "OpenTelemetry instrumentation executable not found. The ZIP file requires open-telemetry dependencies, "
            f"but none are present. {wanted} is not in the ZIP: add it, or leave '{OTEL}' out of entryPoint."
        )


def _binaries(package: Package, code: Code) -> None:
    wrong = list(_wrong_binaries(package, code))
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        mend = (
            f"uv pip install --python-platform aarch64-manylinux2014 --python-version {code.language.version} "
            "--only-binary=:all: --target"
            if code.language.kind == "python"
            else "npm install --cpu=arm64 --os=linux"
        )
        raise Rejected(
            "Your artifact contains binary files that are incompatible with Linux ARM64. "
            f"{', '.join(wrong[:_SHOWN])}{more}. Install the packages with: {mend}"
        )


def _wrong_binaries(package: Package, code: Code) -> Iterator[str]:
    for path in package.files:
        # A library may carry its version after the suffix: libgomp.so.1.
        name = path.rsplit("/", 1)[-1]
        if name.endswith(code.language.binary_suffixes) or ".so." in name:
            kind = _kind(package.start(path, _HEADER))
            if kind is not None:
                yield f"{path} is {kind}"


def _kind(header: bytes) -> str | None:
    """What a binary is for if that is not ARM64 Linux; None as well for what is no binary, as linker scripts."""
    if header.startswith(_MACH_O):
        return "for macOS"
    if not header.startswith(_ELF) or len(header) < _HEADER:
        return None
    wide, order = header[4], header[5]
    (machine,) = struct.unpack_from("<H" if order == _LITTLE_ENDIAN else ">H", header, 18)
    if (wide, order, machine) == (_64_BIT, _LITTLE_ENDIAN, _AARCH64):
        return None
    return f"for {_MACHINES.get(machine, f'machine {machine}')}"


def _engines(package: Package, code: Code) -> None:
    """The root's package.json and those of the dependencies it names ("common dependencies": chosen here)."""
    root = _json(package, "package.json")
    dependencies = root.get("dependencies")
    names = dependencies if isinstance(dependencies, dict) else {}
    manifests = ["package.json", *(f"node_modules/{name}/package.json" for name in names)]
    for path in manifests:
        engines = _json(package, path).get("engines")
        wanted = engines.get("node") if isinstance(engines, dict) else None
        if isinstance(wanted, str) and not allows(wanted, int(code.language.version)):
            raise Rejected(
                "Your artifact contains dependencies with engines.node declarations incompatible with the target "
                f"Node.js version. {path} wants '{wanted}'; {code.language.name} is {code.language.version}."
            )


def _json(package: Package, path: str) -> dict[str, Any]:
    try:
        value = read_json(package.text(path) or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
