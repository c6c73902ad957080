"""An agent that calls out: with an API key that it never holds longer than a call, for the user who asked.

Payload: ``{"credential": "api-key", "provider": "weather"}``. What it was given is not in its answer: a digest shows
that it was given the right thing.
"""

import hashlib

from bedrock_agentcore import BedrockAgentCoreApp
from bedrock_agentcore.identity.auth import requires_api_key
from botocore.exceptions import ClientError

app = BedrockAgentCoreApp()


def digest(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


async def with_api_key(payload):
    @requires_api_key(provider_name=payload["provider"])
    async def call(*, api_key):
        return {"sha256": digest(api_key)}

    return await call()


WAYS = {"api-key": with_api_key}


@app.entrypoint
async def invoke(payload):
    """Get the credential in the way that is asked for, or say why there is none."""
    try:
        return await WAYS[payload["credential"]](payload)
    except (ClientError, ValueError) as error:
        return {"error": str(error)}


if __name__ == "__main__":
    app.run()
