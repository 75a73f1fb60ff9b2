"""`alframe label`: read the answers so far, once or repeatedly."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.commands import project_command
from alframe.errors import BadParams, StoreError
from alframe.loop.answers import close_request, collect_and_store_answers, describe_answers
from alframe.loop.experiment import list_pool_into_ledger
from alframe.loop.labels import DecidedLabels
from alframe.loop.phase_results import ProblemLog
from alframe.loop.serving import serving_people, take_snapshot
from alframe.loop.session import Session
from alframe.loop.waiting import wait_for_answers
from alframe.tasks.messages import no_project_message
from alframe.types import Outcome, OutcomeState


@dataclass
class WaitsForAnswers:
    """A task that may wait for answers. With `watch`, it looks for them every `every` seconds."""

    watch: bool = False
    every: float = 5.0

    def __post_init__(self) -> None:
        if self.every <= 0:
            raise BadParams(f"every={self.every:g}: must be a number of seconds above 0.")


class Label(WaitsForAnswers):
    """Store all answers so far."""

    read_only = False

    def run(self, session: Session) -> Outcome:
        """Store the answers. The next run trains on them. Raises StoreError if there is no project."""
        if not session.project.has_begun:
            raise StoreError(no_project_message(session, "label"))
        items, problems, before = session.ledger.items_on_demand(), ProblemLog(), session.decided_labels()
        incomplete = collect_and_store_answers(session, items, problems)
        rounds = session.ledger.stored_rounds()
        if self.watch and rounds and not rounds[-1].closed and rounds[-1].requested:
            with serving_people(session) as serving:
                if serving is not None:
                    serving.publish(take_snapshot(session, list_pool_into_ledger(session), None))
                    serving.show_phase("waiting", "")
                wait_for_answers(session, items, problems, self.every, serving)
            incomplete = set()
        labels = session.decided_labels()
        lines = [_describe_changes(before, labels)]
        if rounds and not rounds[-1].closed:
            lines.append(describe_answers(rounds[-1], labels, incomplete))
        return Outcome(OutcomeState.WAITING, "\n".join([*lines, f"Continue with: {project_command(session.folder)}"]))


def _describe_changes(before: DecidedLabels, after: DecidedLabels) -> str:
    old, new = ({label.item: label.class_name for label in labels.counted} for labels in (before, after))
    corrected = sum(new.get(item, name) != name for item, name in old.items())
    added = len(after.labelled_or_unsure - before.labelled_or_unsure)
    removed = len(before.labelled_or_unsure - after.labelled_or_unsure)
    counts = {f"new answer{'s' * (added != 1)}": added, "cleared or in conflict": removed, "corrected": corrected}
    changes = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{changes}; labelled images in total: {len(new)}." if changes else "Nothing new."


class Withdraw:
    """Close the open batch. Its answers count. Its other images may be requested again after some rounds."""

    read_only = False

    def run(self, session: Session) -> Outcome:
        """Close the request. Its files stay, and answers that people write there later count."""
        go_on = f"Choose another batch with: {project_command(session.folder)}"
        rounds = session.ledger.stored_rounds() if session.project.has_begun else []
        if not rounds or rounds[-1].closed:
            return Outcome(OutcomeState.DONE, f"No request is open, so there is nothing to withdraw. {go_on}")
        stored_round, items = rounds[-1], session.ledger.items_on_demand()
        incomplete = collect_and_store_answers(session, items, ProblemLog()) if stored_round.requested else set()
        labels = session.decided_labels()
        answered = labels.settled_for_round(stored_round.number) & set(stored_round.keys)
        close_request(session, stored_round, len(answered), withdrawn=True)
        progress = describe_answers(stored_round, labels, incomplete)
        return Outcome(OutcomeState.WAITING, f"{progress} The round is withdrawn.\n{go_on}")
