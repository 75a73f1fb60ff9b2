"""`alframe status`: where a project stands, what is awaited, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from alframe.loop.session import Session
from alframe.store.ledger import FILE_NAME, StoredLabel
from alframe.tasks.tables import accuracy_table
from alframe.tasks.words import command, project_argument, shown
from alframe.types import Item, Outcome, State


class Status:
    """Look, and change nothing. `show`: how many of the images set aside are listed."""

    read_only = True

    def __init__(self, show: int = 20) -> None:
        self.show = show

    def run(self, session: Session) -> Outcome:
        """All from the ledger, and from the label source what has been answered since."""
        if not (session.folder / FILE_NAME).exists():
            return Outcome(State.DONE, f"There is no project yet in {shown(session.folder)}. Start with: {command()}")
        ledger = session.ledger
        labels = ledger.labels()
        items = ledger.items()
        counts = Counter(label.class_name for label in labels)
        asked = sum(item.split == "pool" for item in items)
        lines = [
            f"Project:  {shown(session.folder)}",
            f"Images:   {asked} in the pool, {len(items) - asked} held out for testing",
            f"Labels:   {len(labels)}" + "".join(f"\n          {n:6d}  {name}" for name, n in counts.most_common()),
            "",
            accuracy_table(ledger.history()),
            "",
            *self._aside(ledger.aside(), items),
            *self._next(session, items, labels),
        ]
        return Outcome(State.DONE, "\n".join(lines))

    def _aside(self, aside: Mapping[int, str], items: Sequence[Item]) -> list[str]:
        if not aside:
            return []
        lines = [f"Set aside, because they cannot be read: {len(aside)}"]
        lines += [f"  {items[key].id}: {why}" for key, why in list(aside.items())[: self.show]]
        if len(aside) > self.show:
            lines.append(f"  ... and {len(aside) - self.show} more: {command('status', f'show={len(aside)}')}")
        return [*lines, ""]

    def _next(self, session: Session, items: Sequence[Item], labels: Sequence[StoredLabel]) -> list[str]:
        go_on = command(project_argument(session.folder))
        if session.done_file.exists():
            return ["Done. The results are in " + shown(session.folder / "export") + " and report.html."]
        open_rounds = [one for one in session.ledger.rounds() if not one.answered]
        if not open_rounds or session.label_source.answers_now:
            return [f"Not finished. Go on with: {go_on}"]
        asked = open_rounds[-1]
        request = session.request(asked, items)
        answers = session.label_source.collect(request)
        known = {items[label.item].id for label in labels}
        answered = sum(item.id in known | {label.item for label in answers.labels} for item in request.items)
        where = shown(session.label_folder)
        return [
            f"Waiting for labels: {answered} of {len(asked.keys)} images of round {asked.number}, in {where}",
            *(f"  {problem}" for problem in answers.problems),
            f"When they are labelled: {go_on}",
        ]
