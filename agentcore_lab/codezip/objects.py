"""Where zips come from: objects of S3, read once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.codezip.code import Location
from agentcore_lab.codezip.package import MAX_ZIPPED_BYTES
from agentcore_lab.errors import AccessDeniedException, InvalidField, ValidationException

_FIELD = "agentRuntimeArtifact.codeConfiguration.code.s3"
_CHUNK = 1024 * 1024
_PATIENCE = 60
_NOT_THERE = {
    "NoSuchBucket": "The specified bucket does not exist: '{bucket}'.",
    "NoSuchKey": "The specified key does not exist: '{key}' in bucket '{bucket}'.",
    "NoSuchVersion": "The specified version does not exist: '{version_id}' of '{key}' in bucket '{bucket}'.",
    "InvalidArgument": "The specified version does not exist: '{version_id}' of '{key}' in bucket '{bucket}'.",
    "MethodNotAllowed": "The specified version is a delete marker: '{version_id}' of '{key}' in bucket '{bucket}'.",
}


class Objects(Protocol):
    """Something that has objects in buckets."""

    async def fetch(self, account_id: str, location: Location, target: Path) -> None:
        """Write the object into ``target``.

        Raises:
            ValidationException: there is no such object, or it is larger than a zip may be.
            AccessDeniedException: the account may not read it.
        """
        ...


class S3Objects:
    """Objects of the S3 at ``url``, each read by its account: ``keys`` are the variables of its credentials."""

    def __init__(self, url: str, region: str, keys: Callable[[str], Mapping[str, str]]) -> None:
        self._url = url
        self._region = region
        self._keys = keys

    async def fetch(self, account_id: str, location: Location, target: Path) -> None:
        """See ``Objects``."""
        await asyncio.to_thread(self._fetch, self._keys(account_id), location, target)

    def _fetch(self, keys: Mapping[str, str], location: Location, target: Path) -> None:
        session = boto3.Session(
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            region_name=self._region,
        )
        # Our own port: no proxy lies in between, whatever the environment says.
        config = Config(
            s3={"addressing_style": "path"},
            read_timeout=_PATIENCE,
            retries={"total_max_attempts": 1},
            proxies={},
        )
        client = session.client("s3", endpoint_url=self._url, config=config)
        version = {"VersionId": location.version_id} if location.version_id else {}
        try:
            found: Any = client.get_object(Bucket=location.bucket, Key=location.key, **version)
            with closing(found["Body"]) as body:
                if found["ContentLength"] > MAX_ZIPPED_BYTES:
                    raise _too_large(location, found["ContentLength"])
                with target.open("wb") as file:
                    for chunk in body.iter_chunks(_CHUNK):
                        file.write(chunk)
        except ClientError as error:
            raise _told(error, location) from error
        except BotoCoreError as error:
            raise _invalid(f"{location.uri} could not be read: {error}") from error
        finally:
            client.close()


def _told(error: ClientError, location: Location) -> ValidationException | AccessDeniedException:
    """S3's words, as AgentCore's error (which error AWS makes of a missing object is not documented: chosen here)."""
    code = error.response["Error"]["Code"]
    if code in _NOT_THERE:
        words = _NOT_THERE[code].format(
            bucket=location.bucket, key=location.key, version_id=location.version_id
        )
        return _invalid(words)
    if code in {"AccessDenied", "403", "AllAccessDisabled"}:
        return AccessDeniedException(
            f"Access denied while reading {location.uri}. The caller of this operation needs s3:GetObject on it."
        )
    return _invalid(f"{location.uri} could not be read: {error}")


def _too_large(location: Location, size: int) -> ValidationException:
    return _invalid(
        f"Your artifact exceeds the maximum compressed size of {MAX_ZIPPED_BYTES // 1024**2} MB: "
        f"{location.uri} has {size / 1024**2:.0f} MB."
    )


def _invalid(message: str) -> ValidationException:
    return ValidationException(message, fields=(InvalidField(_FIELD, message),))
