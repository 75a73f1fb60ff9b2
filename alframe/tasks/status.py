"""`alframe status`: where a project stands, what is awaited, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from alframe.contracts import PersistentAnswers
from alframe.errors import AlframeError
from alframe.loop.answers import disputes
from alframe.loop.duplicates import folded_words, last_folded
from alframe.loop.labels import Labels
from alframe.loop.session import Session
from alframe.store.ledger import FILE_NAME
from alframe.tasks.tables import accuracy_table, audit_gap
from alframe.tasks.words import command, no_project, project_argument, shown
from alframe.types import UNSURE, Item, Outcome, State


class Status:
    """Look, and change nothing. `show`: how many of what is set aside or in dispute are listed."""

    read_only = True

    def __init__(self, show: int = 20) -> None:
        self.show = show

    def run(self, session: Session) -> Outcome:
        """All from the ledger, and from the label source what has been answered since."""
        if not (session.folder / FILE_NAME).exists():
            return Outcome(State.DONE, no_project(session.folder, "status"))
        ledger = session.ledger
        labels = session.labels()
        items = ledger.items()
        counts = Counter(label.class_name for label in labels.counted)
        asked = sum(item.split == "pool" for item in items)
        folded = last_folded(ledger)
        lines = [
            f"Project:  {shown(session.folder)}",
            f"Images:   {asked} in the pool, {len(items) - asked} held out for testing",
            *([f"Folded:   {folded_words(*folded)}"] if folded[0] else []),
            f"Labels:   {len(labels.counted)}"
            + "".join(f"\n          {n:6d}  {name}" for name, n in counts.most_common()),
            "",
            accuracy_table(ledger.history()) + audit_gap(session.audit_gap()),
            "",
            *self._listed(
                "Set aside, because they cannot be read",
                [f"{items[key].id}: {why}" for key, why in ledger.aside().items()],
            ),
            *self._next(session, items, labels),
        ]
        return Outcome(State.DONE, "\n".join(lines))

    def _next(self, session: Session, items: Sequence[Item], labels: Labels) -> list[str]:
        go_on = command(project_argument(session.folder))
        rounds = session.ledger.rounds()
        lines = list(disputes(labels, items))
        seen = labels.answered_in(rounds[-1].number) if rounds else set()
        if not session.label_source.answers_now:
            for asked in rounds:
                request = session.request(asked, items)
                try:
                    answers = session.source_of(asked).collect(request)
                except AlframeError as error:
                    lines.append(f"The answers to round {asked.number} cannot be read: {error}")
                    continue
                number = {item.id: key for item, key in zip(request.items, asked.keys, strict=True)}
                sure = asked is not rounds[-1]  # an earlier round's doubt is no answer to the newest
                said = [label for label in answers.labels if not (sure and label.class_name == UNSURE)]
                seen |= {number[label.item] for label in said if label.item in number}
                seen -= {number[item] for item in answers.incomplete if item in number}
                lines += map(str, answers.problems)
        seen -= labels.disputed.keys() - labels.answered
        lines = self._listed("Answers that need another look", list(dict.fromkeys(lines)))
        if session.done_file.exists():
            return [*lines, "Done. The results are in " + shown(session.folder / "export") + " and report.html."]
        if not rounds or rounds[-1].answered or session.label_source.answers_now:
            return [*lines, f"Not finished. Go on with: {go_on}"]
        asked, where = rounds[-1], shown(session.label_folder)
        if not asked.requested:
            return [*lines, f"Round {asked.number} is chosen, and not laid out yet. Go on with: {go_on}"]
        source = session.source_of(asked)
        if isinstance(source, PersistentAnswers) and source.answers_persist:
            where = "your own set"
        answered = len(seen & set(asked.keys))
        return [
            *lines,
            f"Waiting for labels: {answered} of {len(asked.keys)} images of round {asked.number}, in {where}",
            f"When they are labelled: {go_on}",
        ]

    def _listed(self, title: str, lines: Sequence[str]) -> list[str]:
        if not lines:
            return []
        more = len(lines) - self.show
        rest = [f"  ... and {more} more: {command('status', f'show={len(lines)}')}"] if more > 0 else []
        return [f"{title}: {len(lines)}", *(f"  {line}" for line in lines[: self.show]), *rest, ""]
