"""Random lives of runtimes and sessions: at every step what should be and what is agree, and nothing is left."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import initialize, run_state_machine_as_test

from agentcore_lab.runtime.endings import Reason
from tests.runtime.model.expected import Proof
from tests.runtime.model.runtime_rules import TIMES, RuntimeLives
from tests.runtime.model.scripted_world import ScriptedWorld
from tests.runtime.model.session_rules import SessionLives
from tests.runtime.model.start_rules import StartLives
from tests.runtime.model.tally import Tally
from tests.runtime.model.world import World


class Lives(RuntimeLives, SessionLives):
    """All that may happen; a life begins with as many runtimes and sessions as there may be."""

    @initialize()
    def everyone(self) -> None:
        """Runtimes are made at once, and then called at once."""
        arns = [
            self.new_runtime(self.world.artifact(Proof.HEALTHY), TIMES[0]) for _ in range(self.world.runtimes)
        ]
        for arn in arns:
            self.settle(arn)
        self.fill()


class ScriptedLives(Lives, StartLives):
    """The same, and starts that are held."""


def live(
    lives: type[Lives], world: Callable[[], World], tally: Tally, *, examples: int, steps: int, number: int
) -> None:
    """That many lives of that many steps each; the same ones every time for the same ``number``."""
    profile = settings(
        deadline=None,
        database=None,
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate],  # a failure tells enough as it is; shrinking it takes minutes
        suppress_health_check=list(HealthCheck),
    )
    seeded = seed(number)(partial(lives, world))
    try:
        run_state_machine_as_test(cast("type[Lives]", seeded), settings=profile)
    except Exception as error:
        error.add_note(f"seed {number}; what went wrong first:\n{tally.failure}")
        raise


def test_model_and_engine_agree(tmp_path: Path) -> None:
    """A few runtimes with a handful of sessions each, in random order but the same every time."""
    tally = Tally()
    small = partial(ScriptedWorld, tmp_path, tally, runtimes=3, ids=4)
    live(ScriptedLives, small, tally, examples=8, steps=30, number=2)
    assert (tally.peak_runtimes, tally.peak_living) == (3, 12)


@pytest.mark.long
def test_model_and_engine_agree_on_two_hundred_sessions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two hundred sessions on twenty runtimes, in another order every time; what happened is printed."""
    tally, number = Tally(), random.randrange(1_000_000)
    large = partial(ScriptedWorld, tmp_path, tally, runtimes=20, ids=10)
    live(ScriptedLives, large, tally, examples=25, steps=100, number=number)
    with capsys.disabled():
        sys.stdout.write(f"\nseed {number}\n{tally}\n")
    assert (tally.peak_runtimes, tally.peak_living) == (20, 200)
    assert set(tally.endings) == set(Reason) - {Reason.SHUTDOWN}
