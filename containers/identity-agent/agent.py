"""An agent that calls out: with a key of its own, as itself, or for the user who asked, if the user lets it.

Payload: ``{"credential": "api-key", "provider": "weather"}``; or ``m2m``, ``user``, ``on-behalf-of`` with ``scopes``,
``user`` with the ``callback`` of the application that the user comes back to. What the agent was given is not in its
answer: a digest shows that it was given the right thing, and the ``resource`` that it calls with it says for whom.
"""

import hashlib
import json
import urllib.request

from bedrock_agentcore import BedrockAgentCoreApp
from bedrock_agentcore.identity.auth import requires_access_token, requires_api_key
from botocore.exceptions import ClientError

app = BedrockAgentCoreApp()

FLOWS = {"m2m": "M2M", "user": "USER_FEDERATION", "on-behalf-of": "ON_BEHALF_OF_TOKEN_EXCHANGE"}


class LeaveNeededError(Exception):
    """The user must give leave first, at this URL."""


def ask_for_leave(url):
    """Instead of waiting, which the SDK would do: the caller shows the URL to the user and calls again."""
    raise LeaveNeededError(url)


async def with_api_key(payload):
    @requires_api_key(provider_name=payload["provider"])
    async def call(*, api_key):
        return used(api_key, payload)

    return await call()


async def with_token(payload):
    @requires_access_token(
        provider_name=payload["provider"],
        scopes=payload.get("scopes", []),
        auth_flow=FLOWS[payload["credential"]],
        callback_url=payload.get("callback"),
        force_authentication=payload.get("force", False),
        on_auth_url=ask_for_leave,
    )
    async def call(*, access_token):
        return used(access_token, payload)

    return await call()


def used(secret, payload):
    """A digest of the credential, and what the resource answers to it."""
    answer = {"sha256": hashlib.sha256(secret.encode()).hexdigest()}
    if resource := payload.get("resource"):
        request = urllib.request.Request(resource, headers={"Authorization": f"Bearer {secret}"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - the payload names the resource
            answer["resource"] = json.load(response)
    return answer


@app.entrypoint
async def invoke(payload):
    """Call out with the credential that is asked for, or say what is missing."""
    way = with_api_key if payload["credential"] == "api-key" else with_token
    try:
        return await way(payload)
    except LeaveNeededError as needed:
        return {"authorizationUrl": str(needed)}
    except (ClientError, ValueError) as error:
        return {"error": str(error)}


if __name__ == "__main__":
    app.run()
