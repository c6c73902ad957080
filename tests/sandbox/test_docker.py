"""What containers promise beyond what every sandbox does: limits, walls and nothing left behind."""

from __future__ import annotations

import asyncio
import io
import secrets
import socket
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from docker import DockerClient

from agentcore_lab.images.docker_builder import DockerBuilder
from agentcore_lab.sandbox import docker_network
from agentcore_lab.sandbox.base import (
    BackendUnavailable,
    Image,
    ImageNotFound,
    Mount,
    SandboxSpec,
    SandboxStatus,
    UnsupportedArchitecture,
)
from agentcore_lab.sandbox.docker import DockerBackend
from agentcore_lab.sandbox.docker_host import connect
from agentcore_lab.settings import Settings
from tests.sandbox.arena import eventually

pytestmark = pytest.mark.docker

REGISTRY = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
SERVE = 'CMD ["python", "-m", "http.server", "8080"]'


@pytest.fixture(scope="module")
def client() -> Iterator[DockerClient]:
    """The container engine, to look behind the backend."""
    found = connect()
    yield found
    found.close()


@pytest.fixture(scope="module")
def image(client: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Builds a one-instruction image on the lab's Python base and gives its uri."""
    builder = DockerBuilder(Settings.load().cache_dir, client)
    made: dict[str, str] = {}

    def build(instructions: str) -> str:
        if instructions not in made:
            folder = tmp_path_factory.mktemp("image")
            base = "FROM public.ecr.aws/docker/library/python:3.11-slim-bookworm"
            (folder / "Dockerfile").write_text(f"{base}\n{instructions}\n")
            uri = f"{REGISTRY}/test-{secrets.token_hex(4)}:latest"
            made[instructions] = builder.build(folder, uri, on_step=lambda _: None).uri
        return made[instructions]

    yield build
    for uri in made.values():
        client.images.remove(uri, force=True)


@pytest.fixture
def network() -> str:
    """A network of this test alone."""
    return f"agentcore-lab-test-{secrets.token_hex(4)}"


@pytest.fixture
async def backend(network: str) -> AsyncIterator[DockerBackend]:
    """An open backend on a network of its own, with the limits of AgentCore."""
    opened = DockerBackend(f"test-{secrets.token_hex(4)}", network=network)
    await opened.open()
    yield opened
    await clear(opened)


async def clear(backend: DockerBackend) -> None:
    """Stop all a backend owns and close it."""
    for sandbox in await backend.owned():
        await backend.stop(sandbox.id, 0)
    await backend.close()


async def started(backend: DockerBackend, uri: str, ports: Sequence[range] = (), **labels: str) -> str:
    """A new sandbox of the image; its id."""
    image = await backend.resolve(uri)
    spec = SandboxSpec(f"test-{secrets.token_hex(6)}", image, 8080, labels=labels, ports=ports)
    await backend.start(spec)
    return spec.id


def inside(client: DockerClient, sandbox_id: str, *command: str) -> str:
    """What a command prints inside a sandbox."""
    output = client.containers.get(f"agentcore-lab-{sandbox_id}").exec_run(list(command)).output
    assert isinstance(output, bytes)
    return output.decode().strip()


async def test_a_sandbox_is_an_arm64_machine_without_privileges(
    backend: DockerBackend, client: DockerClient, image: Callable[[str], str]
) -> None:
    """Inside it is aarch64; there are no capabilities, no way to more privileges, and an init reaps."""
    sandbox = await started(backend, image(SERVE))

    status = dict(
        line.split(":\t")
        for line in inside(client, sandbox, "cat", "/proc/self/status").splitlines()
        if ":\t" in line
    )
    assert inside(client, sandbox, "uname", "-m") == "aarch64"
    assert {status[name].strip() for name in ("CapPrm", "CapEff", "CapBnd")} == {"0" * 16}
    assert status["NoNewPrivs"].strip() == "1"
    assert "init" in inside(client, sandbox, "cat", "/proc/1/comm")


async def test_pointer_authentication_is_not_emulated(
    backend: DockerBackend, client: DockerClient, image: Callable[[str], str]
) -> None:
    """QEMU is told to leave out what would make Debian 13's programs many times slower."""
    sandbox = await started(backend, image(SERVE))

    assert inside(client, sandbox, "printenv", "QEMU_CPU") == "max,pauth=off"


async def test_a_sandbox_has_agentcores_limits(
    backend: DockerBackend, client: DockerClient, image: Callable[[str], str]
) -> None:
    """2 vCPU and 8 GB (or the machine's, where smaller), no swap, 1024 processes, a log that cannot grow."""
    sandbox = await started(backend, image(SERVE))

    info = client.info()
    config = client.containers.get(f"agentcore-lab-{sandbox}").attrs["HostConfig"]
    assert config["NanoCpus"] == min(2, info["NCPU"]) * 10**9
    assert config["Memory"] == config["MemorySwap"] == min(8 * 1024**3, info["MemTotal"])
    assert config["PidsLimit"] == 1024
    assert config["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}}
    assert config["RestartPolicy"]["Name"] in ("", "no")
    assert not config["Privileged"]


async def test_too_much_memory_ends_the_sandbox_and_is_told(
    network: str, image: Callable[[str], str]
) -> None:
    """An agent that takes more than its limit is killed, and the status says why."""
    hungry = image('CMD ["python", "-c", "x = bytearray(10**9); print(len(x))"]')
    backend = DockerBackend(f"test-{secrets.token_hex(4)}", network=network, memory_gib=0.25)
    await backend.open()
    try:
        sandbox = await started(backend, hungry)

        async def ended() -> SandboxStatus | None:
            status = await backend.status(sandbox)
            return None if status.running else status

        assert await eventually(ended) == SandboxStatus(running=False, exit_code=137, out_of_memory=True)
    finally:
        await clear(backend)


async def test_sandboxes_cannot_reach_each_other_but_the_host(
    backend: DockerBackend, client: DockerClient, image: Callable[[str], str]
) -> None:
    """No way leads from one session to another; host.docker.internal leads to the learner's machine."""
    one, two = await started(backend, image(SERVE)), await started(backend, image(SERVE))
    address = await backend.address(two)
    assert address is not None

    async def serves() -> bool:
        return _accepts(address)

    await eventually(serves)
    with socket.create_server(("0.0.0.0", 0)) as host:
        reach = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2); print('reached')"
        port = str(host.getsockname()[1])
        assert inside(client, one, "python", "-c", reach, "host.docker.internal", port) == "reached"
    neighbour = address.removeprefix("http://").partition(":")[0]
    assert "reached" in inside(client, two, "python", "-c", reach, neighbour, "8080")
    assert "timed out" in inside(client, one, "python", "-c", reach, neighbour, "8080")


async def test_a_published_port_is_reached_on_this_machine_alone(
    network: str, client: DockerClient, image: Callable[[str], str]
) -> None:
    """Where the bridge is out of reach, the agent is at a free port of 127.0.0.1, two sandboxes at two."""
    backend = DockerBackend(f"test-{secrets.token_hex(4)}", network=network, publish=True)
    await backend.open()
    try:
        ports = (range(8081, 8082), range(9000, 12_000))
        sandboxes = [await started(backend, image(SERVE), ports) for _ in range(2)]
        addresses = [str(await backend.address(sandbox)) for sandbox in sandboxes]
        others = {await backend.address(sandboxes[0], port) for port in (8081, 9000, 9030)}
        assert len({*others, *addresses, None}) == 6
        assert (
            await backend.address(sandboxes[0], 9031) is None
        )  # a published port costs a process: 32 are enough

        async def answers() -> bool:
            return all(_accepts(address) for address in addresses)

        await eventually(answers)
        assert len(set(addresses)) == 2
        assert all(address.startswith("http://127.0.0.1:") for address in addresses)
    finally:
        await clear(backend)


async def test_an_image_for_another_processor_is_refused(
    backend: DockerBackend, client: DockerClient
) -> None:
    """An amd64 image is named with its architecture, as AWS does, and never started."""
    uri = f"{REGISTRY}/test-{secrets.token_hex(4)}:latest"
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        text = b"FROM scratch\nLABEL a=b\nCOPY Dockerfile /\n"
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    context.seek(0)
    list(client.api.build(fileobj=context, custom_context=True, platform="linux/amd64", tag=uri, rm=True))
    try:
        with pytest.raises(UnsupportedArchitecture, match="is built for amd64, not for arm64") as refused:
            await backend.resolve(uri)
        assert refused.value.architecture == "amd64"
    finally:
        client.images.remove(uri)


@pytest.mark.parametrize("uri", [f"{REGISTRY}/never-built:latest", "NO IMAGE NAME"])
async def test_a_missing_image_is_not_looked_for_elsewhere(backend: DockerBackend, uri: str) -> None:
    """A name that is not here is not found, at once."""
    with pytest.raises(ImageNotFound, match=uri):
        await backend.resolve(uri)


async def test_any_user_may_write_to_storage_and_a_stop_takes_none_of_it(
    backend: DockerBackend, client: DockerClient, image: Callable[[str], str]
) -> None:
    """An image's own user writes to a new volume; when its container goes, anonymous volumes go and that one stays."""
    mount = Mount("/mnt/workspace", f"test-{secrets.token_hex(6)}", 1_000_000_000)
    found = await backend.resolve(image(f"VOLUME /scratch\nUSER 1000\n{SERVE}"))
    spec = SandboxSpec(f"test-{secrets.token_hex(6)}", found, 8080, mounts=[mount])
    await backend.start(spec)

    assert inside(client, spec.id, "id", "-u") == "1000"
    assert inside(client, spec.id, "sh", "-c", "echo kept > /mnt/workspace/file") == ""
    mounted = client.containers.get(f"agentcore-lab-{spec.id}").attrs["Mounts"]
    names = {each["Destination"]: each["Name"] for each in mounted}
    await backend.stop(spec.id, 0)

    left = {volume.name for volume in client.volumes.list()}
    assert names["/mnt/workspace"] in left
    assert names["/scratch"] not in left
    assert await backend.storages() == [mount.storage_id]
    await backend.remove_storage(mount.storage_id)
    assert await backend.storages() == []


async def test_an_image_removed_since_is_named_at_start(backend: DockerBackend) -> None:
    """A version whose image is gone says so."""
    gone = Image(f"{REGISTRY}/gone:latest", f"sha256:{'0' * 64}", "arm64")

    with pytest.raises(ImageNotFound, match="gone:latest is gone: build it again"):
        await backend.start(SandboxSpec(f"test-{secrets.token_hex(6)}", gone, 8080))


async def test_another_owners_sandbox_is_out_of_reach(
    backend: DockerBackend, network: str, image: Callable[[str], str]
) -> None:
    """Another engine neither sees a sandbox nor its log, and its stop changes nothing."""
    sandbox = await started(backend, image(SERVE))
    other = DockerBackend(f"test-{secrets.token_hex(4)}", network=network)
    await other.open()
    try:
        assert await other.owned() == []
        assert await other.address(sandbox) is None
        assert await other.logs(sandbox, 10) == []
        assert await other.status(sandbox) == SandboxStatus(running=False)
        await other.stop(sandbox, 0)
        assert await backend.status(sandbox) == SandboxStatus(running=True)
    finally:
        await other.close()


async def test_owned_labels_are_those_of_the_spec(
    backend: DockerBackend, image: Callable[[str], str]
) -> None:
    """What the image or the backend labels a container with is not taken for the engine's own."""
    await started(backend, image(f"LABEL maker=somebody\n{SERVE}"), runtime="r-1")

    assert [dict(found.labels) for found in await backend.owned()] == [{"runtime": "r-1"}]


async def test_nothing_is_left(client: DockerClient, network: str, image: Callable[[str], str]) -> None:
    """After stop and close there is no container, no volume and no network of it."""
    backend = DockerBackend(f"test-{secrets.token_hex(4)}", network=network)
    await backend.open()
    sandbox = await started(backend, image(f"VOLUME /data\n{SERVE}"))
    made = {mount["Name"] for mount in client.containers.get(f"agentcore-lab-{sandbox}").attrs["Mounts"]}
    await backend.stop(sandbox, 1)
    await backend.close()

    assert made
    assert not made & {volume.id for volume in client.volumes.list()}
    assert client.containers.list(all=True, filters={"name": sandbox}) == []
    assert client.networks.list(names=[network]) == []
    with pytest.raises(BackendUnavailable):
        await backend.owned()


async def test_a_cancelled_start_leaves_nothing(backend: DockerBackend, image: Callable[[str], str]) -> None:
    """A start that is given up while the engine works on it ends with no container."""
    spec = SandboxSpec(f"test-{secrets.token_hex(6)}", await backend.resolve(image(SERVE)), 8080)
    starting = asyncio.create_task(backend.start(spec))
    await asyncio.sleep(0.05)
    starting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await starting
    assert await backend.owned() == []


async def test_engines_that_each_made_the_network_get_along(
    backend: DockerBackend, network: str, client: DockerClient, image: Callable[[str], str]
) -> None:
    """The container engine allows two networks of a name and then starts nothing on either: one is left."""
    client.networks.create(network, check_duplicate=False)
    sandbox = await started(backend, image(SERVE))
    assert await backend.address(sandbox) is not None
    client.networks.create(network, check_duplicate=False)
    other = DockerBackend(f"test-{secrets.token_hex(4)}", network=network)
    await other.open()
    try:
        assert await other.address(await started(other, image(SERVE))) is not None
    finally:
        await clear(other)
    assert await backend.status(sandbox) == SandboxStatus(running=True)
    assert len(client.networks.list(names=[network])) == 1


async def test_a_network_where_another_engine_listens_for_agents_is_left(
    client: DockerClient, network: str
) -> None:
    """Though no sandbox is on it: made anew it would have another address than the one its agents will ask."""
    one, other = (DockerBackend(f"test-{secrets.token_hex(4)}", network=network) for _ in range(2))
    await one.open()
    await other.open()
    assert one.doorway.listen_on is not None
    with socket.create_server((one.doorway.listen_on, 0)):
        await other.close()
        assert len(client.networks.list(names=[network])) == 1
    await one.close()
    assert client.networks.list(names=[network]) == []


async def test_a_network_that_vanished_is_made_again(
    backend: DockerBackend, client: DockerClient, network: str, image: Callable[[str], str]
) -> None:
    """Another engine that thought itself the last keeps this one from neither starting sandboxes nor hearing them."""
    before = client.networks.get(network).attrs["IPAM"]["Config"]
    client.networks.get(network).remove()

    sandbox = await started(backend, image(SERVE))

    assert await backend.status(sandbox) == SandboxStatus(running=True)
    assert client.networks.get(network).attrs["IPAM"]["Config"] == before
    options = client.networks.get(network).attrs["Options"]
    assert options["com.docker.network.bridge.enable_icc"] == "false"


async def test_networks_that_two_engines_made_again_at_once_get_along(
    backend: DockerBackend,
    client: DockerClient,
    network: str,
    image: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one network vanished and there are two in its place: one thing to mend after the other."""
    ensure = docker_network.ensure

    def with_another(*arguments: Any) -> None:
        ensure(*arguments)
        client.networks.create(network, check_duplicate=False)

    monkeypatch.setattr(docker_network, "ensure", with_another)
    client.networks.get(network).remove()

    assert await backend.status(await started(backend, image(SERVE))) == SandboxStatus(running=True)
    assert len(client.networks.list(names=[network])) == 1


def _accepts(address: str) -> bool:
    host, _, port = address.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True
