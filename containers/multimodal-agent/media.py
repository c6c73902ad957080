"""What a few bytes at the right place tell about a picture or a PDF; no library is needed for that."""

import re
import struct
import zlib

_OBJECTS = re.compile(rb"/Type\s*/ObjStm.*?stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_PAGE = re.compile(rb"/Type\s*/Page(?![a-zA-Z])")
# Start-of-frame markers, the only ones of a JPEG that carry its size.
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def describe(data: bytes) -> dict:
    """``{"type": …}`` and, where it can be read, the width and height or the number of pages."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        return sized("image/png", *struct.unpack(">II", data[16:24]))
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        return sized("image/gif", *struct.unpack("<HH", data[6:10]))
    if data.startswith(b"\xff\xd8\xff"):
        return sized("image/jpeg", *(jpeg_size(data) or ()))
    if data.startswith(b"%PDF-"):
        return {"type": "application/pdf", "pages": pdf_pages(data)}
    return {"type": "application/octet-stream"}


def sized(media_type: str, width: int | None = None, height: int | None = None) -> dict:
    return {"type": media_type, "width": width, "height": height}


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height: walk from marker to marker until one starts a frame."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in _FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return None


def pdf_pages(data: bytes) -> int:
    """How many page objects there are, in the open and in compressed object streams."""
    pages = len(_PAGE.findall(data))
    for packed in _OBJECTS.findall(data):
        try:
            pages += len(_PAGE.findall(zlib.decompress(packed)))
        except zlib.error:
            continue  # packed in another way
    return pages
