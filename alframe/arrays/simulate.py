"""Simulate active learning on arrays whose labels are all known, to compare samplers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from alframe import seeding
from alframe.app.part_recipes import default_part_name
from alframe.arrays.campaign import DEFAULTS, Campaign
from alframe.arrays.choosing import build_sampler
from alframe.arrays.pool import ArrayPool, make_array_pool
from alframe.comparison.tidy import evaluated_round_rows
from alframe.contracts import Head, Sampler
from alframe.engine.listing.groups import draw_stratified_groups
from alframe.engine.measuring.evaluate import HELD_OUT_BASIS, evaluate_probs
from alframe.errors import BadParams
from alframe.kit.arrays import as_row_numbers, number_classes
from alframe.kit.pool_views import predict_in_chunks
from alframe.progress import track
from alframe.types import Floats, Ints, RoundRecord

if TYPE_CHECKING:
    import pandas as pd

SamplerChoice = str | Sampler | None


def simulate(
    features: Any,
    labels: Any,
    *,
    sampler: SamplerChoice | Sequence[SamplerChoice] | Mapping[str, SamplerChoice] = None,
    seeds: int | Iterable[int] = 5,
    budget: int = 200,
    batch: int = DEFAULTS.batch,
    start: int = DEFAULTS.start.labels,
    start_sampler: str | Sampler | None = None,
    head: str | Head | None = None,
    test: Any = DEFAULTS.holdout.fraction,
    keys: Any = None,
    sequences: Any = None,
    per_sequence: int | None = DEFAULTS.per_sequence,
) -> pd.DataFrame:
    """Simulate a campaign for each sampler and seed; return the learning curves as a tidy table.

    The labels (N,) of `features` (N, D) are all known. The label of a row is hidden until the sampler chooses the row.
    With the same seed, all samplers have the same test rows and the same first batch. Columns: sampler, seed, round,
    labels, seconds, selection_seconds, n, accuracy with its 95 % interval low and high, and the other measures of
    `alframe compare`. `classes` is the number of classes with a label. `pool_accuracy` is the accuracy on the whole
    pool, where labels count as right and the head predicts the other rows: the result for a user who stops after this
    round (Kurinchi-Vendhan and Beery 2026, 2606.03821).

    `sampler`: one or several names or built samplers; None: the command line's default and "random". In a dictionary,
    the keys are the names of the samplers in the table, such as `{"purity 0.5": al.build(...)}`.
    `seeds`: a number of seeds, which start at 0, or a list of seeds.
    `budget`: labels at the end; `batch`: labels of a round; `start`: labels of the first batch.
    `test`: the share of the rows that is held out for testing, in whole sequences; or these rows, as keys or a mask.
    The other parameters are as in `alframe.Campaign`.
    """
    import pandas as pd

    pool = make_array_pool(features, keys, sequences)
    y, classes = number_classes(labels)
    if len(y) != len(pool):
        raise BadParams(f"labels: there are {len(y)} for {len(pool)} rows of features; give one for each row.")
    if not 1 <= start <= budget:
        raise BadParams(f"start={start}: must be from 1 to budget={budget}.")
    names = [str(name) for name in classes]
    truth = [names[number] for number in y.tolist()]
    several = _samplers_by_name(sampler)
    numbers = range(seeds) if isinstance(seeds, int) else [int(seed) for seed in seeds]
    if not numbers or len(set(numbers)) < len(numbers):
        raise BadParams(f"seeds={seeds}: must be a number from 1, or different seeds.")
    rows: list[dict[str, object]] = []
    runs = [(name, choice, seed) for name, choice in several.items() for seed in numbers]
    for name, choice, seed in track(runs, "Simulating", unit="run"):
        test_rows = _draw_test_rows(test, pool, truth, seed)
        campaign = Campaign(
            pool,
            sampler=choice,
            head=head,
            start_sampler=start_sampler,
            per_sequence=per_sequence,
            candidates=~np.isin(np.arange(len(pool)), test_rows),
            seed=seed,
        )
        found = list(_simulate_one_run(campaign, y, names, test_rows, pool.features, (start, batch, budget)))
        tidy = evaluated_round_rows([record for record, _ in found], sampler=name, seed=seed)
        rows += [{**row, "pool_accuracy": accuracy} for row, (_, accuracy) in zip(tidy, found, strict=True)]
    return pd.DataFrame(rows)


def _simulate_one_run(
    campaign: Campaign, y: Ints, names: Sequence[str], test_rows: Ints, features: Floats, sizes: tuple[int, int, int]
) -> Iterator[tuple[RoundRecord, float]]:
    """Yield each round with a model, and its accuracy on the whole pool, until the budget or the rows are spent."""
    start, batch, budget = sizes
    truth = [names[number] for number in y[test_rows].tolist()]
    selection_seconds = 0.0
    while True:
        since = time.perf_counter()
        known, has_model = len(campaign.labels), len(campaign.classes) > 1
        if has_model:
            probs = campaign.fit_head().probs(features[test_rows])
            seconds = {"head": time.perf_counter() - since, "selection": selection_seconds}
            classes = tuple(names[number] for number in campaign.classes)
            record = RoundRecord(
                round=campaign.round_count,
                labels=known,
                unlabelled=campaign.rows_left,
                set_aside=0,
                classes=classes,
                evaluation=evaluate_probs(probs, classes, truth, HELD_OUT_BASIS),
                fingerprint="",
                seconds=seconds,
                at=datetime.now(UTC),
            )
            yield record, _whole_pool_accuracy(campaign, y, features)
        size = min(batch if has_model else start, budget - known)
        if size == 0 or not campaign.rows_left:
            return
        since = time.perf_counter()
        chosen = campaign.ask(size)
        selection_seconds = time.perf_counter() - since
        campaign.tell(chosen.keys, y[chosen.rows])


def _whole_pool_accuracy(campaign: Campaign, y: Ints, features: Floats) -> float:
    """Return the accuracy on all candidates, where the rows with a label count as right."""
    left, head, classes = campaign.unlabelled_rows, campaign.fit_head(), np.array(campaign.classes)
    predicted = predict_in_chunks(features, left, lambda x: head.probs(x).argmax(axis=1))
    known = len(campaign.labels)
    return float((known + np.count_nonzero(classes[predicted] == y[left])) / (known + len(left)))


def _samplers_by_name(
    sampler: SamplerChoice | Sequence[SamplerChoice] | Mapping[str, SamplerChoice],
) -> dict[str, SamplerChoice]:
    """Return the samplers by their names in the table. Raises BadParams if a name occurs twice, or if there is none."""
    if sampler is not None and not isinstance(sampler, str) and sampler in ([], (), {}):
        raise BadParams("sampler: the list is empty. Give at least one sampler, or None for the default and random.")
    if isinstance(sampler, Mapping):
        return dict(sampler)
    several: list[SamplerChoice] = [None, "random"] if sampler is None else [cast(SamplerChoice, sampler)]
    if isinstance(sampler, list | tuple):
        several = list(sampler)
    named: dict[str, SamplerChoice] = {}
    for choice in several:
        name = build_sampler(choice or default_part_name("sampler"), 0)[1]
        if name in named:
            raise BadParams(
                f"sampler: there are two of the name {name!r}, which the table could not tell apart. List each sampler "
                "once (`seeds` repeats the runs), or give a dictionary of samplers by their names."
            )
        named[name] = choice
    return named


def _draw_test_rows(test: Any, pool: ArrayPool, truth: Sequence[str], seed: int) -> Ints:
    """Return the held-out rows: the rows that the user names, or a share of each class, drawn as in a campaign."""
    if not isinstance(test, int | float) or isinstance(test, bool):
        rows = as_row_numbers(test, pool.keys, "test")
        if not len(rows):
            raise BadParams("test names no row, so nothing can be measured. Name at least one row.")
        return rows
    if not 0 < test < 1:
        raise BadParams(f"test={test}: must be a part of the rows, above 0 and below 1, or the rows themselves.")
    # In the order of a campaign's groups: first the rows without a sequence, then the sequences.
    sequences = np.char.add("1", np.char.zfill(pool.sequences.astype(str), 12))
    groups = np.where(pool.sequences < 0, np.char.add("0", pool.keys.astype(str)), sequences)
    drawn = draw_stratified_groups(groups.tolist(), truth, test, seeding.generator(seed, "holdout"))
    return np.flatnonzero(np.isin(groups, list(drawn)))
