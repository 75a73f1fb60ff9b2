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
    """Return when enough of the open request is answered, and look every `every` seconds until then.

    People who are served are told which of their answers do not count, and `message` when that is settled. Each answer
    is in the ledger as soon as it is seen, so whatever ends the waiting loses nothing.
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
