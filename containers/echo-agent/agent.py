"""Returns the bytes it got, whatever they are: the measure of what lies between a caller and an agent.

It is no SDK app, because the SDK reads every payload as JSON. All AgentCore asks of a container is here in the open:
GET /ping and POST /invocations on port 8080.
"""

import hashlib
import os
import tempfile

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

# A caller that asks for this type in `accept` gets a checksum of its bytes instead of the bytes.
CHECKSUM = "application/vnd.checksum+json"
PIECE = 256 * 1024

# DUPLEX=1: answer while the request is still coming. boto3 reads nothing before it has sent everything, so that with
# a payload larger than the buffers on the way both sides would wait for each other for ever. Only a caller that
# reads while it writes may ask for this.
DUPLEX = os.environ.get("DUPLEX") == "1"


async def ping(_request):
    return JSONResponse({"status": "Healthy"})


async def invoke(request):
    """The request's body, of the request's type; never more than one piece of it in memory."""
    if request.headers.get("accept") == CHECKSUM:
        return await checksum(request)
    content_type = request.headers.get("content-type", "application/octet-stream")
    if DUPLEX:
        return WhileItComes(request.stream(), headers={"Content-Type": content_type})
    return StreamingResponse(stored(await store(request)), headers={"Content-Type": content_type})


class WhileItComes(StreamingResponse):
    """An answer made from the request's own stream, which Starlette would otherwise read for signs of a hang-up."""

    async def __call__(self, _scope, _receive, send):
        await self.stream_response(send)


async def checksum(request):
    digest, size = hashlib.sha256(), 0
    async for piece in request.stream():
        digest.update(piece)
        size += len(piece)
    content_type = request.headers.get("content-type")
    return JSONResponse({"bytes": size, "sha256": digest.hexdigest(), "contentType": content_type})


async def store(request):
    """The body in a file: small ones stay in memory, large ones wait on the disk."""
    file = tempfile.SpooledTemporaryFile(max_size=PIECE)  # noqa: SIM115 - closed when it is sent
    async for piece in request.stream():
        file.write(piece)
    file.seek(0)
    return file


async def stored(file):
    with file:
        while piece := file.read(PIECE):
            yield piece


app = Starlette(routes=[Route("/ping", ping), Route("/invocations", invoke, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=8080, log_level="warning")
