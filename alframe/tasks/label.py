"""`alframe label`: take in what has been labelled so far, at once or as it comes."""

from __future__ import annotations

from alframe.errors import BadParams
from alframe.loop.answers import close, progress, take_in
from alframe.loop.labels import Labels
from alframe.loop.session import Session
from alframe.loop.wait import wait_for_answers
from alframe.loop.work import Reported
from alframe.store.ledger import FILE_NAME
from alframe.tasks.words import command, no_project, project_argument
from alframe.types import Outcome, State


class Label:
    """Enter all answers into the ledger; with `watch`, look every `every` seconds until the batch is answered."""

    read_only = False

    def __init__(self, watch: bool = False, every: float = 5.0) -> None:
        if every <= 0:
            raise BadParams(f"every is {every}; it takes seconds above 0.")
        self.watch = watch
        self.every = every

    def run(self, session: Session) -> Outcome:
        """Nothing is learned yet, and nothing more is asked for: that is the next run's."""
        if not (session.folder / FILE_NAME).exists():
            return Outcome(State.DONE, no_project(session.folder, "label"))
        items, reported, before = session.ledger.items(), Reported(), session.labels()
        still_open = take_in(session, items, reported)
        rounds = session.ledger.rounds()
        if self.watch and rounds and not rounds[-1].answered and rounds[-1].requested:
            wait_for_answers(session, items, reported, self.every)
            still_open = set()
        labels = session.labels()
        lines = [_news(before, labels)]
        if rounds and not rounds[-1].answered:
            lines.append(progress(rounds[-1], labels, still_open))
        return Outcome(State.WAITING, "\n".join([*lines, f"Go on with: {command(project_argument(session.folder))}"]))


def _news(before: Labels, now: Labels) -> str:
    """What has changed, in words."""
    old, new = ({one.item: one.class_name for one in labels.counted} for labels in (before, now))
    changed = sum(new.get(item, name) != name for item, name in old.items())
    added, gone = len(now.answered - before.answered), len(before.answered - now.answered)
    counts = {
        "new answer" if added == 1 else "new answers": added,
        "taken back or in dispute": gone,
        "corrected": changed,
    }
    news = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{news}; images labelled in all: {len(new)}." if news else "Nothing new."


class Withdraw:
    """Wait no longer for the open request: what is answered counts, the other images go back into the pool."""

    read_only = False

    def run(self, session: Session) -> Outcome:
        """The files people were given stay where they are, and an answer that is written there later still counts."""
        go_on = f"Choose another batch with: {command(project_argument(session.folder))}"
        if not (session.folder / FILE_NAME).exists() or not (rounds := session.ledger.rounds()) or rounds[-1].answered:
            return Outcome(State.DONE, f"Nothing is awaited, so there is nothing to withdraw. {go_on}")
        asked, items = rounds[-1], session.ledger.items()
        still_open = take_in(session, items, Reported()) if asked.requested else set()
        labels = session.labels()
        close(session, asked, len(labels.answered_in(asked.number) & set(asked.keys)), withdrawn=True)
        return Outcome(State.WAITING, f"{progress(asked, labels, still_open)} The round is withdrawn.\n{go_on}")
