"""Every engine gives the network's features, or says that it cannot before one of them is kept."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from alframe.builtins import REGISTRIES
from alframe.engine.embedding import runner as module
from alframe.engine.embedding import runtimes
from alframe.engine.embedding.embed_pool import PoolEmbedding, update_pool_embedding
from alframe.engine.embedding.embedder import Embedder, embed_batches, embedder_from_module, make_embedder
from alframe.engine.embedding.runner import centred_cosine, cpu_has_bf16, inference_candidates, suggest_engine
from alframe.engine.embedding.runtimes import Runtime
from alframe.engine.model import Model, load_model
from alframe.errors import BadParams, EngineError
from alframe.settings import Inference
from alframe.store.features import FeatureStore
from alframe.store.file_cache import FileCache
from alframe.testing.tiny import tiny_pool
from alframe.types import InputSpec, Item

RECIPE = {"name": "timm", "model": "test_resnet", "pretrained": False, "size": 32}
BANDS = {**RECIPE, "in_chans": 5, "value_range": [0, 1000], "dim": 12, "normalize": True}


def needs(*packages: str) -> pytest.MarkDecorator:
    missing = [one for one in packages if find_spec(one) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


onnx = needs("onnxruntime", "onnxscript")
openvino = needs("openvino", "onnxscript")
bf16 = pytest.mark.skipif(not cpu_has_bf16(), reason="this processor does not compute in bf16")
ENGINES = [
    pytest.param(Inference("eager", "bf16"), id="eager bf16"),
    pytest.param(Inference("compile"), id="compile", marks=pytest.mark.slow),
    pytest.param(Inference("onnxruntime"), id="onnxruntime", marks=onnx),
    pytest.param(Inference("openvino"), id="openvino", marks=openvino),
    pytest.param(Inference("openvino", "bf16"), id="openvino bf16", marks=[openvino, bf16]),
]


def embedder_of(inference: Inference, recipe: dict[str, Any] = RECIPE, state: Any = None) -> Embedder:
    return make_embedder(REGISTRIES["backbone"].build(recipe), recipe, 0, "cpu", state, inference)


@pytest.fixture(scope="module", autouse=True)
def exported_once() -> Iterator[None]:
    """Exporting takes seconds, and gives the same for the same weights."""
    export, known = runtimes.export_onnx_bytes, dict[str, bytes]()

    def exported(network: nn.Module, spec: InputSpec, images: torch.Tensor) -> bytes:
        key = embedder_from_module(network, spec, {}, "cpu").network_digest
        if key not in known:
            known[key] = export(network, spec, images)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtimes, "export_onnx_bytes", exported)
        yield


def pixels(embedder: Embedder, count: int, seed: int = 0) -> torch.Tensor:
    """Blobs, not noise: noise looks nearly the same to a network, whatever the seed."""
    spec = embedder.input_spec
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, spec.channels))
    fine = coarse.repeat(spec.size // 4, axis=1).repeat(spec.size // 4, axis=2)
    return torch.from_numpy(fine.astype(np.uint8 if spec.value_range is None else np.float32))


def centred_cosines(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.cosine_similarity(a - b.mean(dim=0), b - b.mean(dim=0))


@pytest.mark.parametrize("inference", ENGINES)
@pytest.mark.parametrize("recipe", [RECIPE, BANDS], ids=["colour", "bands"])
def test_features_are_those_of_the_network(inference: Inference, recipe: dict[str, Any]) -> None:
    exact, other = embedder_of(Inference(), recipe), embedder_of(inference, recipe)
    for count in (20, 1, 7):  # the last batch of a pool is smaller
        images = pixels(exact, count, seed=count)
        a, b = exact.runner(images), other.runner(images)
        assert (b.dtype, b.shape) == (torch.float32, (count, exact.dim))
        if count > 1:  # on the whole: one picture, near the mean of all, may differ more
            assert float(centred_cosines(b, a).mean()) >= module.MIN_COSINE[inference.precision]
        if inference.precision == "fp32":
            torch.testing.assert_close(b, a, atol=1e-4, rtol=1e-3)
    kept = other.runner(pixels(exact, 2, seed=1))
    copy = kept.clone()
    other.runner(pixels(exact, 2, seed=2))
    assert torch.equal(kept, copy), "the next batch overwrote the last one's features"


@pytest.mark.parametrize("inference", ENGINES)
def test_trained_weights_are_used(inference: Inference) -> None:
    """An embedder of the network before training was used, and then one of the same network after it."""
    before = embedder_of(inference)
    images = pixels(before, 8)
    first = before.runner(images)
    with torch.no_grad():
        for weights in before.module.parameters():
            weights.mul_(1.0 + torch.linspace(0, 0.5, weights.numel()).reshape(weights.shape))
    after = embedder_from_module(before.module, before.input_spec, RECIPE, "cpu", inference)
    exact = embedder_of(Inference(), state=before.module.state_dict()).runner(images)
    assert after.fingerprint != before.fingerprint
    assert centred_cosine(after.runner(images), exact, torch.zeros(1, exact.shape[1])) > 0.99
    assert not torch.allclose(after.runner(images), first, rtol=0.01)


def test_features_of_two_engines_never_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_missing_packages", lambda engine: [])
    ways = [Inference(engine) for engine in ("eager", "compile", "onnxruntime", "openvino")]
    ways += [Inference(engine, "bf16") for engine in ("eager", "compile", "openvino")]
    embedders = [embedder_of(one) for one in ways]
    assert len({one.fingerprint for one in embedders}) == len(ways)
    assert len({one.network_digest for one in embedders}) == 1
    assert embedders[0].fingerprint == embedders[0].network_digest, (
        "what was embedded before there were engines still counts"
    )


@pytest.mark.parametrize("inference", [*ENGINES[:1], *ENGINES[2:]])
def test_an_embedder_can_be_sent_to_another_process(inference: Inference) -> None:
    """Also one that is in use already: the engine is made anew."""
    embedder = embedder_of(inference)
    images = pixels(embedder, 4)
    expected = embedder.runner(images)
    again = pickle.loads(pickle.dumps(embedder))
    assert again.fingerprint == embedder.fingerprint
    torch.testing.assert_close(again.runner(images), expected)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")
@pytest.mark.parametrize("inference", [*ENGINES[:1], *ENGINES[2:]])
def test_decoding_processes_start_beside_an_engine_at_work(inference: Inference, tmp_path: Path) -> None:
    items = items_in(tmp_path)
    embedder = embedder_of(inference)
    batches = [range(at, at + 4) for at in range(0, 12, 4)]
    passes = [
        np.concatenate([features for _, features in embed_batches(embedder, items, batches, workers)])
        for workers in (0, 2, 2)
    ]
    assert (passes[0] == passes[1]).all()
    assert (passes[0] == passes[2]).all()


DROPPED = """
import signal
import sys
from pathlib import Path
import torch
from alframe.engine.embedding import runtimes
from alframe.types import InputSpec

