"""The faults: each a promise of AgentCore's that the engine breaks when one place of its code is changed."""

from __future__ import annotations

from tools.faults import lives, locks, owners, roads, talks, times

FAULTS = (*lives.FAULTS, *times.FAULTS, *roads.FAULTS, *talks.FAULTS, *locks.FAULTS, *owners.FAULTS)
