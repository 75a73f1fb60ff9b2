"""The folds are scikit-learn's, to the row."""

import warnings

import numpy as np
import pytest
import sklearn
from packaging.version import Version
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from alframe.kit.folds import stratified_folds, stratified_group_folds


def labels(seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Unequal classes, some of them rare, in groups of unequal sizes."""
    rng = np.random.default_rng(seed)
    y = rng.choice(6, 40 + 10 * seed, p=[0.5, 0.3, 0.1, 0.05, 0.03, 0.02]) * 3
    return y, rng.integers(0, 25, len(y)), int(rng.integers(2, 7))


@pytest.mark.skipif(Version(sklearn.__version__) < Version("1.8"), reason="scikit-learn 1.8 shuffles otherwise")
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
def test_folds_are_those_of_scikit_learn(seed):
    y, groups, folds = labels(seed)
    theirs = StratifiedKFold(folds, shuffle=True, random_state=seed).split(y, y)
    ours = stratified_folds(y, folds, seed)
    assert [rows.tolist() for rows in ours] == [test.tolist() for _, test in theirs]
    theirs = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(y, y, groups)
    ours = stratified_group_folds(y, groups, folds, seed)
    assert [rows.tolist() for rows in ours] == [test.tolist() for _, test in theirs]


def test_too_many_folds_are_refused():
    with pytest.raises(ValueError, match="No class has 3 rows"):
        stratified_folds(np.array([0, 0, 1, 1]), 3, 0)
    with pytest.raises(ValueError, match="No class has 3 rows"):
        stratified_group_folds(np.array([0, 0, 1, 1]), np.arange(4), 3, 0)
    with pytest.raises(ValueError, match="2 groups cannot be cut into 3 folds"):
        stratified_group_folds(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), 3, 0)


def test_no_warning_of_rare_classes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stratified_folds(np.array([0, 0, 0, 1]), 3, 0)
