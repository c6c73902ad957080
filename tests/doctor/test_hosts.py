"""What the doctor does on each kind of machine a learner may bring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentcore_lab.doctor import Report, examine, tools
from agentcore_lab.sandbox.docker_host import Engine
from tests.doctor.scripted import (
    BINFMT,
    DEBIAN,
    FEDORA,
    FORMAT,
    KERNEL,
    LOCAL_ENGINE,
    REGISTERED,
    UBUNTU,
    Listener,
    ScriptedMachine,
    fail,
    fresh_debian,
    install,
    nothing,
)

APT = "env DEBIAN_FRONTEND=noninteractive apt-get"
INSTALL = f"{APT} install -y --no-install-recommends"


def treat(machine: ScriptedMachine, voice: Listener | None = None, **options: Any) -> Report:
    """Examine with --fix unless ``options`` say otherwise."""
    arguments: dict[str, Any] = {"sandbox": "auto", "purpose": "lab", "fix": True, **options}
    return examine(machine, voice or Listener(), data_dir=Path("/data"), **arguments)


def test_fresh_debian_root_gets_everything_in_order() -> None:
    """Root on a bare Debian: each package set is installed, the daemon started, the format registered, once."""
    machine, voice = fresh_debian(), Listener()
    report = treat(machine, voice)
    assert machine.mended_with == [
        f"{APT} update",
        f"{INSTALL} docker.io iptables",
        "service docker start",
        f"{INSTALL} qemu-user-static binfmt-support",
        f"mount -t binfmt_misc binfmt_misc {BINFMT}",
        f"sh -c 'cat {FORMAT} >{BINFMT}/register'",
        f"{INSTALL} mmdebstrap arch-test debian-archive-keyring",
    ]
    assert voice.shown == machine.mended_with
    assert voice.states == {
        "Python": "ok",
        "uv": "ok",
        "Starter toolkit": "ok",
        "Docker Engine": "fixed",
        "Docker running": "fixed",
        "ARM64": "fixed",
        "Image tools": "fixed",
    }
    assert report.sandbox == "docker"


def test_without_fix_nothing_is_touched() -> None:
    """A plain look runs no command that changes anything, and names the commands that would."""
    machine, voice = fresh_debian(), Listener()
    report = treat(machine, voice, fix=False)
    assert machine.mended_with == []
    assert voice.outcomes["Docker Engine"].mend == (f"{APT} update", f"{INSTALL} docker.io iptables")
    assert report.sandbox == "process"


def test_client_alone_is_no_engine() -> None:
    """A docker client without a daemon is told apart from an engine."""
    voice = Listener()
    treat(fresh_debian(), voice, fix=False)
    assert voice.outcomes["Docker Engine"].detail == "only the docker client is installed, no daemon"


def test_dockerd_by_hand_when_the_service_does_not_come_up() -> None:
    """Where the init script does not bring the daemon up in time, dockerd is started by itself, with a log."""
    machine, voice = fresh_debian(), Listener()
    machine.effects["service docker start"] = nothing
    report = treat(machine, voice)
    assert "dockerd >/data/dockerd.log 2>&1 &" in machine.ran
    assert machine.waited >= 40
    assert report.sandbox == "docker"


def test_systemd_starts_the_daemon() -> None:
    """Where systemd runs, it is asked; the init script and a daemon by hand are left alone."""
    machine = fresh_debian()
    machine.files["/run/systemd/system"] = ""
    treat(machine)
    assert "systemctl start docker" in machine.ran
    assert not any(line.startswith(("service", "dockerd")) for line in machine.ran)


def test_a_daemon_that_dies_says_why() -> None:
    """When the started daemon fails, its own last word is the finding."""
    machine, voice = fresh_debian(), Listener()
    machine.files["/data/dockerd.log"] = "time=1 level=info\nfailed to start daemon: no iptables\n"
    for start in ("service docker start", "dockerd >"):
        machine.effects[start] = nothing
    report = treat(machine, voice)
    assert voice.outcomes["Docker running"].detail == "failed to start daemon: no iptables"
    assert report.sandbox == "process"


def test_debian_without_root_uses_the_process_sandbox() -> None:
    """Neither root nor sudo: nothing is tried, the reason is said, and the lab runs on processes."""
    machine, voice = fresh_debian(root=False), Listener()
    report = treat(machine, voice)
    assert machine.mended_with == []
    assert voice.asked == []
    assert voice.said == [
        "Nothing can be installed here: this user is not root and has no sudo without a password."
    ]
    assert voice.outcomes["Docker Engine"].mend[0] == f"sudo {APT} update"
    assert report.sandbox == "process"


def test_sudo_that_wants_a_password_counts_as_none() -> None:
    """sudo is used only when it asks nothing."""
    machine = fresh_debian(root=False)
    machine.programs.add("sudo")
    machine.effects["sudo -n true"] = fail("sudo: a password is required", code=1)
    treat(machine)
    assert machine.mended_with == []


def test_ubuntu_with_sudo_runs_everything_through_it() -> None:
    """Passwordless sudo on Ubuntu: every mending command goes through it, Debian's keys included."""
    machine = fresh_debian(UBUNTU, root=False)
    machine.programs.add("sudo")
    report = treat(machine)
    assert machine.mended_with
    assert all(line.startswith("sudo -n ") for line in machine.mended_with)
    assert f"sudo -n {INSTALL} mmdebstrap arch-test debian-archive-keyring" in machine.mended_with
    assert report.sandbox == "docker"