runtimes.exported = lambda *_: Path(sys.argv[1]).read_bytes()
spec, pixels = InputSpec(8, (0.5,) * 3, (0.5,) * 3), torch.zeros(2, 8, 8, 3, dtype=torch.uint8)
engines = [runtimes.make_openvino(torch.nn.Flatten(), spec, "cpu", "fp32", pixels) for _ in range(2)]
while engines:
    engines.pop(0)
signal.signal(signal.SIGINT, lambda *_: print("interrupted"))
signal.raise_signal(signal.SIGINT)
"""


@openvino
def test_a_signal_arrives_after_engines_were_dropped(tmp_path: Path) -> None:
    """Two engines, of which the first goes before the second: as when a network is trained and embeds anew."""
    spec, network = InputSpec(8, (0.5,) * 3, (0.5,) * 3), tmp_path / "flatten.onnx"
    network.write_bytes(runtimes.export_onnx_bytes(nn.Flatten(), spec, torch.zeros(2, 8, 8, 3, dtype=torch.uint8)))
    done = subprocess.run([sys.executable, "-c", DROPPED, network], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "interrupted", f"{done.returncode} {done.stderr}"


# What to run with


def test_auto_takes_the_first_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def order(precision: str, *there: str, device: str = "cpu", able: bool = True) -> list[str]:
        monkeypatch.setattr(
            module, "_missing_packages", lambda engine: [] if engine in ("eager", "compile", *there) else ["x"]
        )
        monkeypatch.setattr(module, "cpu_has_bf16", lambda: able)
        return list(map(str, inference_candidates(Inference("auto", precision), device)))

    assert order("fp32") == ["eager in fp32"]
    assert order("fp32", "openvino", "onnxruntime")[-1] == "eager in fp32"
    assert sorted(order("fp32", "openvino", "onnxruntime")) == [
        "eager in fp32",
        "onnxruntime in fp32",
        "openvino in fp32",
    ]
    assert order("bf16", "openvino")[0] == "openvino in bf16"
    assert order("bf16", "openvino")[-1] == "eager in fp32"
    assert order("bf16", able=False) == ["eager in fp32"]
    assert order("bf16", "openvino", device="cuda") == ["eager in bf16"]


def test_what_was_asked_for_by_name_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda package: None)
    with pytest.raises(EngineError, match=r'needs openvino and onnxscript.*pip install "alframe\[openvino\]"'):
        embedder_of(Inference("openvino"))
    with pytest.raises(EngineError, match=r'pip install "alframe\[onnx\]"'):
        embedder_of(Inference("onnxruntime"))


@onnx
def test_a_gpu_is_not_for_the_engines_of_the_cpu() -> None:
    with pytest.raises(EngineError, match=r"runs on the CPU only, but the device is cuda:1.*compute.device=cpu"):
        inference_candidates(Inference("onnxruntime"), "cuda:1")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("tensorrt", "fp32"), "engine=tensorrt: must be auto, eager, compile, onnxruntime or openvino"),
        (("eager", "int8"), "precision=int8: must be fp32 or bf16"),
        (("onnxruntime", "bf16"), "onnxruntime, which cannot compute in bf16"),
    ],
)
def test_what_cannot_be(given: tuple[str, str], message: str) -> None:
    with pytest.raises(BadParams, match=message):
        Inference(*given)


# Engines that fail


def spoilt(by: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Runtime]:
    """An engine whose features are not quite those of the network."""

    def build(*arguments: Any) -> Runtime:
        exact = runtimes.make_eager_runtime(*arguments)
        return lambda images: by(exact(images))

    return build


def broken(*_: Any) -> Runtime:
    raise RuntimeError("no such operation\nand a long trace")


WRONG = [
    pytest.param(spoilt(lambda x: x.flip(1)), "gives different features than the network", id="wrong"),
    pytest.param(spoilt(lambda x: x * float("nan")), "gives different features than the network: cosine nan", id="nan"),
    pytest.param(spoilt(lambda x: x.roll(1, 0)), "gives different features than the network", id="swapped"),
    pytest.param(broken, "cannot run this network here: RuntimeError: no such operation. inference", id="broken"),
]


def items_in(folder: Path) -> list[Item]:
    return list(REGISTRIES["pool"].build({"name": "folder", "root": tiny_pool(folder, classes=2, each=8)}).items())


class Stores:
    """Embeds, and remembers which stores were written to."""

    batch_size = 4

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def worker_count(self) -> int:
        return 0

    def device(self) -> str:
        return "cpu"

    def map_shards(self, function: Any, shards: Any) -> Any:
        return function(shards)

    def run(self, embedder: Embedder, items: list[Item]) -> tuple[Embedder, PoolEmbedding]:
        contents = FileCache(self.folder / "contents.sqlite")
        present = np.ones(len(items), bool)
        return update_pool_embedding(
            items, present, embedder, lambda name: FeatureStore(self.folder / name), contents, self
        )

    def kept(self, embedder: Embedder) -> bool:
        return any((self.folder / embedder.fingerprint).glob("*"))


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(tmp_path / "cache")


@pytest.mark.parametrize(("build", "message"), WRONG)
def test_auto_steps_back_before_anything_is_kept(
    build: Any,
    message: str,
    stores: Stores,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "_missing_packages", lambda engine: ["x"] if engine == "onnxruntime" else [])
    monkeypatch.setitem(module._BUILDERS, "openvino", build)
    items = items_in(tmp_path / "images")
    tried = embedder_of(Inference("auto"))
    assert str(tried.runner.inference) == "openvino in fp32"
    with caplog.at_level(logging.WARNING):
        used, embedding = stores.run(tried, items)
    assert message in caplog.text
    assert "Continuing with eager in fp32." in caplog.text
    assert (stores.kept(tried), stores.kept(used)) == (False, True)
    plain = embedder_of(Inference())
    assert used.fingerprint == plain.fingerprint
    assert (embedding.features == stores.run(plain, items)[1].features).all()


@pytest.mark.parametrize(("build", "message"), WRONG)
def test_an_engine_that_was_asked_for_by_name_ends_the_run(
    build: Any, message: str, stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(module._BUILDERS, "compile", build)
    embedder = embedder_of(Inference("compile"))
    with pytest.raises(EngineError, match=message):
        stores.run(embedder, items_in(tmp_path / "images"))
    assert not stores.kept(embedder)


def test_a_coarser_precision_may_differ_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise of four per cent is what bfloat16 may cost, and no engine in fp32."""

    def noisy(x: torch.Tensor) -> torch.Tensor:
        return x * (1 + 0.04 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)))

    monkeypatch.setitem(module._BUILDERS, "compile", spoilt(noisy))
    images = pixels(embedder_of(Inference()), 8)
    assert embedder_of(Inference("compile", "bf16")).runner(images).shape[0] == 8
    with pytest.raises(EngineError, match=r"below 0\.9999"):
        embedder_of(Inference("compile")).runner(images)


