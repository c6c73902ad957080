"""What the tests of outbound calls share: an OAuth2 server, and a provider of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.identity.oauth_server import OAuthServer, oauth_server


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    """An OAuth2 server of this test alone."""
    with oauth_server() as running:
        yield running
