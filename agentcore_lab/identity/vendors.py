"""The vendors of OAuth2 credential providers and their endpoints (AWS: identity-idps; the vendors' own pages)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CUSTOM = "CustomOauth2"
MICROSOFT = "MicrosoftOauth2"
CUSTOM_MEMBER = "customOauth2ProviderConfig"
INCLUDED_MEMBER = "includedOauth2ProviderConfig"

_OWN_MEMBER = {
    CUSTOM: CUSTOM_MEMBER,
    "GoogleOauth2": "googleOauth2ProviderConfig",
    "GithubOauth2": "githubOauth2ProviderConfig",
    "SlackOauth2": "slackOauth2ProviderConfig",
    "SalesforceOauth2": "salesforceOauth2ProviderConfig",
    MICROSOFT: "microsoftOauth2ProviderConfig",
    "AtlassianOauth2": "atlassianOauth2ProviderConfig",
    "LinkedinOauth2": "linkedinOauth2ProviderConfig",
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a vendor's authorization server is."""

    issuer: str
    authorization: str
    token: str


KNOWN: Mapping[str, Endpoints] = {
    "GoogleOauth2": Endpoints(
        "https://accounts.google.com",
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
    ),
    "GithubOauth2": Endpoints(
        "https://github.com",
        "https://github.com/login/oauth/authorize",
        "https://github.com/login/oauth/access_token",
    ),
    "SlackOauth2": Endpoints(
        "https://slack.com",
        "https://slack.com/oauth/v2/authorize",
        "https://slack.com/api/oauth.v2.access",
    ),
    "SalesforceOauth2": Endpoints(
        "https://login.salesforce.com",
        "https://login.salesforce.com/services/oauth2/authorize",
        "https://login.salesforce.com/services/oauth2/token",
    ),
    "AtlassianOauth2": Endpoints(
        "https://auth.atlassian.com",
        "https://auth.atlassian.com/authorize",
        "https://auth.atlassian.com/oauth/token",
    ),
    "LinkedinOauth2": Endpoints(
        "https://www.linkedin.com/oauth",
        "https://www.linkedin.com/oauth/v2/authorization",
        "https://www.linkedin.com/oauth/v2/accessToken",
    ),
    "XOauth2": Endpoints(
        "https://x.com", "https://x.com/i/oauth2/authorize", "https://api.x.com/2/oauth2/token"
    ),
    "FacebookOauth2": Endpoints(
        "https://www.facebook.com",
        "https://www.facebook.com/dialog/oauth",
        "https://graph.facebook.com/oauth/access_token",
    ),
    "YandexOauth2": Endpoints(
        "https://oauth.yandex.com",
        "https://oauth.yandex.com/authorize",
        "https://oauth.yandex.com/token",
    ),
    "RedditOauth2": Endpoints(
        "https://www.reddit.com",
        "https://www.reddit.com/api/v1/authorize",
        "https://www.reddit.com/api/v1/access_token",
    ),
    "ZoomOauth2": Endpoints(
        "https://zoom.us", "https://zoom.us/oauth/authorize", "https://zoom.us/oauth/token"
    ),
    "TwitchOauth2": Endpoints(
        "https://id.twitch.tv/oauth2",
        "https://id.twitch.tv/oauth2/authorize",
        "https://id.twitch.tv/oauth2/token",
    ),
    "SpotifyOauth2": Endpoints(
        "https://accounts.spotify.com",
        "https://accounts.spotify.com/authorize",
        "https://accounts.spotify.com/api/token",
    ),
    "DropboxOauth2": Endpoints(
        "https://www.dropbox.com",
        "https://www.dropbox.com/oauth2/authorize",
        "https://api.dropboxapi.com/oauth2/token",
    ),
    "NotionOauth2": Endpoints(
        "https://api.notion.com",
        "https://api.notion.com/v1/oauth/authorize",
        "https://api.notion.com/v1/oauth/token",
    ),
    "HubspotOauth2": Endpoints(
        "https://app.hubspot.com",
        "https://app.hubspot.com/oauth/authorize",
        "https://api.hubapi.com/oauth/v1/token",
    ),
}
"""Those that are the same for everybody. Cognito, Okta, Auth0 and their like have them for each tenant."""


def member_of(vendor: str) -> str:
    """The member of the configuration's union that goes with a vendor."""
    return _OWN_MEMBER.get(vendor, INCLUDED_MEMBER)


def microsoft(tenant: str | None) -> Endpoints:
    """Entra ID's endpoints of a tenant, or of all of them."""
    base = f"https://login.microsoftonline.com/{tenant or 'common'}"
    return Endpoints(f"{base}/v2.0", f"{base}/oauth2/v2.0/authorize", f"{base}/oauth2/v2.0/token")
