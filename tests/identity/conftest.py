"""What the tests of callers and of outbound calls share: an issuer, and an OAuth2 server with a provider."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.identity.issuer import Issuer, running_issuer
from tests.identity.oauth_server import OAuthServer, oauth_server


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer of this test alone."""
    with running_issuer() as running:
        yield running


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    """An OAuth2 server of this test alone."""
    with oauth_server() as running:
        yield running
