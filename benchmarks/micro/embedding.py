"""Embeddings of images: every engine and precision compared with plain timm and a DataLoader.

    python -m benchmarks.micro.embedding                       # ten minutes, on drawn camera-trap scenes
    python -m benchmarks.micro.embedding --images FOLDER       # your own images
    python -m benchmarks.micro.embedding --ways "eager fp32" "openvino bf16" --networks efficientnet_lite0

Each way has its own process, because a process keeps the settings of the C allocator. All are prepared first and then
take turns (A B C A B C ...), so that other work on the machine affects all of them equally. `network` is the network
alone, on one thread, with decoded pictures. `pipeline` goes from the files to the features on all cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from alframe.builtins import REGISTRIES
from alframe.compat import import_timm
from alframe.data.loading import load_batches, normalise_pixels
from alframe.engine.embedding.embed_pool import cut_batches
from alframe.engine.embedding.embedder import embed_batches, embed_pixels, make_embedder
from alframe.engine.embedding.runner import cpu_has_bf16, inference_candidates
from alframe.errors import EngineError
from alframe.settings import Inference
from alframe.types import Floats, InputSpec, Item
from benchmarks.machine import describe, write_report

BATCH = 32
PLAIN = "timm + DataLoader"
WAYS = {
    PLAIN: None,
    "eager fp32": Inference("eager", "fp32"),
    "eager bf16": Inference("eager", "bf16"),
    "compile fp32": Inference("compile", "fp32"),
    "compile bf16": Inference("compile", "bf16"),
    "onnxruntime fp32": Inference("onnxruntime", "fp32"),
    "openvino fp32": Inference("openvino", "fp32"),
    "openvino bf16": Inference("openvino", "bf16"),
}
PIPELINES = [PLAIN, "eager fp32", "openvino fp32", "openvino bf16"]
NETWORKS: dict[str, dict[str, Any]] = {
    "efficientnet_lite0": {"name": "efficientnet_lite", "variant": 0},
    "resnet18": {"name": "timm", "model": "resnet18", "pretrained": False},
}
Pass = Callable[[Sequence[Item], int], Floats]  # items and decoding workers to features


class Alframe:
    """The embedding pass of alframe, including the content hashes."""

    def __init__(self, recipe: dict[str, Any], inference: Inference) -> None:
        self.embedder = make_embedder(REGISTRIES["backbone"].build(recipe), recipe, 0, "cpu", None, inference)

    def network(self, pixels: torch.Tensor) -> Floats:
        return np.concatenate([embed_pixels(self.embedder, part).numpy() for part in torch.split(pixels, BATCH)])

    def pipeline(self, items: Sequence[Item], workers: int) -> Floats:
        return np.concatenate(
            [found for _, found in embed_batches(self.embedder, items, cut_batches([len(items)], BATCH)[0], workers)]
        )

    def decode(self, items: Sequence[Item], workers: int) -> Floats:
        for _ in load_batches(items, self.embedder.input_spec, cut_batches([len(items)], BATCH)[0], workers):
            pass
        return np.empty((0, 0), np.float32)


class Plain:
    """The same as in the documentation of timm: its own transform, a DataLoader, and the model in eval mode."""

    def __init__(self, recipe: dict[str, Any]) -> None:
        import_timm()
        from torchvision import transforms

        backbone = REGISTRIES["backbone"].build(recipe)
        self.spec: InputSpec = backbone.input_spec
        self.model = backbone.module(0).eval()
        # The whole picture squashed, as in alframe, so that both give the same features.
        self.transform = transforms.Compose(
            [
                transforms.Resize((self.spec.size, self.spec.size), transforms.InterpolationMode.BICUBIC),
                transforms.ToTensor(),
                transforms.Normalize(self.spec.mean, self.spec.std),
            ]
        )

    def network(self, pixels: torch.Tensor) -> Floats:
        with torch.inference_mode():
            parts = [
                self.model(normalise_pixels(part, self.spec, "cpu").contiguous()) for part in torch.split(pixels, BATCH)
            ]
        return torch.cat(parts).numpy()

    def pipeline(self, items: Sequence[Item], workers: int) -> Floats:
        with torch.inference_mode():
            return np.concatenate([self.model(batch).numpy() for batch in self._loader(items, workers)])

    def decode(self, items: Sequence[Item], workers: int) -> Floats:
        for _ in self._loader(items, workers):
            pass
        return np.empty((0, 0), np.float32)

    def _loader(self, items: Sequence[Item], workers: int) -> Any:
        from PIL import Image
        from torch.utils.data import DataLoader, Dataset

        transform = self.transform

        class Files(Dataset[torch.Tensor]):
            def __len__(self) -> int:
                return len(items)

            def __getitem__(self, at: int) -> torch.Tensor:
                with Image.open(items[at].path) as image:
                    pixels: torch.Tensor = transform(image.convert("RGB"))
                return pixels

        return DataLoader(Files(), batch_size=BATCH, num_workers=workers)


def be_peer(way: str, network: str, images: Path, threads: int) -> None:
    """Measure each request on the standard input: the task, the number of images, and the file for the result."""
    torch.set_num_threads(threads)
    items = list(REGISTRIES["pool"].build({"name": "folder", "root": images}).items())
    inference, recipe = WAYS[way], NETWORKS[network]
    peer = Plain(recipe) if inference is None else Alframe(recipe, inference)
    spec = REGISTRIES["backbone"].build(recipe).input_spec
    (batch,) = load_batches(items, spec, [range(min(2 * BATCH, len(items)))], 0)
    start = time.perf_counter()
    peer.network(batch.pixels[:BATCH])  # engines are made with the first batch
    answer({"ready": time.perf_counter() - start})
    for line in sys.stdin:
        asked = json.loads(line)
        some = list(islice(cycle(items), asked["count"]))
        wall, spent = time.perf_counter(), processor_seconds()
        if asked["do"] == "network":
            pixels = batch.pixels[: asked["count"]]
            found = peer.network(pixels)
            count = len(pixels)
        else:
            act: Pass = getattr(peer, asked["do"])
            found, count = act(some, asked["workers"]), len(some)
        wall, spent = time.perf_counter() - wall, processor_seconds() - spent
        if asked["keep"]:
            np.save(asked["keep"], found)
        answer({"wall": wall / count, "spent": spent / count, "peak_mib": _peak_mib()})


def is_there(way: str) -> bool:
    """Return whether its engine is installed, and whether the processor supports its precision."""
    inference = WAYS[way]
    if inference is None or (inference.precision == "bf16" and not cpu_has_bf16()):
        return inference is None
    try:
        inference_candidates(inference, "cpu")
    except EngineError:
        return False
    return True


def answer(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def processor_seconds() -> float:
    """Return the processor time of this process and of its ended child processes."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _peak_mib() -> float | None:
    """Return the peak memory of this process, without the decoding workers."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))


class Peer:
    """One way, prepared in its own process."""

    def __init__(self, way: str, network: str, images: Path, threads: int) -> None:
        words = ["--peer", way, "--networks", network, "--images", str(images), "--threads", str(threads)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.micro.embedding", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.seconds_to_prepare = self._answer()["ready"]

    def measure(self, do: str, count: int, workers: int = 0, keep: Path | None = None) -> dict[str, Any]:
        asked = {"do": do, "count": count, "workers": workers, "keep": keep and str(keep)}
        _stream(self._process.stdin).write(json.dumps(asked) + "\n")
        _stream(self._process.stdin).flush()
        return self._answer()

    def close(self) -> None:
        _stream(self._process.stdin).close()
        self._process.wait()
        _stream(self._process.stdout).close()

    def _answer(self) -> dict[str, Any]:
        line = _stream(self._process.stdout).readline()
        if not line:
            raise RuntimeError("a measuring process died; run it by hand with --peer to see why")
        found: dict[str, Any] = json.loads(line)
        return found


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def networks_alone(network: str, ways: Sequence[str], images: Path, repeats: int) -> dict[str, Any]:
    """Measure each way alone on one thread: speed, ratio to plain timm, similarity of the features, memory."""
    with tempfile.TemporaryDirectory() as temporary:
        peers = {way: Peer(way, network, images, threads=1) for way in ways}
        runs: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
        for _ in range(repeats):
            for number, (way, peer) in enumerate(peers.items()):
                runs[way].append(peer.measure("network", 2 * BATCH, keep=Path(temporary) / f"{number}.npy"))
        features = {way: np.load(Path(temporary) / f"{number}.npy") for number, way in enumerate(ways)}
        for peer in peers.values():
            peer.close()
    found = {}
    for way in ways:
        ratios = [plain["wall"] / run["wall"] for plain, run in zip(runs[PLAIN], runs[way], strict=True)]
        found[way] = {
            "images_per_s": round(1 / statistics.median(run["wall"] for run in runs[way]), 1),
            "ratio": round(statistics.median(ratios), 2),
            "worst_cosine": round(_worst_cosine(features[way], features[PLAIN]), 4),
            "peak_mib": runs[way][-1]["peak_mib"],
            "seconds_to_prepare": round(peers[way].seconds_to_prepare, 1),
        }
    return found


def pipelines(network: str, ways: Sequence[str], images: Path, count: int, repeats: int) -> dict[str, Any]:
    """Measure from the files to the features on all cores, and decoding alone and the network alone on these cores.

    The best of all turns counts, because other programs may use the same cores. `bound` is the highest possible speed:
    the processor time of decoding and of the network, each measured alone, divided by the number of cores.
    `efficiency` is the speed of the pipeline divided by `bound`.
    """
    cores = os.cpu_count() or 1
    kinds = ("pipeline", "decode", "network")
    runs: dict[str, dict[str, list[dict[str, Any]]]] = {way: {kind: [] for kind in kinds} for way in ways}
    peers = {way: Peer(way, network, images, threads=cores) for way in ways}
    for _ in range(repeats):
        for way, peer in peers.items():
            some = count if way != PLAIN else max(count // 4, BATCH)
            for kind in kinds:
                runs[way][kind].append(peer.measure(kind, 2 * BATCH if kind == "network" else some, workers=cores))
    for peer in peers.values():
        peer.close()

    def best(way: str, kind: str, what: str) -> float:
        return float(min(run[what] for run in runs[way][kind]))

    found = {}
    for way in ways:
        bound = cores / (best(way, "decode", "spent") + best(way, "network", "spent"))
        found[way] = {
            "images_per_s": {kind: round(1 / best(way, kind, "wall"), 1) for kind in kinds},
            "processor_ms_an_image": {kind: round(1000 * best(way, kind, "spent"), 2) for kind in kinds},
            "ratio": round(best(PLAIN, "pipeline", "wall") / best(way, "pipeline", "wall"), 2),
            "bound": round(bound, 1),
            "efficiency": round(1 / best(way, "pipeline", "wall") / bound, 2),
            "peak_mib": runs[way]["pipeline"][-1]["peak_mib"],
        }
    return found


def _worst_cosine(a: Floats, b: Floats) -> float:
    """Return the lowest cosine between centred features. Without centring, all features are similar."""
    a, b = a - b.mean(axis=0), b - b.mean(axis=0)
    return float(((a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))).min())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="a folder of images; left out: drawn scenes")
    parser.add_argument("--count", type=int, default=512, help="images through a pipeline; the folder's, over and over")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="beside plain timm")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    parser.add_argument("--peer", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        be_peer(args.peer, args.networks[0], args.images, args.threads)
        return
    machine = describe()  # before the work, so that the load is that of others
    ways = [PLAIN, *(way for way in args.ways if way != PLAIN and is_there(way))]
    with tempfile.TemporaryDirectory() as temporary:
        images = args.images
        if images is None:
            images = Path(temporary) / "scenes"
            list(REGISTRIES["pool"].build({"name": "camera_trap_scenes", "root": images}).items())
        alone = {network: networks_alone(network, ways, images, args.repeats) for network in args.networks}
        through = [way for way in ways if way in PIPELINES]
        pipeline = pipelines(args.networks[0], through, images, args.count, args.repeats)
    result = {
        "benchmark": "embedding",
        "what": f"batches of {BATCH}, {args.repeats} turns; pipeline: {args.networks[0]}, {args.count} images",
        "machine": machine,
        "network": alone,
        "pipeline": pipeline,
        "left_out": [way for way in WAYS if way not in ways],
    }
    write_report(result, args.out)


if __name__ == "__main__":
    main()
