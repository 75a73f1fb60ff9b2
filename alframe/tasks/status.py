"""`alframe status`: the state of a project, the missing answers, and the next step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass

from alframe.commands import project_command, quote_argument, short_path
from alframe.contracts import AnswersInOnePlace, ServesPeople
from alframe.errors import AlframeError, StoreError
from alframe.loop.agreement import describe_agreement, measure_agreement
from alframe.loop.answers import collect_by_key, label_source_of, make_request
from alframe.loop.discovery import describe_added_images, describe_unseen_classes
from alframe.loop.embedding import describe_duplicate_counts, load_damaged, load_duplicate_counts
from alframe.loop.labels import describe_conflicts
from alframe.loop.pool_counts import count_pool
from alframe.loop.session import Session
from alframe.loop.target import describe_target
from alframe.settings import non_default_settings
from alframe.settings.fields import format_for_command_line
from alframe.tasks.accuracy_tables import accuracy_table, describe_unanswered_audit
from alframe.tasks.messages import no_project_message
from alframe.types import UNSURE, Item, Outcome, OutcomeState


@dataclass
class Status:
    """Show the state of the campaign, and change nothing."""

    read_only = True

    show: int = 20

    def run(self, session: Session) -> Outcome:
        """Describe the state in the ledger, and the answers since. Raises StoreError if there is no project."""
        if not session.project.has_begun:
            raise StoreError(no_project_message(session, "status"))
        ledger, items = session.ledger, session.ledger.items_on_demand()
        labels = session.decided_labels()
        counts = Counter(label.class_name for label in labels.counted)
        unlabelled_audit = session.unlabelled_audit_keys()
        answered, problems = _read_answers(session, items)
        represented = load_duplicate_counts(ledger)
        agreement = measure_agreement(ledger.stored_labels(), session.recheck_rounds())
        lines = [
            f"Project:  {short_path(session.folder)}",
            *_describe_changed_settings(session),
            f"Images:   {count_pool(session, items, answered)}",
            *([f"Near-duplicates: {describe_duplicate_counts(represented)}"] if represented.images else []),
            f"Labels:   {len(labels.counted)}"
            + "".join(f"\n          {count:6d}  {name}" for name, count in counts.most_common()),
            *([f"          {unseen}"] if (unseen := describe_unseen_classes(session)) else []),
            "",
            accuracy_table(ledger.all_records()) + describe_unanswered_audit(len(unlabelled_audit)),
            *filter(None, [describe_added_images(session), describe_target(session)]),
            "",
        ]
        damaged, unreadable = load_damaged(ledger).items(), ledger.unreadable_reasons().items()
        lists = {
            "Answers of several people": describe_agreement(agreement),
            "Images drawn at random without a label": [items[key].id for key in unlabelled_audit],
            "Images that cannot be read": [f"{items[key].id}: {reason}" for key, reason in unreadable],
            "Images that are used although they are incomplete": [f"{items[key].id}: {why}" for key, why in damaged],
            "Answers that need another look": problems,
        }
        for title, listed in lists.items():
            lines += self._shortened_list(session, title, listed)
        return Outcome(OutcomeState.DONE, "\n".join([*lines, *_describe_next_step(session, answered)]))

    def _shortened_list(self, session: Session, title: str, lines: Sequence[str]) -> list[str]:
        if not lines:
            return []
        more = len(lines) - self.show
        all_of_them = project_command(session.folder, f"show={len(lines)}", verb="status")
        rest = [f"  ... and {more} more: {all_of_them}"] if more > 0 else []
        return [f"{title}: {len(lines)}", *(f"  {line}" for line in lines[: self.show]), *rest, ""]


def _read_answers(session: Session, items: Sequence[Item]) -> tuple[set[int], list[str]]:
    """Return the answered keys, also of answers that no run has read yet, and the problems of the answers."""
    labels, rounds = session.decided_labels(), session.ledger.stored_rounds()
    asks_again = bool(rounds) and rounds[-1].number in session.recheck_rounds()
    answered = labels.settled_for_round(rounds[-1].number) if rounds else set()
    problems = describe_conflicts(labels, items)
    for stored_round in () if session.parts.label_source.answers_now else rounds:
        try:
            source, request = label_source_of(session, stored_round), make_request(session, stored_round, items)
            answers = collect_by_key(source, request, stored_round.keys)
        except AlframeError as error:
            problems.append(f"The answers to round {stored_round.number} cannot be read: {error}")
            continue
        problems += answers.problems
        # Who was unsure in an earlier round has not answered the newest, and nobody has if it asks again.
        is_newest = stored_round is rounds[-1]
        if is_newest or not asks_again:
            answered |= {key for key, label in answers.labels if is_newest or label.class_name != UNSURE}
            answered -= answers.incomplete
    return answered, list(dict.fromkeys(problems))


def _describe_next_step(session: Session, answered: Set[int]) -> list[str]:
    labels, rounds, go_on = session.decided_labels(), session.ledger.stored_rounds(), project_command(session.folder)
    if session.project.done_file.exists():
        exported = session.project.export_folder
        if exported.is_dir() and any(exported.iterdir()):
            return [f"Done. The results are in {short_path(exported)} and report.html."]
        return ["Done. Nothing was exported; report.html has the results.", f"To try again: {go_on}"]
    if not rounds or rounds[-1].closed or session.parts.label_source.answers_now:
        return [f"Not finished. Continue with: {go_on}"]
    newest, place = rounds[-1], short_path(session.project.request_folder)
    if not newest.requested:
        return [f"Round {newest.number} is chosen but not requested yet. Continue with: {go_on}"]
    source = label_source_of(session, newest)
    if isinstance(source, AnswersInOnePlace) and source.answers_persist:
        place = "your own set"
    asks_again = newest.number in session.recheck_rounds()
    if asks_again:
        go_on = project_command(session.folder, verb="recheck_labels")
    count = len((answered - (set() if asks_again else labels.unresolved_conflicts)) & set(newest.keys))
    progress = f"{count} of {len(newest.keys)} images of round {newest.number} are answered"
    if isinstance(source, ServesPeople):
        return [f"Waiting for labels: {progress}", f"Label them in the browser with: {go_on}"]
    return [f"Waiting for labels: {progress}, in {place}", f"When they are labelled: {go_on}"]


def _describe_changed_settings(session: Session) -> list[str]:
    """Return a line with the settings that differ from the defaults, which the next rounds use too."""
    changed = [
        f"{name}={format_for_command_line(value)}" for name, value in non_default_settings(session.settings).items()
    ]
    return [f"Settings: {' '.join(map(quote_argument, changed))}, kept until you give other values"] if changed else []
