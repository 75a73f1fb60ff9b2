"""The same campaign over several seeds and against a baseline, so that a gain can be told from luck."""

from __future__ import annotations

from collections.abc import Iterator

from alframe.engine.measuring.curves import Histories
from alframe.loop.experiment import run_until_stop
from alframe.loop.session import Session
from alframe.progress import track
from alframe.store.ledger import FILE_NAME, Ledger
from alframe.types import RoundRecord


def run_comparison(session: Session) -> Histories:
    """Run what is missing of the comparison below the project folder, and give all histories, seed by seed.

    Seed for seed, all samplers have the same held-out split and start from the same labels.
    """
    for variant in track(list(_variants(session)), "Comparing over seeds", unit="run"):
        with variant:
            run_until_stop(variant)
    return read_comparison(session)


def read_comparison(session: Session) -> Histories:
    """The histories that are there; nothing if the comparison is switched off or was never run."""
    found: dict[str, list[list[RoundRecord]]] = {}
    for variant in _variants(session):
        if (variant.folder / FILE_NAME).exists():
            with Ledger.open(variant.folder, read_only=True) as ledger:
                found.setdefault(variant.name("sampler"), []).append(ledger.history())
    if found:
        found.setdefault(session.name("sampler"), []).insert(0, session.ledger.history())
    return found


def _variants(session: Session) -> Iterator[Session]:
    settings = session.settings
    if settings.compare.sampler is None:
        return
    recipes = {session.name("sampler"): session.recipes["sampler"]}
    recipes.setdefault(settings.compare.sampler, {"name": settings.compare.sampler})
    for name, recipe in recipes.items():
        for seed in range(settings.seed, settings.seed + settings.compare.seeds):
            if seed != settings.seed or name != session.name("sampler"):  # that one is the session itself
                yield session.variant(recipe, seed, session.folder / "compare")
