"""Timestamps in the three forms AWS's protocols write them in (Smithy: ``timestampFormat`` trait)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

_EPOCH = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def read_timestamp(value: float | str) -> datetime:
    """An aware moment in UTC, from epoch seconds (a number or its digits), ISO 8601 or RFC 822.

    Raises:
        ValueError: it is none of them, or no moment a datetime can hold.
    """
    try:
        if not isinstance(value, str):
            return datetime.fromtimestamp(value, UTC)
        return _read_text(value)
    except (OverflowError, OSError, TypeError) as error:
        raise ValueError(f"not a timestamp: {error}") from error


def write_timestamp(moment: datetime, form: str) -> str | float:
    """``moment`` as ``iso8601`` (with ``Z``), ``rfc822`` or ``unixTimestamp`` (seconds, whole if they can be).

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    utc = moment.astimezone(UTC)
    if form == "iso8601":
        return utc.replace(tzinfo=None).isoformat() + "Z"
    if form == "rfc822":
        return format_datetime(utc, usegmt=True)
    seconds = utc.timestamp()
    return int(seconds) if seconds.is_integer() else seconds


def _read_text(text: str) -> datetime:
    if _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    moment = parsedate_to_datetime(text) if "," in text else datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
