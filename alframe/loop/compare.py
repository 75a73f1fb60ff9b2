"""The same campaign with several seeds and with a baseline, so that a gain can be distinguished from luck."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from alframe.engine.measuring.curves import Histories
from alframe.loop.campaign import Campaign
from alframe.loop.experiment import run_until_stop
from alframe.progress import track
from alframe.settings import configuration_digest
from alframe.store.ledger import Ledger
from alframe.types import RoundRecord


def run_comparison(campaign: Campaign) -> Histories:
    """Run the missing campaigns of the comparison below the project folder, and return all histories, by seed.

    For each seed, all samplers have the same held-out split and the same first labels.
    """
    for variant in track(list(_comparison_campaigns(campaign)), "Comparing over seeds", unit="run"):
        with variant:
            run_until_stop(variant)
    return load_comparison_histories(campaign)


def load_comparison_histories(campaign: Campaign) -> Histories:
    """Return the stored histories, or none if the comparison is switched off or was never run."""
    histories: dict[str, list[list[RoundRecord]]] = {}
    for variant in _comparison_campaigns(campaign):
        if variant.project.has_begun:
            with Ledger.open(variant.folder, read_only=True) as ledger:
                histories.setdefault(variant.parts.name_of("sampler"), []).append(ledger.history())
    if histories:
        histories.setdefault(campaign.parts.name_of("sampler"), []).insert(0, campaign.ledger.history())
    return histories


def shares_test_images(campaign: Campaign) -> bool:
    """Return whether the runs with other seeds are measured on the same images, such as a test set of the pool."""
    for variant in _comparison_campaigns(campaign):
        if variant.settings.seed != campaign.settings.seed and variant.project.has_begun:
            with Ledger.open(variant.folder, read_only=True) as ledger:
                return ledger.raw_rows("item", ["id", "split"]) == campaign.ledger.raw_rows("item", ["id", "split"])
    return False


def _comparison_campaigns(campaign: Campaign) -> Iterator[Campaign]:
    """Yield the campaign with each other seed, and with the sampler of the baseline."""
    settings, own_sampler = campaign.settings, campaign.parts.name_of("sampler")
    if settings.compare.sampler is None:
        return
    samplers = {own_sampler: campaign.recipes["sampler"]}
    samplers.setdefault(settings.compare.sampler, {"name": settings.compare.sampler})
    for name, recipe in samplers.items():
        for seed in range(settings.seed, settings.seed + settings.compare.seeds):
            if seed != settings.seed or name != own_sampler:  # that one is the campaign itself
                # The same features, in a folder of its own.
                own_settings = dataclasses.replace(settings.without_comparison(), seed=seed)
                recipes = {**campaign.recipes, "sampler": recipe, "tracker": {}, "exporter": {}}
                # A colon, as in dist:name, cannot be in a file name on Windows.
                folder_name = f"{name.replace(':', '-')}-seed{seed}-{configuration_digest(own_settings, recipes)[:8]}"
                folder = campaign.folder / "compare" / folder_name
                yield Campaign(own_settings, recipes, folder, campaign.cache_folder, network_seed=settings.seed)
