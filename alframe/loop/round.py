"""One round, top to bottom. Every phase asks the ledger whether it is done, so a pause and a crash resume alike."""

from __future__ import annotations

from alframe.loop.answers import collect_answers
from alframe.loop.campaign import Campaign
from alframe.loop.choosing import choose_batch, find_candidates, find_stop_reason, request_labels
from alframe.loop.embedding import embed_pool
from alframe.loop.finetune import update_embedder
from alframe.loop.learning import fit_head, measure_head
from alframe.loop.values import Answered, Candidates, Fitted, RoundState
from alframe.types import Outcome, RoundRecord, State


def run_round(campaign: Campaign, state: RoundState) -> tuple[Outcome, Fitted | None]:
    """Collect the answers, learn from them, and ask for more; nothing is fitted while answers are waited for."""
    with state.timed("labels"):
        answered = collect_answers(campaign, state)
    if isinstance(answered, Outcome):
        return answered, None
    fitted, candidates, record = train_and_measure(campaign, state, answered)
    if record is not None:
        for tracker in campaign.parts.trackers:
            tracker.log(record)
    stop_reason = find_stop_reason(campaign, answered, candidates)
    if stop_reason is not None:
        return Outcome(State.DONE, stop_reason), fitted
    with state.timed("selection"):
        chosen = choose_batch(campaign, answered, fitted, candidates)
        request_labels(campaign, state, chosen)
    return Outcome(State.CONTINUE), fitted


def train_and_measure(
    campaign: Campaign, state: RoundState, answered: Answered
) -> tuple[Fitted, Candidates, RoundRecord | None]:
    """Fine-tune the network if that is due, embed the pool, fit the head on the labels, and measure it."""
    with state.timed("training"):
        embedder = update_embedder(campaign, state, answered)
    with state.timed("embedding"):
        embedded = embed_pool(campaign, state, embedder)
        candidates = find_candidates(campaign, answered, embedded)
    with state.timed("head"):
        fitted = fit_head(campaign, answered, embedded)
        record = measure_head(campaign, state, answered, candidates, fitted)
    return fitted, candidates, record
