"""`alframe export`: write the model and the predictions as they are now."""

from __future__ import annotations

from alframe.errors import StoreError
from alframe.loop.answers import take_in
from alframe.loop.experiment import check, prepare
from alframe.loop.session import Session
from alframe.tasks.results import export_results
from alframe.tasks.words import shown
from alframe.types import Outcome, State


class Export:
    """Run the exporters on the labels so far, whatever the state of the campaign."""

    read_only = False

    def run(self, session: Session) -> Outcome:
        check(session)
        work = prepare(session)
        take_in(session, work.listing.items, work.reported)
        paths, failed = export_results(session, work)
        if failed:
            there = "".join(f"\n  {shown(path)}" for path in paths)
            raise StoreError("\n".join(failed) + (f"\nAll else is exported:{there}" if there else ""))
        return Outcome(State.DONE, "Exported:\n" + "\n".join(f"  {shown(path)}" for path in paths))
