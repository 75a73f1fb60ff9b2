"""`alframe recheck_labels`: find labels that are probably wrong, and ask again about them without showing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alframe.commands import project_command
from alframe.contracts import AnswersInOnePlace, ServesPeople
from alframe.errors import LabelError, StoreError
from alframe.kit.parameters import require_at_least
from alframe.loop.answers import (
    close_request,
    collect_and_store_answers,
    count_required_answers,
    describe_answers,
    find_unviewable_images,
    label_source_of,
    make_request,
)
from alframe.loop.experiment import check_parts, list_pool_into_ledger
from alframe.loop.phase_results import RunCache
from alframe.loop.recheck import find_doubtful_labels, request_recheck
from alframe.loop.rechecked import describe_recheck, find_rechecks, read_rechecked_labels
from alframe.loop.serving import MIN_OUT_OF_FOLD_LABELS, serving_people, take_snapshot
from alframe.loop.session import Session, train_on_all_labels
from alframe.loop.waiting import wait_for_answers
from alframe.store.records import StoredRound
from alframe.tasks.doubtful_labels import describe_doubtful, list_doubtful, list_recheck
from alframe.tasks.label import WaitsForAnswers
from alframe.tasks.messages import no_project_message
from alframe.types import Item, Outcome, OutcomeState


@dataclass
class RecheckLabels(WaitsForAnswers):
    """Find labels that are probably wrong, and ask people again, without showing them the label or a suggestion.

    Each label is compared with the prediction of a model that has not seen this label. The label source of the campaign
    asks about the most doubtful labels in a separate round. Then the same command reads the answers. It says how often
    they agree with the labels, and what has changed. All answers stay in the ledger (the database of the project).
    """

    read_only = False

    images: int = 50
    ask: bool = True
    show: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least("task 'recheck_labels'", 1, images=self.images)
        require_at_least("task 'recheck_labels'", 0, show=self.show)

    def run(self, session: Session) -> Outcome:
        """Read the answers to an open recheck, or ask for a new one. Raises LabelError while another round is open."""
        if not session.project.has_begun:
            raise StoreError(no_project_message(session, "recheck_labels"))
        check_parts(session)
        cache = list_pool_into_ledger(session)
        incomplete = collect_and_store_answers(session, cache.listing.items, cache.problems)
        rounds, rechecks = session.ledger.stored_rounds(), session.recheck_rounds()
        if rounds and not rounds[-1].closed and self.ask:
            if rounds[-1].number in rechecks:
                return self._wait_or_report(session, cache, rounds[-1])
            _close_if_answered(session, rounds[-1], incomplete)
        if self.ask:
            _check_can_ask_again(session)
        count = len(session.decided_labels().counted)
        if count < MIN_OUT_OF_FOLD_LABELS:
            needed = f"At least {MIN_OUT_OF_FOLD_LABELS} are needed to find doubtful ones. Label more first."
            return Outcome(OutcomeState.DONE, f"There are {count} labels. {needed}")
        fitted = train_on_all_labels(session, cache)
        doubtful = find_doubtful_labels(session, fitted)
        lines = describe_doubtful(doubtful)
        if not self.ask or not doubtful.keys:
            lines += self._shortened_list(list_doubtful(cache.listing.items, doubtful))
            return Outcome(
                OutcomeState.DONE, "\n".join([*self._describe_last_recheck(session, cache.listing.items), *lines])
            )
        stored_round = request_recheck(session, cache, fitted, doubtful, self.images)
        return self._wait_or_report(session, cache, stored_round, lines)

    def _wait_or_report(
        self, session: Session, cache: RunCache, stored_round: StoredRound, found: Sequence[str] = ()
    ) -> Outcome:
        """Report when enough of the round is answered. Wait for this with `watch`, or if there is a server."""
        items, source = cache.listing.items, label_source_of(session, stored_round)
        message = source.request(make_request(session, stored_round, items))
        if self.watch or isinstance(source, ServesPeople):
            with serving_people(session) as serving:
                if serving is not None:
                    serving.publish(take_snapshot(session, cache, None))
                    serving.show_phase("waiting", "These images are asked again. Answer them as if they were new.")
                    session.log.info("\n%s\n%s\nCtrl-C stops.", message, serving.address)
                wait_for_answers(session, items, cache.problems, self.every, serving)
        incomplete = collect_and_store_answers(session, items, cache.problems, newest_only=True)
        labels, keys = session.decided_labels(), set(stored_round.keys)
        answered = (labels.settled_for_round(stored_round.number) & keys) - incomplete
        expected = keys - find_unviewable_images(session, items, keys - answered)
        if len(answered) < count_required_answers(session, len(expected)):
            again = project_command(session.folder, verb="recheck_labels")
            text = [*found, describe_answers(stored_round, labels, incomplete), message, f"Then run: {again}"]
            return Outcome(OutcomeState.WAITING, "\n".join(text))
        close_request(session, stored_round, len(answered))
        lines = [*found, *self._describe_last_recheck(session, items)]
        return Outcome(OutcomeState.DONE, "\n".join([*lines, f"To learn from this: {project_command(session.folder)}"]))

    def _describe_last_recheck(self, session: Session, items: Sequence[Item]) -> list[str]:
        """Return lines on the results of the last recheck, or [] before the first."""
        rechecks = find_rechecks(session)
        if not rechecks:
            return []
        stored_round, examined = rechecks[-1]
        checked = read_rechecked_labels(session, stored_round)
        return [*describe_recheck(stored_round, examined, checked), *self._shortened_list(list_recheck(items, checked))]

    def _shortened_list(self, lines: Sequence[str]) -> list[str]:
        more = len(lines) - self.show
        rest = [f"  ... and {more} more: show={len(lines)} lists all"] if more > 0 else []
        return [*(f"  {line}" for line in lines[: self.show]), *rest]


def _close_if_answered(session: Session, stored_round: StoredRound, incomplete: set[int]) -> None:
    """Close a round that asked about images without a label. Raises LabelError if it has too few answers."""
    keys = set(stored_round.keys)
    answered = (session.decided_labels().settled_for_round(stored_round.number) & keys) - incomplete
    if len(answered) >= count_required_answers(session, len(keys)):
        close_request(session, stored_round, len(answered))
        return
    raise LabelError(
        f"{describe_answers(stored_round, session.decided_labels(), incomplete)} Only one round can be open. Label "
        f"the rest first, or withdraw it: {project_command(session.folder, verb='withdraw')}. To list the doubtful "
        f"labels now: {project_command(session.folder, 'ask=false', verb='recheck_labels')}"
    )


def _check_can_ask_again(session: Session) -> None:
    """Raise LabelError if the label source keeps one answer for each image, because it would only repeat it."""
    source, name = session.parts.label_source, session.parts.name_of("label_source")
    if isinstance(source, AnswersInOnePlace) and source.answers_persist:
        raise LabelError(
            f"label_source={name} reads all answers from one place of yours, where the earlier answers are. So it "
            "cannot ask anybody again without showing them. Choose another for this, such as label_source=web, or "
            'label_source=csv with "label_source.files=[]".'
        )
