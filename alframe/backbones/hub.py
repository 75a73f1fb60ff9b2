"""Pretrained weights on the Hugging Face hub: use cached files without a request, and fail quickly if offline."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

_TIMEOUT_SECONDS = 5.0
WEIGHTS_FILE = "model.safetensors"


def find_cached(config: Any) -> Path | None:
    """Return the weights file of timm's `config` in the local cache, or None if it was never downloaded."""
    from huggingface_hub import try_to_load_from_cache

    file = config.hf_hub_filename or WEIGHTS_FILE
    path = try_to_load_from_cache(config.hf_hub_id, file) if config.hf_hub_id else None
    return Path(path) if isinstance(path, str) else None


def cached_files(config: Any) -> list[Path] | None:
    """Return the files that decide the weights of timm's `config`: the cached file, and the hub's file of its revision.

    The latter changes when a newer revision is downloaded. None if the weights do not come from the hub's cache.
    """
    path = find_cached(config)
    if path is None:
        return None
    reference = path.parents[2] / "refs" / "main"  # <repository>/snapshots/<revision>/<file>
    return [path, reference] if reference.is_file() else None


def why_unreachable() -> str | None:
    """Return why the hub cannot be reached, or None. (huggingface_hub itself would try for most of a minute)."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS).close()  # honours proxy settings
    except urllib.error.HTTPError:
        return None  # an answer, whatever it says
    except (OSError, ValueError) as error:
        return f"{constants.ENDPOINT} cannot be reached: {getattr(error, 'reason', error)}"
    return None


def cached_weights_overlay(config: Any) -> dict[str, Any]:
    """Return overrides of timm's `config` with the cached file, so that cached weights need no network."""
    path = find_cached(config)
    if path is None or path.suffix != ".safetensors":
        return {}
    return {"file": str(path), "custom_load": False}
