"""Image addresses as Label Studio writes them: local files, uploads, and addresses of the web or of cloud storage."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

LOCAL_FILES = "/data/local-files/"
UPLOADS = "/data/upload/"
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")


def image_address(prefix: str, image_id: str) -> str:
    """Return the address of an image below `prefix`, with percent signs for what an address may not contain.

    >>> image_address("/data/local-files/?d=pool", "c d/a#1.jpg")
    '/data/local-files/?d=pool/c%20d/a%231.jpg'
    """
    return prefix + ("" if prefix.endswith(("/", "=")) else "/") + quote(image_id)


def is_upload(address: str) -> bool:
    """Return whether a person or a program has uploaded the image; its folder is then not known any more."""
    return UPLOADS in address or urlsplit(address).path.startswith("upload/")


def path_in_address(address: str) -> str:
    """Return the path of an image as people know it, from its address; without the folders above the storage.

    >>> path_in_address("/data/local-files/?d=pool/c%20d/a%231.jpg")
    '/pool/c d/a#1.jpg'
    >>> path_in_address("s3://bucket/pool/a.jpg")
    '/pool/a.jpg'
    """
    if "?d=" in address and LOCAL_FILES.rstrip("/") in address:
        return "/" + unquote(address.partition("?d=")[2].partition("&")[0]).lstrip("/")
    parts = urlsplit(address)
    # A number sign or a question mark is a part of a plain path, and of a bucket's key.
    if parts.scheme in ("http", "https"):
        return unquote(parts.path)
    if parts.netloc:
        return "/" + address.partition("://")[2].partition("/")[2]
    return unquote(address)


def uploaded_name(address: str) -> str:
    """Return the file name of an upload, as Label Studio has simplified it.

    >>> uploaded_name("/data/upload/1/62749545-IMG_3_1.jpg")
    'IMG_3_1.jpg'
    """
    return _UPLOAD_PREFIX.sub("", unquote(PurePosixPath(urlsplit(address).path).name))


def simplify_name(name: str) -> str:
    """Return a file name as Label Studio (Django) simplifies it for an upload.

    >>> simplify_name("IMG 3 (1).jpg")
    'IMG_3_1.jpg'
    """
    return re.sub(r"(?u)[^-\w.]", "", PurePosixPath(name).name.strip().replace(" ", "_"))
