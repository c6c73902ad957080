"""Whether an engine can run ARM64, from what it says of itself and what the kernel knows; and its size."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from agentcore_lab.sandbox import docker_engine, docker_probe
from agentcore_lab.sandbox.base import BackendUnavailable
from agentcore_lab.sandbox.docker import DockerBackend
from agentcore_lab.sandbox.docker_container import Limits, limits_on
from agentcore_lab.sandbox.docker_host import EngineUnreachable
from agentcore_lab.sandbox.docker_probe import docker_unavailable, shares_kernel, why_no_arm64

X86: dict[str, Any] = {"OSType": "linux", "Architecture": "x86_64", "KernelVersion": "6.1.0"}
REGISTERED = "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POF\noffset 0\n"


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """A kernel of version 6.1.0."""
    path = tmp_path / "osrelease"
    path.write_text("6.1.0\n")
    return path


@pytest.mark.parametrize(
    ("info", "handler", "reason"),
    [
        (X86, REGISTERED, None),
        ({**X86, "Architecture": "aarch64"}, None, None),
        (
            X86,
            None,
            "runs on x86_64, and no QEMU handler for ARM64 is registered: run agentcore-lab doctor --fix",
        ),
        (X86, REGISTERED.replace("POF", "PO"), "no QEMU handler"),
        (X86, REGISTERED.replace("enabled", "disabled"), "no QEMU handler"),
        ({**X86, "KernelVersion": "6.10-linuxkit"}, None, None),
        ({**X86, "OSType": "windows"}, REGISTERED, "switch it to Linux containers"),
    ],
    ids=[
        "qemu",
        "native",
        "no qemu",
        "qemu outside containers only",
        "qemu off",
        "virtual machine",
        "windows",
    ],
)
def test_what_keeps_arm64_from_running(
    tmp_path: Path, kernel: Path, info: dict[str, Any], handler: str | None, reason: str | None
) -> None:
    """ARM64 runs natively, under a handler that works in containers, or where the engine has a machine of its own."""
    binfmt = tmp_path / "qemu-aarch64"
    if handler is not None:
        binfmt.write_text(handler)

    found = why_no_arm64(info, binfmt=binfmt, kernel=kernel)

    assert found is None if reason is None else reason in (found or "")


def test_a_kernel_that_cannot_be_read_is_not_the_engines(tmp_path: Path) -> None:
    """On macOS and Windows there is no such file, and containers run in a virtual machine."""
    assert not shares_kernel(X86, kernel=tmp_path / "none")


def test_a_smaller_machine_scales_a_sandbox_down_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """One warning names what was asked and what there is; a large enough machine gives what was asked."""
    with caplog.at_level(logging.WARNING):
        assert limits_on({"NCPU": 8, "MemTotal": 32 * 1024**3}, 2, 8) == Limits(2, 8 * 1024**3)
        assert caplog.messages == []
        assert limits_on({"NCPU": 1, "MemTotal": 4 * 1024**3}, 2, 8) == Limits(1, 4 * 1024**3)

    assert caplog.messages == [
        "this machine is smaller than an AgentCore session (2 vCPU, 8 GB): sandboxes get 1 vCPU, 4.0 GB"
    ]


async def test_no_engine_is_told_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an engine the probe and the backend name what was tried and the command that would help."""

    def refuse(*args: object, **options: object) -> None:
        raise EngineUnreachable((("unix:///var/run/docker.sock", "No such file or directory"),))

    monkeypatch.setattr(docker_probe, "connect", refuse)
    monkeypatch.setattr(docker_engine, "connect", refuse)
    reason = (
        "no container engine answers (unix:///var/run/docker.sock: No such file or directory): "
        "run agentcore-lab doctor --fix"
    )

    assert docker_unavailable() == reason
    with pytest.raises(BackendUnavailable) as refused:
        await DockerBackend("someone").open()
    assert str(refused.value) == reason
