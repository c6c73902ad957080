"""Random lives of runtimes and sessions: at every step what should be and what is agree, and nothing is left."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import initialize, run_state_machine_as_test

from tests.runtime.model.expected import Proof
from tests.runtime.model.runtime_rules import TIMES, RuntimeLives
from tests.runtime.model.session_rules import SessionLives
from tests.runtime.model.world import ScriptedWorld, World


class Lives(RuntimeLives, SessionLives):
    """All that may happen; a life begins with as many runtimes and sessions as there may be."""

    @initialize()
    def everyone(self) -> None:
        """Runtimes are made at once, and then called at once."""
        arns = [self.new_runtime(self.world.artifact(Proof.HEALTHY), TIMES[0]) for _ in range(self.world.runtimes)]
        for arn in arns:
            self.settle(arn)
        self.fill()


def live(world: World, examples: int, steps: int, *, repeatable: bool) -> None:
    """That many lives of that many steps each; the same every time if ``repeatable``."""
    profile = settings(
        deadline=None,
        database=None,
        derandomize=repeatable,
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate],  # a failure tells enough as it is; shrinking it takes minutes
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(cast("type[Lives]", partial(Lives, world)), settings=profile)


def test_model_and_engine_agree(tmp_path: Path) -> None:
    """A few runtimes with a handful of sessions each, in random order but the same every time."""
    with ScriptedWorld(tmp_path, runtimes=3, ids=5) as small:
        live(small, examples=12, steps=30, repeatable=True)
    assert (small.tally.peak_runtimes, small.tally.peak_living) == (3, 15)
