"""Images to embeddings: alframe's pass against plain timm with a DataLoader, from the files to the features.

    python -m benchmarks.micro.embedding                       # a minute or two, on drawn camera-trap scenes
    python -m benchmarks.micro.embedding --images FOLDER       # your own images

Each measurement is a process of its own, because a process keeps what the C allocator was once told; the peers take
turns (A B A B ...), so that whatever else the machine does meets them alike. Starting up and loading the network do
not count; the first batch does.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alframe.builtins import REGISTRIES
from alframe.compat import import_timm
from alframe.engine.embedder import embed_batches, make_embedder
from alframe.types import Floats, Item
from benchmarks.machine import describe

BATCH = 32
RECIPE = {"name": "efficientnet_lite", "variant": 0}


def alframe_pass(items: Sequence[Item], workers: int) -> tuple[Floats, float]:
    """Features and seconds of alframe's embedding pass, hashing included."""
    embedder = make_embedder(REGISTRIES["backbone"].build(RECIPE), RECIPE, seed=0, device="cpu")
    batches = [range(at, min(at + BATCH, len(items))) for at in range(0, len(items), BATCH)]
    start = time.perf_counter()
    features = [embedded for _, embedded in embed_batches(embedder, items, batches, workers)]
    return np.concatenate(features), time.perf_counter() - start


def plain_timm(items: Sequence[Item], workers: int) -> tuple[Floats, float]:
    """The same as timm's documentation has it: its own transform, a DataLoader, and the model in eval mode."""
    import_timm()
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    class Files(Dataset[torch.Tensor]):
        def __len__(self) -> int:
            return len(items)

        def __getitem__(self, at: int) -> torch.Tensor:
            with Image.open(items[at].path) as image:
                pixels: torch.Tensor = transform(image.convert("RGB"))
            return pixels

    backbone = REGISTRIES["backbone"].build(RECIPE)
    spec = backbone.input_spec
    # The whole picture squashed, as in alframe, so that both give the same features.
    transform = transforms.Compose(
        [
            transforms.Resize((spec.size, spec.size), transforms.InterpolationMode.BICUBIC),
            transforms.ToTensor(),
            transforms.Normalize(spec.mean, spec.std),
        ]
    )
    model = backbone.module(0).eval()
    loader = DataLoader(Files(), batch_size=BATCH, num_workers=workers)
    start = time.perf_counter()
    with torch.inference_mode():
        features = [model(batch).numpy() for batch in loader]
    return np.concatenate(features), time.perf_counter() - start


PEERS = {"alframe": alframe_pass, "timm + DataLoader": plain_timm}


def measure(peer: str, images: Path, count: int, workers: int, out: Path) -> dict[str, Any]:
    """One measurement in a process of its own."""
    words = [
        "--peer",
        peer,
        "--images",
        str(images),
        "--count",
        str(count),
        "--workers",
        str(workers),
        "--save",
        str(out),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.micro.embedding", *words], capture_output=True, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_peer(peer: str, images: Path, count: int, workers: int, out: Path) -> None:
    items = list(REGISTRIES["pool"].build({"name": "folder", "root": images}).items())
    features, seconds = PEERS[peer](list(islice(cycle(items), count)), workers)
    np.save(out, features)
    sys.stdout.write(json.dumps({"images_per_s": count / seconds, "peak_mib": _peak_mib()}) + "\n")


def _peak_mib() -> float | None:
    """Of this process; the decoding workers have their own."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="a folder of images; left out: drawn scenes")
    parser.add_argument("--count", type=int, default=416, help="images a measurement; the folder's, again if need be")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    parser.add_argument("--save", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    args = parser.parse_args()
    if args.peer:
        run_peer(args.peer, args.images, args.count, args.workers, args.save)
        return
    with tempfile.TemporaryDirectory() as temporary:
        images = args.images
        if images is None:
            images = Path(temporary) / "scenes"
            list(REGISTRIES["pool"].build({"name": "camera_trap_scenes", "root": images}).items())
        machine = describe()  # before the work, so that the load is that of others
        runs: dict[str, list[dict[str, Any]]] = {peer: [] for peer in PEERS}
        for _ in range(args.repeats):
            for number, peer in enumerate(PEERS):
                out = Path(temporary) / f"{number}.npy"
                runs[peer].append(measure(peer, images, args.count, args.workers, out))
        ours, theirs = (np.load(Path(temporary) / f"{number}.npy") for number in range(2))
    speeds = {peer: statistics.median(one["images_per_s"] for one in all_) for peer, all_ in runs.items()}
    result = {
        "benchmark": "embedding",
        "what": f"efficientnet_lite0 at 224 px, fp32, {args.count} images, {args.workers} decoding workers",
        "machine": machine,
        "images_per_s": {peer: round(speed, 1) for peer, speed in speeds.items()},
        "ratio": round(speeds["alframe"] / speeds["timm + DataLoader"], 2),
        "peak_mib": {peer: max(one["peak_mib"] or 0 for one in all_) for peer, all_ in runs.items()},
        "worst_cosine": round(_worst_cosine(ours, theirs), 4),
    }
    text = json.dumps(result, indent=2)
    sys.stdout.write(text + "\n")
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")


def _worst_cosine(a: Floats, b: Floats) -> float:
    """Between centred features: uncentred ones are alike whatever the picture."""
    a, b = a - b.mean(axis=0), b - b.mean(axis=0)
    return float(((a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))).min())


if __name__ == "__main__":
    main()
