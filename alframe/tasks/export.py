"""`alframe export`: write the model and the predictions as they are now."""

from __future__ import annotations

from alframe.errors import StoreError
from alframe.loop.answers import import_answers
from alframe.loop.checks import check_campaign
from alframe.loop.experiment import prepare_run
from alframe.loop.session import Session, fit_all_labels
from alframe.tasks.messages import path_lines
from alframe.tasks.results import export_results
from alframe.types import Outcome, State


class Export:
    """Run the exporters on the labels so far, whatever the state of the campaign."""

    read_only = False

    def run(self, session: Session) -> Outcome:
        """Export. Raises StoreError that says what could not be written, and what was."""
        check_campaign(session)
        state = prepare_run(session)
        import_answers(session, state.listing.items, state.problems)
        paths, failed = export_results(session, state, fit_all_labels(session, state))
        if failed:
            raise StoreError("\n".join(failed) + (f"\nThe rest is exported:{path_lines(paths)}" if paths else ""))
        return Outcome(State.DONE, f"Exported:{path_lines(paths)}")
