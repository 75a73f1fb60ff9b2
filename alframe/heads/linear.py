"""The head `linear`: multinomial logistic regression on scaled embeddings."""

from __future__ import annotations

import logging

import numpy as np

from alframe.heads.fitting import LinearLogitsHead, expand_layer_to_all_classes, limit_to_one_thread, scale_examples
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.types import Floats, Floats64, Ints

log = logging.getLogger(__name__)


GRADIENT_TOLERANCE = 1e-4  # of the largest slope of the mean cross-entropy in nats; as in scikit-learn
LOSS_TOLERANCE = 64 * float(np.finfo(np.float64).eps)  # a step that gains less gains nothing but rounding errors
LBFGS_MEMORY = 10  # steps that L-BFGS remembers
ROUGH_LBFGS_MEMORY = 5  # of a fit that need not be exact: its steps are faster, and as many
CONSTANT_FEATURE = (
    3.0  # a feature whose weight gives the intercept: by it the penalty on the weights covers the intercept, too
)


class Linear(LinearLogitsHead):
    """Predict by multinomial logistic regression with an L2 penalty (a linear probe).

    L-BFGS fits it to its optimum, in float32. The fit is convex, so `rng` is not used. The intercept is penalised too.
    A sampler chooses the labelled images, so the class frequencies among a few labels are not those of the pool, and
    the model should not learn them.
    """

    name = "linear"

    def __init__(
        self, c: float = 0.1, max_iter: int = 1000, class_weight: str | None = None, logit_adjustment: float = 0.0
    ) -> None:
        require_parameter("head 'linear'", c > 0, "above 0", c=c)
        require_parameter("head 'linear'", max_iter > 0, "above 0", max_iter=max_iter)
        is_known = class_weight in (None, "balanced")
        require_parameter("head 'linear'", is_known, "balanced or null", class_weight=class_weight)
        require_at_least("head 'linear'", 0, logit_adjustment=logit_adjustment)
        self.c, self.max_iter = c, max_iter
        self.class_weight, self.logit_adjustment = class_weight, logit_adjustment

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        self.fit_weighted(x, y, classes, rng, np.ones(len(y), np.float32))

    def fit_weighted(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, weights: Floats) -> None:
        scaled, mean, scale, present, target = scale_examples(x, y, weights)
        targets = np.eye(len(present), dtype=np.float32)[target] * weights[:, None]
        shares = targets.sum(axis=0) / targets.sum()
        offsets = self.logit_adjustment * np.log(shares)[None] if self.logit_adjustment else None
        if self.class_weight == "balanced":
            targets /= len(present) * shares
        weights, biases = fit_logistic_regressions(scaled, targets[None], self.c, self.max_iter, "linear", offsets)
        weight, bias = expand_layer_to_all_classes(weights[0], biases[0], present, classes)
        self._state = {"mean": mean, "scale": scale, "weight": weight, "bias": bias}


def fit_logistic_regressions(
    x: Floats,
    targets: Floats,
    c: float,
    max_iter: int,
    name: str,
    offsets: Floats | None = None,
    start: tuple[Floats, Floats] | None = None,
    tolerance: float = GRADIENT_TOLERANCE,
) -> tuple[Floats, Floats]:
    """Return weights (k, P, D) and intercepts (k, P) of k penalised regressions of `targets` (k, m, P) on `x` (m, D).

    All are fitted together, because small fits take most of their time between the products. A row of `targets` has the
    weight of the example for each class: 1 for its own class if all examples have the same weight; zeros leave it out.
    `name` is the name of the head for the warning that the fit has not reached its optimum. `offsets` (k, P) are added
    to the logits in the fit, but not to the result. `start` is the result for similar examples, which saves steps.
    """
    from scipy.optimize import minimize

    # scikit-learn's LogisticRegression(fit_intercept=False) on the same features finds the same optimum (to 1e-6 in the
    # probabilities), but takes 7 to 9 % longer for 500 labels and 3 to 5 % for 5,000 (20 classes, 1,280 features of
    # float32, one thread, scikit-learn 1.9, median of interleaved runs), and 2 to 19 % longer with two classes.
    k, m, classes = targets.shape
    if classes == 1:  # one class only: whatever the image, that class
        return np.zeros((k, 1, x.shape[1]), np.float32), np.zeros((k, 1), np.float32)
    features = np.column_stack([x, np.full(m, CONSTANT_FEATURE)]).astype(np.float32)
    # Two classes have one vector of weights, the second one's; the first one's is 0.
    fitted = slice(1, 2) if classes == 2 else slice(None)
    shape = (k, len(range(classes)[fitted]), features.shape[1])
    by_class = np.ascontiguousarray(targets.transpose(0, 2, 1))  # (k, P, m): sums over the classes are fast then
    totals = by_class.sum(axis=1)

    def objective(flat: Floats64) -> tuple[float, Floats64]:
        logits = np.zeros_like(by_class)
        products = flat.reshape(-1, shape[2]).astype(np.float32) @ features.T
        logits[:, fitted] = products.reshape(k, -1, m)
        if offsets is not None:
            logits += offsets[:, :, None]
        logits -= logits.max(axis=1, keepdims=True)
        value = -(by_class * logits).sum(dtype=np.float64)
        powers = np.exp(logits, out=logits)
        sums = powers.sum(axis=1)
        value += (totals * np.log(sums)).sum(dtype=np.float64)
        error = powers * (totals / sums)[:, None] - by_class
        slope = (error[:, fitted].reshape(-1, m) @ features).astype(np.float64).ravel()
        return value / m + flat @ flat / (2 * c * m), (slope + flat / c) / m

    first = np.zeros(shape)
    if start is not None:
        start_weights = np.column_stack([start[0], start[1] / CONSTANT_FEATURE]).astype(np.float64)
        first[:] = start_weights[1:] - start_weights[0] if classes == 2 else start_weights
    # Always from the same start, never from the last round's weights: a resumed run must choose as one that was not
    # (docs/adr/0011-heads-start-from-nothing.md).
    with limit_to_one_thread():
        memory = LBFGS_MEMORY if tolerance == GRADIENT_TOLERANCE else ROUGH_LBFGS_MEMORY
        options = {"maxiter": max_iter, "gtol": tolerance, "ftol": LOSS_TOLERANCE, "maxls": 50, "maxcor": memory}
        result = minimize(objective, first.ravel(), jac=True, method="L-BFGS-B", options=options)
    if result.nit >= max_iter:
        log.warning(
            "head '%s' did not reach its optimum in head.max_iter=%d steps: raise it, or lower head.c=%g.",
            name,
            max_iter,
            c,
        )
    weights = np.zeros((k, classes, shape[2]), np.float32)
    weights[:, fitted] = result.x.reshape(shape)
    return weights[..., :-1], CONSTANT_FEATURE * weights[..., -1]
