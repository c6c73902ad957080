"""Takes pictures and documents up to AgentCore's 100 MB, and says what it was given.

Two ways lead in, both in use: JSON with the file in base64, which makes it a third larger, ``{"prompt": "…", "media":
{"type": "image", "format": "png", "data": "iVBORw0…"}}`` or ``{"media": "iVBORw0…"}``; or the file's own bytes with its
own content type. The SDK knows only the first, so this is a plain Starlette app.
"""

import base64
import binascii
import hashlib

import uvicorn
from media import describe
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route


async def ping(_request):
    return JSONResponse({"status": "Healthy"})


async def invoke(request):
    """Size, type, checksum, and the dimensions of a picture or the pages of a PDF."""
    sent_as = request.headers.get("content-type", "application/octet-stream").partition(";")[0]
    prompt = None
    if sent_as == "application/json":
        payload = await request.json()
        prompt = payload.get("prompt")
        try:
            media = payload["media"]
            data = base64.b64decode(media["data"] if isinstance(media, dict) else media, validate=True)
        except (KeyError, TypeError, binascii.Error) as error:
            return JSONResponse({"error": f"media must be a file in base64 ({error})"}, status_code=400)
    else:
        data = await request.body()
    # In a thread: a large file takes a moment, and /ping must answer meanwhile.
    return JSONResponse({"prompt": prompt, "sentAs": sent_as, **await run_in_threadpool(examine, data)})


def examine(data):
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), **describe(data)}


app = Starlette(routes=[Route("/ping", ping), Route("/invocations", invoke, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=8080, log_level="warning")
