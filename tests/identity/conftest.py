"""Fixtures of the tests with tokens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.identity.issuer import Issuer, running_issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer of this test alone."""
    with running_issuer() as running:
        yield running
