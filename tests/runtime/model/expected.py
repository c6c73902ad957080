"""What should be: runtimes, endpoints and sessions as the model knows them, and the few rules that change them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

DEFAULT = "DEFAULT"
Refusal = tuple[str, int]
"""An error's code and HTTP status."""

CONFLICT: Refusal = ("ConflictException", 409)
NOT_FOUND: Refusal = ("ResourceNotFoundException", 404)
RETRY: Refusal = ("RetryableConflictException", 409)
FAILED: Refusal = ("RuntimeClientError", 424)


class Proof(StrEnum):
    """What becomes of a version when it is proved: HELD keeps whoever waits for it waiting."""

    HEALTHY = "healthy"
    BROKEN = "broken"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Artifact:
    """An image, the environment its agent gets, and how the agent behaves."""

    uri: str
    proof: Proof
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Times:
    """lifecycleConfiguration, in seconds."""

    idle: int
    lifetime: int

    def configuration(self) -> dict[str, int]:
        return {"idleRuntimeSessionTimeout": self.idle, "maxLifetime": self.lifetime}


@dataclass(slots=True)
class ExpectedSession:
    """A living session. ``endpoints`` are those it may have started through: calls at once may race for that.

    ``calls`` are being answered; while it is ``starting`` they wait, and count for nothing yet.
    """

    version: int
    endpoints: frozenset[str]
    times: Times
    created_at: datetime
    last_activity: datetime
    busy: bool = False
    calls: int = 0
    starting: bool = False

    @property
    def state(self) -> str:
        if self.starting:
            return "Provisioning"
        return "Active" if self.busy or self.calls else "Idle"

    def ends(self) -> tuple[datetime, str]:
        """When time will end it, and why."""
        lifetime_ends = self.created_at + timedelta(seconds=self.times.lifetime)
        idle_ends = self.last_activity + timedelta(seconds=self.times.idle)
        if self.state == "Idle" and idle_ends < lifetime_ends:
            return idle_ends, "idle"
        return lifetime_ends, "maximum lifetime"

    def ends_by(self, now: datetime) -> str | None:
        """Why time has ended it by ``now``, if it has."""
        moment, reason = self.ends()
        return reason if moment <= now else None


@dataclass(slots=True)
class ExpectedVersion:
    number: int
    status: str
    artifact: Artifact
    times: Times


@dataclass(slots=True)
class ExpectedEndpoint:
    target: int
    live: int | None = None
    status: str = ""

    @property
    def moving(self) -> bool:
        return self.status.endswith("ING")

    def aim(self, number: int) -> None:
        self.target = number
        self.status = "CREATING" if self.live is None else "UPDATING"

    def arrive(self, healthy: bool) -> None:
        if healthy:
            self.live, self.status = self.target, "READY"
        else:
            self.status = "CREATE_FAILED" if self.live is None else "UPDATE_FAILED"

    def refuses(self) -> Refusal | None:
        """What a call through it is refused with; None if a version serves."""
        if self.live is not None:
            return None
        if self.status == "CREATING":
            return RETRY
        return FAILED


@dataclass(slots=True)
class ExpectedRuntime:
    """A runtime. ``proving`` are the versions whose proof is held."""

    id: str
    status: str = ""
    latest: int = 0
    versions: dict[int, ExpectedVersion] = field(default_factory=dict)
    endpoints: dict[str, ExpectedEndpoint] = field(default_factory=dict)
    proving: set[int] = field(default_factory=set)

    @property
    def moving(self) -> bool:
        return self.status.endswith("ING")

    def add_version(self, artifact: Artifact, times: Times) -> None:
        """CreateAgentRuntime or UpdateAgentRuntime: one more version, which DEFAULT follows."""
        self.latest += 1
        self.status = "CREATING" if self.latest == 1 else "UPDATING"
        self.versions[self.latest] = ExpectedVersion(self.latest, self.status, artifact, times)
        self.aim(DEFAULT, self.latest)

    def aim(self, name: str, number: int) -> None:
        """CreateAgentRuntimeEndpoint or UpdateAgentRuntimeEndpoint, and what becomes of it unless it is held."""
        endpoint = self.endpoints.setdefault(name, ExpectedEndpoint(number))
        endpoint.aim(number)
        version = self.versions[number]
        if version.status == "READY":
            endpoint.arrive(healthy=True)
        elif version.artifact.proof is Proof.HELD:
            self.proving.add(number)
        else:
            self.judge(number)

    def judge(self, number: int) -> None:
        """The proof of a version comes to its end, for all that wait for it."""
        version = self.versions[number]
        healthy = version.artifact.proof is Proof.HEALTHY
        version.status = "READY" if healthy else "CREATE_FAILED" if number == 1 else "UPDATE_FAILED"
        self.proving.discard(number)
        for endpoint in self.endpoints.values():
            if endpoint.moving and endpoint.target == number:
                endpoint.arrive(healthy)
        if self.moving and number == self.latest:
            self.status = version.status

    def serving(self) -> list[str]:
        """The endpoints through which calls are answered."""
        return sorted(name for name, each in self.endpoints.items() if each.live is not None)

    def in_use(self, number: int) -> bool:
        """Whether an endpoint points, or moves, at the version."""
        return any(number in {each.live, each.target} for each in self.endpoints.values())

    def refuses_call(self, qualifier: str) -> Refusal | None:
        endpoint = self.endpoints.get(qualifier)
        return NOT_FOUND if endpoint is None else endpoint.refuses()

    def refuses_change(self) -> Refusal | None:
        return CONFLICT if self.moving else None

    def refuses_new_endpoint(self, name: str) -> Refusal | None:
        return CONFLICT if self.status == "CREATING" or name in self.endpoints else None

    def refuses_endpoint_change(self, name: str) -> Refusal | None:
        if self.status == "CREATING":
            return CONFLICT
        if name not in self.endpoints:
            return NOT_FOUND
        return CONFLICT if name == DEFAULT or self.endpoints[name].moving else None
