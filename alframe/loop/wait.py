"""Wait for people: look again and again, and take in what has come."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from alframe.loop.answers import take_in, unreadable
from alframe.loop.session import Session
from alframe.loop.work import Reported
from alframe.progress import Bar
from alframe.types import Item


def wait_for_answers(session: Session, items: Sequence[Item], reported: Reported, every: float) -> None:
    """Return when enough of the open request is answered, and look every `every` seconds until then.

    Each answer is in the ledger as soon as it is seen, so whatever ends the waiting loses nothing.
    """
    asked = session.ledger.rounds()[-1]
    keys = set(asked.keys)
    keys -= unreadable(session, items, keys - session.labels().answered)
    wanted, done = math.ceil(session.settings.enough * len(keys)), 0
    with Bar(f"Round {asked.number}, answered", total=len(keys), unit="img", delay=0.0, forecast=False) as bar:
        while True:
            still_open = take_in(session, items, reported, newest_only=True)
            now = len((session.labels().answered_in(asked.number) & keys) - still_open)
            bar.advance(now - done)
            done = now
            if done >= wanted:
                return
            time.sleep(every)
