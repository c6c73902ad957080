"""What may happen to runtimes and endpoints."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.runtime.model.expected import (
    CONFLICT,
    DEFAULT,
    NOT_FOUND,
    Artifact,
    ExpectedRuntime,
    Proof,
    Times,
)
from tests.runtime.model.lives import LivesSoFar
from tests.runtime.test_control_plane import create, update
from tests.runtime.test_endpoints import move, new_endpoint

TIMES = (Times(900, 28_800), Times(120, 28_800), Times(900, 3_600), Times(600, 600))
NAMES = ("blue", "green", "red")
HELD_AT_ONCE = 3
"""The engine runs four proofs side by side: one is left for whoever need not wait."""


class RuntimeLives(LivesSoFar):
    @precondition(lambda self: len(self.runtimes) < self.world.runtimes)
    @rule(data=st.data())
    def create_runtime(self, data: st.DataObject) -> None:
        self.did("create")
        arn = self.new_runtime(self.some_artifact(data), data.draw(st.sampled_from(TIMES)))
        self.settle(arn)

    def new_runtime(self, artifact: Artifact, times: Times) -> str:
        name = f"agent_{next(self.world.numbers)}"
        made = create(self.world.aws, name, artifact.uri, **_more(artifact, times))
        runtime = ExpectedRuntime(made["agentRuntimeId"])
        runtime.add_version(artifact, times)
        self.runtimes[made["agentRuntimeArn"]] = runtime
        self.world.tally.runtimes += 1
        return str(made["agentRuntimeArn"])

    @precondition(lambda self: self.runtimes)
    @rule(data=st.data())
    def update_runtime(self, data: st.DataObject) -> None:
        arn = self.some_runtime(data)
        runtime, artifact, times = (
            self.runtimes[arn],
            self.some_artifact(data),
            data.draw(st.sampled_from(TIMES)),
        )
        self.did(f"update ({artifact.proof})")
        more = _more(artifact, times)
        if self.attempt(
            lambda: update(self.world.aws, runtime.id, artifact.uri, **more), runtime.refuses_change()
        ):
            runtime.add_version(artifact, times)
            self.settle(arn)

    @precondition(lambda self: len(self.runtimes) > 1)
    @rule(data=st.data())
    def delete_runtime(self, data: st.DataObject) -> None:
        self.did("delete")
        arn = self.some_runtime(data)
        runtime = self.runtimes[arn]
        delete = self.world.aws.control.delete_agent_runtime
        if self.attempt(lambda: delete(agentRuntimeId=runtime.id), runtime.refuses_change()):
            del self.runtimes[arn]
            for key in [key for key in self.living if key[0] == arn]:
                self.end(key, "runtime deleted")

    @precondition(lambda self: self.runtimes)
    @rule(data=st.data())
    def delete_version(self, data: st.DataObject) -> None:
        self.did("delete version")
        arn = self.some_runtime(data)
        runtime, number = self.runtimes[arn], self.some_version(data, arn)
        in_use = CONFLICT if runtime.in_use(number) else None
        delete = self.world.aws.control.delete_agent_runtime
        if self.attempt(
            lambda: delete(agentRuntimeId=runtime.id, agentRuntimeVersion=str(number)),
            runtime.refuses_change() or in_use,
        ):
            del runtime.versions[number]
            self.touched.add(arn)

    @precondition(lambda self: self.runtimes)
    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def create_endpoint(self, data: st.DataObject, name: str) -> None:
        self.did("create endpoint")
        arn = self.some_runtime(data)
        runtime, number = self.runtimes[arn], self.some_version(data, arn)
        if self.attempt(
            lambda: new_endpoint(self.world.aws, runtime.id, name, agentRuntimeVersion=str(number)),
            runtime.refuses_new_endpoint(name),
        ):
            runtime.aim(name, number)
            self.settle(arn)

    @precondition(lambda self: self.runtimes)
    @rule(data=st.data(), unknown=st.integers(0, 9))
    def move_endpoint(self, data: st.DataObject, unknown: int) -> None:
        """To any version there is; an endpoint given a failed one has it proved anew, which may go otherwise."""
        self.did("move endpoint")
        arn = self.some_runtime(data)
        runtime, name = self.runtimes[arn], self.some_endpoint(data, arn)
        number = self.some_version(data, arn) if unknown else runtime.latest + 1
        refused = runtime.refuses_endpoint_change(name) or (None if unknown else NOT_FOUND)
        version = runtime.versions.get(number)
        if not refused and version and version.status.endswith("FAILED") and number not in runtime.proving:
            version.artifact = self.judged_anew(data, version.artifact)
        if self.attempt(lambda: move(self.world.aws, runtime.id, str(number), name), refused):
            runtime.aim(name, number)
            self.settle(arn)

    @precondition(lambda self: self.runtimes)
    @rule(data=st.data())
    def move_endpoint_and_back(self, data: st.DataObject) -> None:
        self.did("move endpoint and back")
        arn = self.some_runtime(data)
        runtime, name = self.runtimes[arn], self.some_endpoint(data, arn)
        if runtime.refuses_endpoint_change(name) or (back := runtime.endpoints[name].live) is None:
            return
        there = data.draw(st.sampled_from(_serving(runtime)))
        for number in (there, back):
            move(self.world.aws, runtime.id, str(number), name)
            runtime.aim(name, number)
            self.settle(arn)

    @precondition(lambda self: self.runtimes)
    @rule(data=st.data())
    def delete_endpoint(self, data: st.DataObject) -> None:
        self.did("delete endpoint")
        arn = self.some_runtime(data)
        runtime, name = self.runtimes[arn], self.some_endpoint(data, arn)
        delete = self.world.aws.control.delete_agent_runtime_endpoint
        refused = runtime.refuses_endpoint_change(name)
        if self.attempt(lambda: delete(agentRuntimeId=runtime.id, endpointName=name), refused):
            del runtime.endpoints[name]
            self.settle(arn)

    @precondition(lambda self: any(each.proving for each in self.runtimes.values()))
    @rule(data=st.data(), healthy=st.booleans())
    def end_a_proof(self, data: st.DataObject, healthy: bool) -> None:
        self.did("end a held proof")
        arn = data.draw(st.sampled_from([arn for arn, each in self.runtimes.items() if each.proving]))
        number = data.draw(st.sampled_from(sorted(self.runtimes[arn].proving)))
        version = self.runtimes[arn].versions[number]
        version.artifact = self.world.judge(version.artifact, Proof.HEALTHY if healthy else Proof.BROKEN)
        self.judged(arn, number)

    def some_proof(self, data: st.DataObject) -> Proof:
        held = sum(len(each.proving) for each in self.runtimes.values())
        return data.draw(
            st.sampled_from([p for p in self.world.proofs if p is not Proof.HELD or held < HELD_AT_ONCE])
        )

    def some_artifact(self, data: st.DataObject) -> Artifact:
        return self.world.artifact(self.some_proof(data))

    def judged_anew(self, data: st.DataObject, artifact: Artifact) -> Artifact:
        return self.world.judge(artifact, self.some_proof(data))

    def some_version(self, data: st.DataObject, arn: str) -> int:
        return data.draw(st.sampled_from(sorted(self.runtimes[arn].versions)))

    def some_endpoint(self, data: st.DataObject, arn: str) -> str:
        """One there is, or could be."""
        return data.draw(st.sampled_from(sorted({DEFAULT, *self.runtimes[arn].endpoints, NAMES[0]})))


def _more(artifact: Artifact, times: Times) -> dict[str, Any]:
    return {
        "lifecycleConfiguration": times.configuration(),
        "environmentVariables": dict(artifact.environment),
    }


def _serving(runtime: ExpectedRuntime) -> list[int]:
    return sorted(number for number, each in runtime.versions.items() if each.status == "READY")
