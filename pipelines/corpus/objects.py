"""Places in a bucket, with the few methods of `pathlib.Path` that a corpus needs.

Where a bucket is and who we are comes from the environment (`AWS_ENDPOINT_URL`, `AWS_REGION`, `GOOGLE_...`), read by
the same library that Delta Lake uses, so tables and other objects agree. Refused and interrupted requests are
repeated by that library; a request that was carried out although its answer was lost is therefore met again, and what
is written here is either the same when written twice or conditional.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import CorpusError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

SCHEMES = ("s3", "gs")

Tag = dict[str, str]
"""What names one version of an object: S3 has an entity tag, Google a generation."""


@dataclass(frozen=True, slots=True)
class ObjectPath:
    """A key or a prefix of keys. bucket: with scheme, `s3://name`. Errors are OSError, as they are for files."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, address: str) -> ObjectPath:
        """From `s3://bucket/some/prefix`. Raises CorpusError if a part of it is missing or not plain."""
        scheme, _, rest = address.partition("://")
        bucket, _, key = rest.strip("/").partition("/")
        if not bucket or not key or not all(part.strip(".") for part in key.split("/")):
            raise CorpusError(f"{address}: expected {scheme}://BUCKET/PREFIX")
        return cls(f"{scheme}://{bucket}", key)

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"

    def __truediv__(self, name: str) -> ObjectPath:
        return ObjectPath(self.bucket, f"{self.key}/{name}")

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The name's ending, with its dot."""
        return Path(self.name).suffix

    def exists(self) -> bool:
        """There is an object with this very key."""
        try:
            self.size_bytes()
        except FileNotFoundError:
            return False
        return True

    def size_bytes(self) -> int:
        """Length of the object."""
        with self._store() as store:
            return int(store.head(self.key)["size"])

    def read_bytes(self) -> bytes:
        """The whole object."""
        return self.read_version()[0]

    def read_text(self) -> str:
        """The whole object, as UTF-8."""
        return self.read_bytes().decode()

    def read_version(self) -> tuple[bytes, Tag]:
        """The whole object, and the tag of what was read."""
        with self._store() as store:
            answer = store.get(self.key)
            return bytes(answer.bytes()), _tag(answer.meta)

    def sha256(self) -> str:
        """SHA-256 of the object, hex; read piece by piece."""
        digest = hashlib.sha256()
        with self._store() as store:
            for piece in store.get(self.key).stream():
                digest.update(piece)
        return digest.hexdigest()

    def write(self, content: bytes | memoryview | Path) -> None:
        """Put the object, whole or not at all, in place of any other. Path: the content of this file."""
        with self._store() as store:
            store.put(self.key, content)

    def create(self, content: bytes) -> Tag:
        """Put the object unless there is one, and return its tag. Raises FileExistsError."""
        return self._put_if(content, "create")

    def replace(self, content: bytes, tag: Tag) -> Tag:
        """Put the object in place of that of this tag, and return the new tag. Raises FileExistsError for another."""
        return self._put_if(content, tag)

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the object; buckets do not tell whether there was one."""
        del missing_ok
        with self._store() as store:
            store.delete(self.key)

    def iterdir(self) -> Iterator[ObjectPath]:
        """What lies directly below: objects, and prefixes of others."""
        with self._store() as store:
            found = store.list_with_delimiter(self.key)
            names = [item["path"] for item in found["objects"]] + list(found["common_prefixes"])
        for key in names:
            yield ObjectPath(self.bucket, key)

    def arrow(self) -> tuple[FileSystem, str]:
        """The bucket as a file system of Arrow's, and the object's path in it."""
        scheme, _, bucket = self.bucket.partition("://")
        return _arrow_file_system(scheme, _endpoint()), f"{bucket}/{self.key}"

    def _put_if(self, content: bytes, mode: str | Tag) -> Tag:
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._store() as store:
            try:
                return _tag(store.put(self.key, content, mode=mode))
            except (AlreadyExistsError, PreconditionError):
                raise FileExistsError(errno.EEXIST, "another has been put there", str(self)) from None

    @contextmanager
    def _store(self) -> Iterator[Any]:
        from obstore.exceptions import BaseError

        try:
            yield _store_of(self.bucket, _endpoint())
        except FileExistsError:
            raise
        except FileNotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, _first_line(error), str(self)) from None
        except (BaseError, OSError) as error:
            raise OSError(errno.EIO, _first_line(error), str(self)) from None


def _endpoint() -> str:
    """Where the environment says that buckets are."""
    return os.environ.get("AWS_ENDPOINT_URL", "")


@functools.cache
def _store_of(bucket: str, endpoint: str) -> Any:
    from obstore.store import from_url

    return from_url(bucket)


@functools.cache
def _arrow_file_system(scheme: str, endpoint: str) -> FileSystem:
    from obstore.fsspec import FsspecStore
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    connect: Any = FsspecStore  # its signature leaves out what all of fsspec's classes take
    return PyFileSystem(FSSpecHandler(connect(scheme, skip_instance_cache=True)))


def _tag(meta: Any) -> Tag:
    return {name: meta[name] for name in ("e_tag", "version") if meta.get(name)}


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