def test_likeness_is_of_what_differs_between_pictures() -> None:
    rng = torch.Generator().manual_seed(0)
    a = torch.randn(8, 16, generator=rng)
    common = torch.full((1, 16), 100.0)
    assert torch.cosine_similarity(a + common, a.flip(0) + common).min() > 0.99
    assert centred_cosine(a + common, a.flip(0) + common, common) < 0.9
    assert centred_cosine(a + common, a + common, common) == pytest.approx(1.0)
    assert centred_cosine(common, common, common) == 1.0


# Models that were exported


@onnx
def test_an_exported_model_runs_with_any_engine(tmp_path: Path) -> None:
    items = items_in(tmp_path / "images")
    embedder = embedder_of(Inference("onnxruntime"))
    x = np.concatenate([f for _, f in embed_batches(embedder, items, [range(len(items))], 0)])
    head = REGISTRIES["head"].build({"name": "linear"})
    y = np.arange(len(items), dtype=np.int64) // 8
    head.fit(x, y, 2, np.random.default_rng(0))
    Model(embedder, head, ("a", "b"), RECIPE, {"name": "linear"}).save(tmp_path / "model")
    paths = [item.path for item in items]
    plain = load_model(tmp_path / "model").predict_probs(paths)
    fast = load_model(tmp_path / "model", inference=Inference("onnxruntime")).predict_probs(paths)
    np.testing.assert_allclose(plain, head.probs(x), atol=1e-3)
    np.testing.assert_allclose(fast, head.probs(x), atol=1e-6)


