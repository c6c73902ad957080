"""The doctor: finds what the lab needs on this machine and mends what is missing."""

from __future__ import annotations

from agentcore_lab.doctor.machine import Command, Machine, Result, ThisMachine
from agentcore_lab.doctor.run import Outcome, Purpose, Report, Voice, examine

__all__ = [
    "Command",
    "Machine",
    "Outcome",
    "Purpose",
    "Report",
    "Result",
    "ThisMachine",
    "Voice",
    "examine",
]
