"""Pretrained weights from the Hugging Face hub: taken from the cache without asking, refused quickly when offline."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

_SECONDS = 5.0
FILE = "model.safetensors"


def cached(repository: str, file: str = FILE) -> Path | None:
    """The file in the local cache, if an earlier run fetched it."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, file)
    return Path(found) if isinstance(found, str) else None


def out_of_reach() -> str | None:
    """Why the hub cannot be asked, or None.

    Asked first because huggingface_hub itself tries for most of a minute before it gives up.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_SECONDS).close()  # honours proxy settings
    except urllib.error.HTTPError:
        return None  # an answer, whatever it says
    except (OSError, ValueError) as error:
        return f"{constants.ENDPOINT} cannot be reached: {getattr(error, 'reason', error)}"
    return None


def cache_folder() -> str:
    """Where fetched weights are kept, for messages."""
    from huggingface_hub import constants

    return os.fspath(constants.HF_HUB_CACHE)


def source(config: Any) -> dict[str, Any]:
    """Overrides for timm that point it at the cached file, so that a run with cached weights needs no network."""
    path = cached(config.hf_hub_id, config.hf_hub_filename or FILE) if config.hf_hub_id else None
    if path is None or path.suffix != ".safetensors":
        return {}
    return {"file": str(path), "custom_load": False}
