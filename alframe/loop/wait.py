"""Wait for people: look again and again, and take in what has come."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from alframe.loop.answers import find_unviewable, store_answers
from alframe.loop.campaign import Campaign
from alframe.loop.round_state import ProblemLog
from alframe.progress import Bar
from alframe.types import Item


def wait_for_answers(campaign: Campaign, items: Sequence[Item], problems: ProblemLog, every: float) -> None:
    """Return when enough of the open request is answered, and look every `every` seconds until then.

    Each answer is in the ledger as soon as it is seen, so whatever ends the waiting loses nothing.
    """
    asked = campaign.ledger.rounds()[-1]
    keys = set(asked.keys)
    keys -= find_unviewable(campaign, items, keys - campaign.labels().answered)
    needed, shown = math.ceil(campaign.settings.enough * len(keys)), 0
    with Bar(f"Round {asked.number}, answered", total=len(keys), unit="img", delay=0.0, forecast=False) as bar:
        while True:
            incomplete = store_answers(campaign, items, problems, newest_only=True)
            answered = len((campaign.labels().answered_in(asked.number) & keys) - incomplete)
            bar.advance(answered - shown)
            shown = answered
            if answered >= needed:
                return
            time.sleep(every)