def test_dockers_own_packages_are_left_alone() -> None:
    """Where an engine answers already, docker.io is not installed over it."""
    machine = fresh_debian(UBUNTU)
    machine.engine = LOCAL_ENGINE
    treat(machine)
    assert not any("docker.io" in line for line in machine.ran)


def test_a_user_outside_the_docker_group_is_told() -> None:
    """An engine that refuses this user is not installed again: the way into its group is shown."""
    machine, voice = fresh_debian(root=False), Listener()
    machine.refusal = "Permission denied"
    treat(machine, voice)
    assert voice.outcomes["Docker Engine"].state == "ok"
    assert voice.outcomes["Docker running"].mend == ('sudo usermod -aG docker "$USER", then log in again',)


def test_debian_13_gets_the_format_from_its_own_package() -> None:
    """Since Debian 13 qemu-user-static does not bring the binary format: qemu-user-binfmt does."""
    machine = fresh_debian()
    machine.engine = LOCAL_ENGINE
    del machine.effects["apt-get install -y --no-install-recommends qemu"]
    machine.effects[f"{INSTALL} qemu-user-binfmt"] = install(files={FORMAT: "", BINFMT + "/register": ""})
    report = treat(machine)
    assert f"{INSTALL} qemu-user-binfmt" in machine.ran
    assert report.sandbox == "docker"


def test_a_format_without_flag_f_is_registered_anew() -> None:
    """Without flag F the emulator is looked up inside the container, where it is not."""
    machine = fresh_debian()
    machine.engine = LOCAL_ENGINE
    machine.files |= {
        FORMAT: "",
        f"{BINFMT}/register": "",
        f"{BINFMT}/qemu-aarch64": REGISTERED.replace("POF", "P"),
    }
    treat(machine)
    assert machine.ran.index(f"sh -c 'echo -1 >{BINFMT}/qemu-aarch64'") < machine.ran.index(
        f"sh -c 'cat {FORMAT} >{BINFMT}/register'"
    )


@pytest.mark.parametrize("name", ["Docker Desktop", "Ubuntu 24.04 (Colima)", "Podman"])
def test_macos_uses_the_engine_that_is_there(name: str) -> None:
    """On a Mac the engine's virtual machine runs ARM64 itself, and base images come from the registry."""
    machine = ScriptedMachine(
        kernel=("Darwin", "x86_64"),
        root=False,
        engine=Engine("unix:///Users/ada/.docker/run/docker.sock", name, "28.0", "x86_64", "6.10-vm"),
    )
    voice = Listener()
    report = treat(machine, voice)
    assert machine.mended_with == []
    assert set(voice.states.values()) == {"ok"}
    assert report.sandbox == "docker"


def test_macos_starts_docker_desktop_that_sleeps() -> None:
    """Docker Desktop that is installed but not running is opened, and given time to boot."""
    machine = ScriptedMachine(kernel=("Darwin", "arm64"), root=False, files={"/Applications/Docker.app": ""})
    desktop = Engine("unix:///Users/ada/.docker/run/docker.sock", "Docker Desktop", "28", "aarch64", "6")

    def boot(machine: ScriptedMachine) -> None:
        machine.engine = desktop

    machine.effects["open -a Docker"] = boot
    report = treat(machine)
    assert machine.mended_with == ["open -a Docker"]
    assert report.sandbox == "docker"


