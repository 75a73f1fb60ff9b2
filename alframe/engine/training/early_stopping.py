"""Stop a training that no longer helps: macro-F1 on labels that it does not see."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from alframe.data.loading import load_batches, normalise
from alframe.engine.listing.groups import assign_groups, draw_stratified_groups
from alframe.errors import PoolError
from alframe.types import Floats, InputSpec, Ints, Item

VALIDATION_FRACTION = 0.2  # of the labels
BATCH_SIZE = 64
log = logging.getLogger(__name__)


def split_validation(items: Sequence[Item], y: Ints, group: str, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Rows to train on and rows to judge by: about a fifth of each class, and no `group` on both sides.

    There are none to judge by where whole groups do not allow it.
    """
    names = assign_groups(items, group)
    chosen = draw_stratified_groups(names, [str(one) for one in y.tolist()], VALIDATION_FRACTION, rng)
    judges = np.array([name in chosen for name in names], np.bool_)
    if judges.all() or len(np.unique(y[~judges])) < 2:
        judges[:] = False
    return np.flatnonzero(~judges), np.flatnonzero(judges)


class EarlyStopping:
    """Keeps the best weights, and says when `patience` epochs have not bettered them.

    Each judging image is given the class whose mean embedding of the `rows` trained on is nearest, which suits any
    loss; the score is the mean F1 over the classes of the images in `judges`. The weights from before the training
    are the first to beat, so a training that only harms is undone. One look embeds all labelled images once.
    """

    def __init__(
        self, items: Sequence[Item], y: Ints, rows: Ints, judges: Ints, spec: InputSpec, workers: int, patience: int
    ) -> None:
        self.items = items
        self.y = y
        self.rows = rows
        self.validation_rows = judges
        self.spec = spec
        self.workers = workers
        self.patience = patience
        self.scores: list[float] = []
        self.best = 0  # the place of the best score
        self._state: dict[str, torch.Tensor] = {}

    def should_stop(self, module: nn.Module, device: str, advance: Callable[[int], None]) -> bool:
        """Look at `module`, in evaluation mode, as it is now; `advance` is told how many images have been looked at."""
        score = self._macro_f1(module, device, advance)
        if not self.scores or score > self.scores[self.best]:
            self.best = len(self.scores)
            self._state = {name: tensor.detach().cpu().clone() for name, tensor in module.state_dict().items()}
        self.scores.append(score)
        return len(self.scores) - 1 - self.best >= self.patience

    def restore_best(self, module: nn.Module) -> None:
        """The best weights."""
        module.load_state_dict(self._state)
        log.info(
            "Fine-tuning: macro-F1 on %d labels set apart was %.3f before and %.3f after epoch %d, whose weights stay.",
            len(self.validation_rows),
            self.scores[0],
            self.scores[self.best],
            self.best,
        )

    def _macro_f1(self, module: nn.Module, device: str, advance: Callable[[int], None]) -> float:
        from sklearn.metrics import f1_score

        known, x = self._embed(module, self.rows, device, advance)
        judged, z = self._embed(module, self.validation_rows, device, advance)
        if not len(known) or not len(judged):
            raise PoolError(
                f"Fine-tuning: none of the {len(self.validation_rows)} labelled images that were set apart to judge "
                "it can be read, or none of the others. Mend the files, or set patience=null."
            )
        classes = np.unique(self.y[known])
        means = np.stack([x[self.y[known] == one].mean(0) for one in classes])
        distances = (means * means).sum(1) - 2 * z @ means.T
        truth = self.y[judged]
        predicted = classes[distances.argmin(1)]
        return float(f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0))

    def _embed(self, module: nn.Module, rows: Ints, device: str, advance: Callable[[int], None]) -> tuple[Ints, Floats]:
        """The readable ones of `rows`, and their embeddings."""
        batches = [rows[at : at + BATCH_SIZE].tolist() for at in range(0, len(rows), BATCH_SIZE)]
        good: list[int] = []
        found: list[Floats] = []
        for batch in load_batches(self.items, self.spec, batches, self.workers):
            if batch.readable_rows:
                with torch.inference_mode():
                    x = module(normalise(batch.pixels, self.spec, device))
                found.append(x.float().cpu().numpy())
                good += batch.readable_rows
            advance(len(batch.rows))
        return np.array(good, np.int64), np.concatenate(found or [np.empty((0, 0), np.float32)])
