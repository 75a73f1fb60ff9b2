"""A strategy of scikit-activeml as a sampler."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import skactiveml.classifier
import skactiveml.pool
from skactiveml.base import SingleAnnotatorPoolQueryStrategy
from sklearn.linear_model import LogisticRegression

from alframe.errors import BadParams, UnmetNeed
from alframe.kit.clustering import sample_rows
from alframe.kit.parameters import require_at_least, unknown_name_message
from alframe.types import Floats, Ints, Need, PoolView, Selection
from alframe_skactiveml.estimators import Committee, FittedHead

UNLABELLED = -1  # in place of a class number
CLASSIFIERS = ("clf", "estimator", "ensemble", "discriminator")  # parameters of `query` that take a classifier
NOT_OFFERED = {"reg", "query_kwargs"}  # parameters of `query` of strategies for regression, and of wrappers
HEAD_ONLY = ("UncertaintySampling", "Clue", "DropQuery", "Badge", "Falcun")  # read nothing of the labelled images
# Strategies that fit their classifier many times, or accept only one kind, and a classifier that they accept.
OWN_CLASSIFIER = {
    "ProbabilisticAL": "ParzenWindowClassifier",
    "EpistemicUncertaintySampling": "ParzenWindowClassifier",
    "MonteCarloEER": "ParzenWindowClassifier",
    "ValueOfInformationEER": "ParzenWindowClassifier",
    "DiscriminativeAL": "ParzenWindowClassifier",
    "FourDs": "MixtureModelClassifier",
}


def strategy_names() -> list[str]:
    """Return the names of the strategies that choose single images by classes."""
    kinds: list[Any] = [getattr(skactiveml.pool, name) for name in skactiveml.pool.__all__]
    return [
        kind.__name__
        for kind in kinds
        if SingleAnnotatorPoolQueryStrategy in getattr(kind, "__mro__", ())
        and kind is not skactiveml.pool.ExpectedErrorReduction  # the base class of two others
        and not NOT_OFFERED & set(inspect.signature(kind.query).parameters)
    ]


class Skactiveml:
    """Select as a strategy of scikit-activeml does (Kottke et al. 2021, "scikit-activeml").

    A strategy that needs a classifier gets the campaign's head, which is already fitted. A strategy that needs a
    committee gets the draws of the head. The strategies in `OWN_CLASSIFIER` cannot use a head: a classifier is fitted
    for them. The scores are the utilities of the strategy, if they descend.

    `strategy`: name of a class of `skactiveml.pool`, e.g. "ProbCover".
    `params`: parameters of its constructor; the random state, the missing label and the classes are set.
    `classifier`: name of a class of `skactiveml.classifier`, or "LogisticRegression", that is fitted to the labels and
        takes the place of the head.
    `draws`: the number of draws of the head, for a strategy that needs a committee.
    `rows`: the largest number of images to look at; of a larger pool, a random sample is used. Many strategies need
        memory for n x n numbers.
    """

    def __init__(
        self,
        strategy: str,
        params: Mapping[str, Any] = {},
        classifier: str | None = None,
        draws: int = 20,
        rows: int = 10_000,
    ) -> None:
        names = strategy_names()
        if strategy not in names:
            raise BadParams(f"sampler.strategy: {unknown_name_message('strategy for classification', strategy, names)}")
        require_at_least("sampler 'skactiveml'", 1, draws=draws, rows=rows)
        classifiers = ["LogisticRegression", *skactiveml.classifier.__all__]
        if classifier is not None and classifier not in classifiers:
            raise BadParams(f"sampler.classifier: {unknown_name_message('classifier', classifier, classifiers)}")
        self.strategy, self.params = strategy, dict(params)
        self.draws, self.rows = draws, rows
        self.classifier = classifier or OWN_CLASSIFIER.get(strategy)
        self._class = getattr(skactiveml.pool, strategy)
        self._takes = [name for name in CLASSIFIERS if name in inspect.signature(self._class.query).parameters]
        self._build_strategy(seed=0, classes=2)  # wrong parameters are refused now

    @property
    def needs(self) -> frozenset[Need]:
        """The data that the strategy reads: data about the images, and also the labels or the head if it uses them."""
        needs = {Need.FEATURES, Need.LABELLED_FEATURES}
        if "classes" in inspect.signature(self._class).parameters or self._takes:
            needs.add(Need.LABELS)
        if self._takes and self.classifier is None:
            if self.strategy in HEAD_ONLY:
                needs = {Need.FEATURES}
            needs.add(Need.PROB_SAMPLES if "ensemble" in self._takes else Need.PREDICT)
        return frozenset(needs)

    def _build_strategy(self, seed: int, classes: int) -> Any:
        accepted = inspect.signature(self._class).parameters
        given: dict[str, Any] = {"classes": np.arange(classes)} if "classes" in accepted else {}
        if "ensemble" in self._takes:
            given["sample_predictions_method_name"] = "sample_proba"
        unknown = [name for name in self.params if name not in accepted]
        if unknown:
            known = [name for name in accepted if name not in ("missing_label", "random_state")]
            raise BadParams(
                f"sampler.params: {unknown_name_message(f'parameter of {self.strategy}', unknown[0], known)}"
            )
        return self._class(**{**given, **self.params}, missing_label=UNLABELLED, random_state=seed)

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """Select as the Sampler contract says."""
        rows = sample_rows(len(view), self.rows, k, rng)
        x = view.lazy_features[rows]
        labelled = view.labelled_features if Need.LABELLED_FEATURES in self.needs else x[:0]
        labels = view.labels if Need.LABELS in self.needs else np.zeros(len(labelled), np.int64)
        everything = np.concatenate([x, labelled])
        y = np.concatenate([np.full(len(x), UNLABELLED), labels])
        classifier, count = self._classifier(view, x, rows, labels)
        strategy = self._build_strategy(int(rng.integers(2**31)), count)
        given = dict.fromkeys(self._takes, classifier)
        if self.classifier is None:
            given |= {f"fit_{name}": False for name in self._takes}
        try:
            chosen, utilities = strategy.query(everything, y, **given, batch_size=k, return_utilities=True)
        except (TypeError, ValueError, AttributeError, NotImplementedError) as error:
            raise UnmetNeed(
                f"sampler 'skactiveml': {self.strategy} of scikit-activeml {skactiveml.__version__} refuses: {error} "
                "Set sampler.classifier or sampler.params to what it takes, or choose another strategy."
            ) from error
        scores = np.asarray(utilities[np.arange(k), chosen], np.float32)
        descend = np.isfinite(scores).all() and (np.diff(scores) <= 0).all()
        return Selection(view.keys[rows[chosen]], scores if descend else None)

    def _classifier(self, view: PoolView, x: Floats, rows: Ints, labels: Ints) -> tuple[Any, int]:
        """Return what stands for the classifier, and how many classes there are."""
        if Need.PREDICT in self.needs:
            count = view.predict(x[:1]).shape[1]
            return FittedHead(view.predict, count), count
        if Need.PROB_SAMPLES in self.needs:
            count = view.lazy_prob_samples.shape[2]
            return Committee(x, partial(view.lazy_prob_samples.__getitem__, rows), count), count
        count = int(labels.max(initial=0)) + 1
        if self.classifier is None:
            return None, count
        if self.classifier == "LogisticRegression":
            return skactiveml.classifier.SklearnClassifier(
                LogisticRegression(), classes=np.arange(count), missing_label=UNLABELLED
            ), count
        kind = getattr(skactiveml.classifier, self.classifier)
        return kind(classes=np.arange(count), missing_label=UNLABELLED), count