def test_podman_on_fedora_is_an_engine() -> None:
    """Podman's socket is turned on for the user, without root."""
    machine = ScriptedMachine(
        files={
            "/etc/os-release": FEDORA,
            "/run/systemd/system": "",
            "/proc/sys/kernel/osrelease": KERNEL,
            f"{BINFMT}/qemu-aarch64": REGISTERED,
        },
        programs={"podman"},
        root=False,
    )

    def listen(machine: ScriptedMachine) -> None:
        machine.engine = Engine("unix:///run/user/1000/podman/podman.sock", "Podman", "5.4", "x86_64", KERNEL)

    machine.effects["systemctl --user enable --now podman.socket"] = listen
    report = treat(machine)
    assert machine.mended_with == ["systemctl --user enable --now podman.socket"]
    assert report.sandbox == "docker"


def test_binder_runs_on_processes_and_docker_alone_does_not() -> None:
    """No engine and no way to one: auto falls back to processes, --sandbox docker cannot be had."""
    for sandbox, got in (("auto", "process"), ("process", "process"), ("docker", None)):
        report = treat(fresh_debian(DEBIAN, root=False), sandbox=sandbox)
        assert report.sandbox == got


def test_the_process_sandbox_needs_no_engine() -> None:
    """With --sandbox process the machine is not asked about containers at all."""
    machine, voice = fresh_debian(), Listener()
    report = treat(machine, voice, sandbox="process")
    assert set(voice.states) == {"Python", "uv", "Starter toolkit"}
    assert not report.serves("docker")
    assert machine.mended_with == []


def test_no_means_no() -> None:
    """A person who says no is not asked again, nothing runs, and what is missing is told."""
    machine, voice = fresh_debian(), Listener(answer=False)
    report = treat(machine, voice)
    assert voice.asked == ["Docker Engine"]
    assert machine.mended_with == []
    assert [name for name, state in voice.states.items() if state == "missing"] == [
        "Docker Engine",
        "Docker running",
        "ARM64",
        "Image tools",
    ]
    assert report.sandbox == "process"


def test_an_unreachable_apt_ends_with_its_last_lines() -> None:
    """When packages cannot be had, apt's words are handed on, it is updated once, and the report stands."""
    machine, voice = fresh_debian(), Listener()
    machine.effects = {
        "apt-get update": fail("Err:1 bookworm InRelease", "E: Failed to fetch"),
        "apt-get install": fail("E: Unable to locate package"),
    }
    report = treat(machine, voice)
    assert voice.failures[0].tail[-1] == "E: Failed to fetch"
    assert machine.ran.count(f"{APT} update") == 1
    assert report.sandbox == "process"


@pytest.mark.parametrize(
    ("release", "command"),
    [(DEBIAN, f"{INSTALL} chromium"), (UBUNTU, "-m playwright install --with-deps chromium")],
)
def test_the_tests_get_a_browser(release: str, command: str) -> None:
    """Debian's chromium is a package; on Ubuntu it is a snap, so Playwright brings its own."""
    machine = fresh_debian(release)
    treat(machine, purpose="test")
    assert any(line.endswith(command) for line in machine.mended_with)


def test_a_missing_browser_does_not_stop_the_lab() -> None:
    """The browser serves the tests alone."""
    machine = fresh_debian()
    machine.effects["apt-get install -y --no-install-recommends chromium"] = fail("E: gone")
    report = treat(machine, purpose="test")
    assert report.sandbox == "docker"
    assert not report.serves("browser")


def test_playwrights_own_browser_counts() -> None:
    """A browser that Playwright downloaded earlier is found where Playwright would put it."""
    machine, voice = fresh_debian(UBUNTU), Listener()
    place = "/home/ada/.cache/ms-playwright/chromium-1255"
    machine.files[place] = ""
    machine.effects["playwright install --dry-run"] = fail(f"Install location:    {place}", code=0)
    treat(machine, voice, purpose="test", fix=False)
    assert voice.outcomes["Chromium"].detail == place


def test_a_broken_uv_stops_every_sandbox() -> None:
    """Without uv no agent's requirements can be resolved: the main job cannot run, docker or not."""
    machine = fresh_debian()
    machine.engine = LOCAL_ENGINE
    machine.effects["-m uv --version"] = fail("No module named uv", code=1)
    assert treat(machine).sandbox is None


@pytest.mark.parametrize(
    ("have", "told"),
    [
        (set(), "direct-code mode needs uv and zip on the PATH"),
        ({"zip"}, "direct-code mode needs uv on the PATH"),
        ({"zip", "uv"}, "uv and zip are there"),
    ],
)
def test_the_doctor_tells_what_the_starter_toolkit_wants(have: set[str], told: str) -> None:
    """Nothing in container mode, two programs in direct-code mode; the lab itself needs neither on the PATH."""
    finding = tools.toolkit(ScriptedMachine(programs=have)).look()
    assert finding.ok
    assert told in finding.detail
