"""One round from its beginning to its end. The ledger shows which phases are done, also after a pause or a crash."""

from __future__ import annotations

from alframe.loop.answers import collect_answers
from alframe.loop.campaign import Campaign
from alframe.loop.choosing import choose_batch, find_candidates, find_stop_reason, record_and_request
from alframe.loop.embedding import embed_pool
from alframe.loop.finetune import fine_tune_if_due
from alframe.loop.learning import evaluate_and_record, fit_new_head
from alframe.loop.phase_results import Candidates, HeadFitResult, LabelSnapshot, RunCache
from alframe.types import Outcome, OutcomeState, RoundRecord


def run_round(campaign: Campaign, cache: RunCache) -> tuple[Outcome, HeadFitResult | None]:
    """Collect the answers, train on them, and request more. While answers are missing, nothing is fitted."""
    with cache.timed("labels"):
        snapshot = collect_answers(campaign, cache)
    if isinstance(snapshot, Outcome):
        return snapshot, None
    fitted, candidates, record = train_embed_and_measure(campaign, cache, snapshot)
    if record is not None:
        for tracker in campaign.parts.trackers:
            tracker.log(record)
    stop_reason = find_stop_reason(campaign, snapshot, candidates)
    if stop_reason is not None:
        return Outcome(OutcomeState.DONE, stop_reason), fitted
    with cache.timed("selection"):
        chosen = choose_batch(campaign, snapshot, fitted, candidates)
        record_and_request(campaign, cache, chosen)
    return Outcome(OutcomeState.CONTINUE), fitted


def train_embed_and_measure(
    campaign: Campaign, cache: RunCache, snapshot: LabelSnapshot
) -> tuple[HeadFitResult, Candidates, RoundRecord | None]:
    """Fine-tune the network if this is due, embed the pool, fit the head on the labels, and measure it."""
    with cache.timed("training"):
        embedder = fine_tune_if_due(campaign, cache, snapshot)
    with cache.timed("embedding"):
        embedded = embed_pool(campaign, cache, embedder)
        candidates = find_candidates(campaign, snapshot, embedded)
    with cache.timed("head"):
        fitted = fit_new_head(campaign, snapshot, embedded)
        record = evaluate_and_record(campaign, cache, snapshot, candidates, fitted)
    return fitted, candidates, record
