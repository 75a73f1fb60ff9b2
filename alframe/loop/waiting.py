"""Wait until people have answered enough of the open request."""

from __future__ import annotations

import time
from collections.abc import Sequence

from alframe.allocator import return_freed_memory
from alframe.contracts import LabellingServer
from alframe.loop.answers import collect_and_store_answers, count_required_answers, find_unviewable_images
from alframe.loop.campaign import Campaign
from alframe.loop.labels import describe_unresolved_conflicts
from alframe.loop.phase_results import ProblemLog
from alframe.progress import Bar
from alframe.types import Item


def wait_for_answers(
    campaign: Campaign,
    items: Sequence[Item],
    problems: ProblemLog,
    every: float,
    serving: LabellingServer | None = None,
    message: str = "",
) -> None:
    """Return when enough of the open request is answered. Look for answers every `every` seconds.

    The server shows people which of their answers have conflicts and do not count, or else `message`. Each answer is
    stored in the ledger as soon as it is found, so no answer is lost if the waiting ends early.
    """
    return_freed_memory()
    stored_round = campaign.ledger.stored_rounds()[-1]
    keys = set(stored_round.keys)
    settled = campaign.decided_labels().settled_for_round(stored_round.number)
    keys -= find_unviewable_images(campaign, items, keys - settled)
    needed, shown, shown_problem = count_required_answers(campaign, len(keys)), 0, ""
    with Bar(f"Round {stored_round.number}, answered", total=len(keys), unit="img", delay=0.0, forecast=False) as bar:
        while True:
            incomplete = collect_and_store_answers(campaign, items, problems, newest_only=True)
            labels = campaign.decided_labels()
            answered = len((labels.settled_for_round(stored_round.number) & keys) - incomplete)
            problem = describe_unresolved_conflicts(labels, keys, items)
            if serving is not None and problem != shown_problem:
                serving.show_phase("waiting", problem or message)
                shown_problem = problem
            bar.advance(answered - shown)
            shown = answered
            if answered >= needed:
                return
            (serving.wait_for_answer if serving else time.sleep)(every)