def test_the_way_back_ends() -> None:
    embedder = replace(embedder_of(Inference()), fallbacks=(Inference("eager", "bf16"),))
    following = embedder.next_fallback()
    assert following is not None
    assert str(following.runner.inference) == "eager in bf16"
    assert following.next_fallback() is None


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_features_of_a_mac_s_gpu_are_compared_with_the_processor_s(
    monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    cpu = embedder_of(Inference())
    noise = 0.0

    def make_on_gpu(network: nn.Module, spec: InputSpec, device: str, *_: Any) -> Runtime:
        assert device == "mps"
        exact = runtimes.make_eager_runtime(cpu.module, spec, "cpu", "fp32", torch.empty(0))
        return lambda pixels: exact(pixels) + noise * torch.randn(len(pixels), cpu.dim)

    monkeypatch.setitem(module._BUILDERS, "eager", make_on_gpu)
    pixels = torch.randint(0, 256, (8, 32, 32, 3), dtype=torch.uint8)
    inference = Inference("eager", precision)
    gpu = replace(cpu, device="mps", runner=module.NetworkRunner(inference, cpu.module, cpu.input_spec, "mps"))
    torch.testing.assert_close(gpu.runner(pixels), cpu.runner(pixels))
    assert gpu.fingerprint not in (cpu.fingerprint, embedder_of(inference).fingerprint)
    noise = 10.0
    with pytest.raises(EngineError, match=r"compute\.device=mps.* gives different features .* Set compute\.device=cpu"):
        module.NetworkRunner(inference, cpu.module, cpu.input_spec, "mps")(pixels)


def test_a_large_pool_is_told_of_a_faster_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_missing_packages", lambda engine: ["onnxruntime"])
    advice = suggest_engine(Inference(), "cpu", 3_000)
    assert advice is not None and 'pip install "alframe[onnx]"' in advice and "3,000 images" in advice
    monkeypatch.setattr(module, "_missing_packages", lambda engine: [])
    advice = suggest_engine(Inference(), "cpu", 3_000)
    assert advice is not None and "pip" not in advice


@pytest.mark.parametrize(
    ("inference", "device", "count"),
    [(Inference("auto"), "cpu", 9_000), (Inference(), "cuda", 9_000), (Inference(), "cpu", 2_999)],
)
def test_nobody_else_is_told_of_an_engine(inference: Inference, device: str, count: int) -> None:
    assert suggest_engine(inference, device, count) is None
