"""The runs of the benchmark: image sets, budgets, and the head for each sampler, as words of multiruns."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from alframe import compose
from alframe.app.grammar import quote
from alframe.builtins import REGISTRIES
from alframe.errors import AlframeError
from alframe.types import Need

FIRST = 20  # labels before there is a model
SHARE = 10  # of the pool, one in so many is labelled in the end
LONGER = 4  # times as many labels random choice goes on to, so that speed-ups above 1 are measured and not guessed
START = "kmeans"  # the other way to choose the first labels
STARTED = ("random", "margin", "uherding", "adaptive", "typiclust", "drop_query")  # what goes on from them
CALTECH, CIFAR, MISSOURI = "caltech101-animals", "cifar10-imbalanced", "missouri-camtrap"


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images with labels: `pool` has the words that choose them, `size` is the number of images that may be requested.

    With `own_split`, the test images are the same for all seeds; otherwise each seed draws its own test images.
    """

    name: str
    about: str
    pool: tuple[str, ...]
    own_split: bool
    size: int = 0
    rounds: int = 10

    @property
    def budget(self) -> int:
        return self.size // SHARE

    @property
    def batch(self) -> int:
        """The size of a batch, so that there are about `rounds` batches."""
        return max(1, round((self.budget - FIRST) / self.rounds))


@dataclass(frozen=True, slots=True, order=True)
class Recipe:
    """A strategy to compare: a sampler, a head and the sampler of the first labels."""

    sampler: str
    head: str = "linear"
    start: str = "random"

    @classmethod
    def of(cls, overrides: Sequence[str]) -> Recipe:
        """Return the recipe of a run from the words of its command."""
        words = dict(word.lstrip("+").split("=", 1) for word in overrides)
        return cls(words["sampler"], words["head"], words["start.sampler"])

    @classmethod
    def parse(cls, text: str) -> Recipe:
        return cls(*text.split("|"))

    def __str__(self) -> str:
        return f"{self.sampler}|{self.head}|{self.start}"


@dataclass(frozen=True, slots=True)
class Sweep:
    """One multirun: each of `recipes`, which differ in one choice, with each of `seeds`; `more` are other words."""

    kind: str  # compared, longer or ceiling
    images: ImageSet
    recipes: tuple[Recipe, ...]
    seeds: tuple[int, ...]
    more: tuple[str, ...] = ()

    @property
    def runs(self) -> int:
        return len(self.recipes) * len(self.seeds)

    @property
    def name(self) -> str:
        """The name of its folder and log. It changes if any word changes."""
        digest = hashlib.blake2b("\n".join(self._words()).encode(), digest_size=4).hexdigest()
        return f"{self.images.name}-{self.kind}-{self.recipes[0].head}-{digest}"

    def words(self, runs: Path) -> list[str]:
        """Return the words of the command line after ``alframe -m``."""
        places = {"runs": runs, "hydra.sweep.dir": self.folder(runs)}
        return [*self._words(), *(f"{key}={quote(place.as_posix())}" for key, place in places.items())]

    def folder(self, runs: Path) -> Path:
        """Return the folder in which alframe writes a note for each successful run."""
        return runs / "sweeps" / self.name

    def _words(self) -> list[str]:
        amount = {
            "compared": (
                f"batch={self.images.batch}",
                f"start.labels={FIRST}",
                f"stopping.labels={self.images.budget}",
            ),
            "longer": (
                f"batch={LONGER * self.images.batch}",
                f"start.labels={FIRST}",
                f"stopping.labels={LONGER * self.images.budget}",
            ),
            "ceiling": (f"start.labels={2 * self.images.size}", "stopping=null"),  # all there are
        }[self.kind]
        return [
            *self.images.pool,
            *amount,
            f"sampler={_each(recipe.sampler for recipe in self.recipes)}",
            f"head={_each(recipe.head for recipe in self.recipes)}",
            f"start.sampler={_each(recipe.start for recipe in self.recipes)}",
            f"seed={_each(map(str, self.seeds))}",
            "finetune.start=null",
            "exporter=[]",
            "tracker=[]",
            *self.more,
        ]


def _each(values: Iterator[str] | map[str]) -> str:
    return ",".join(dict.fromkeys(values))


def known_sets(data: Path | None, runs: Path) -> list[ImageSet]:
    """Return all sets of this benchmark. Sets below `data` may be absent."""
    folder = (data or Path("data")).absolute()
    unpacked = runs.absolute() / "data" / CIFAR
    camtrap = (
        "pool=csv",
        f"pool.file={quote((folder / MISSOURI / 'labels.csv').as_posix())}",
        "pool.path_column=file",
        "pool.label_column=label",
        "pool.sequence_column=sequence",
    )
    return [
        ImageSet(CIFAR, "tiny pictures of ten unequal classes", _classes(unpacked), True),
        ImageSet("digits", "handwritten digits, which need no download", ("pool=digits",), False),
        ImageSet(CALTECH, "photographs of animals", _classes(folder / CALTECH), True),
        ImageSet(
            f"{MISSOURI}-frames",
            "camera traps, tested on other frames of the same bursts",
            (*camtrap, "pool.split_column=split_random"),
            True,
        ),
        ImageSet(
            f"{MISSOURI}-bursts",
            "camera traps, tested on other bursts, mostly at other places",
            (*camtrap, "pool.split_column=split_sequence"),
            True,
        ),
    ]


def _classes(folder: Path) -> tuple[str, ...]:
    return (
        "pool=folder",
        f"pool.root={quote((folder / 'pool').as_posix())}",
        f"pool.test_root={quote((folder / 'test').as_posix())}",
        "pool.classes=true",
    )


def find_sets(names: Sequence[str], data: Path | None, runs: Path, rounds: int) -> tuple[list[ImageSet], list[str]]:
    """Return the present sets with their sizes, and the names of absent sets; all sets if `names` is empty."""
    there, absent = [], []
    for images in known_sets(data, runs):
        if names and images.name not in names:
            continue
        if images.name == CIFAR and data:
            _unpack(data / CIFAR / f"{CIFAR}.zip", runs / "data")
        try:
            there.append(replace(images, size=_size(images, runs), rounds=rounds))
        except AlframeError:  # the pool's own: there is no such folder or file
            absent.append(images.name)
    return there, absent


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack the archive if this was not done. An unfinished folder has another name, so it is unpacked again."""
    if archive.is_file() and not (folder / CIFAR).is_dir():
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder / "unpacking")
        (folder / "unpacking" / CIFAR).rename(folder / CIFAR)


def _size(images: ImageSet, runs: Path) -> int:
    words = (*images.pool, f"runs={quote(runs.as_posix())}")
    items = list(REGISTRIES["pool"].build(_composed("pool", *words)).items())
    if images.own_split:
        return sum(item.split == "pool" for item in items)
    return round(len(items) * (1 - float(_composed("holdout", *words)["fraction"])))


def _composed(key: str, *words: str) -> dict[str, Any]:
    config: dict[str, Any] = OmegaConf.to_container(compose(*words), resolve=True)  # type: ignore[assignment]  # no list
    return dict(config[key])


def find_recipes(samplers: Sequence[str] = ()) -> tuple[list[Recipe], dict[str, str]]:
    """Return every sampler with a suitable head; and, by name, the errors of samplers that cannot be built.

    Random choice and margin sampling are added for each of these heads, for comparisons with the same head.
    """
    recipes, broken = [], {}
    for name in samplers or sorted(REGISTRIES["sampler"].parts()):
        try:
            needs = REGISTRIES["sampler"].build(_composed("sampler", f"sampler={name}")).needs
        except AlframeError as error:
            broken[name] = str(error)
            continue
        head = "laplace" if Need.PROB_SAMPLES in needs else "mlp" if Need.HIDDEN_ACTIVATIONS in needs else "linear"
        recipes.append(Recipe(name, head))
    heads = {recipe.head for recipe in recipes}
    baselines = [Recipe(name, head) for head in heads for name in ("random", "margin")]
    return sorted({*recipes, *baselines}, key=lambda recipe: (recipe.head, recipe.sampler)), broken


def plan(images: ImageSet, recipes: Sequence[Recipe], seeds: int, parts: int, more: Sequence[str] = ()) -> list[Sweep]:
    """Return all multiruns of a set. Each is cut by seeds into `parts` that can run at the same time."""
    heads = sorted({recipe.head for recipe in recipes})
    randoms = tuple(Recipe("random", head) for head in heads)
    kinds = [("compared", tuple(recipe for recipe in recipes if recipe.head == head)) for head in heads]
    if any(recipe.sampler == START for recipe in recipes):
        started = tuple(
            replace(recipe, start=START) for recipe in recipes if recipe.sampler in STARTED and recipe.head == "linear"
        )
        kinds.append(("compared", started))
    kinds.append(("longer", randoms))
    shares = [tuple(range(seeds))[part::parts] for part in range(min(parts, seeds))]
    sweeps = [Sweep(kind, images, some, share, tuple(more)) for kind, some in kinds for share in shares]
    # With images to test on that never change, the ceiling is one number but for what is random in the head.
    once = (0,) if images.own_split else tuple(range(seeds))
    return [*sweeps, Sweep("ceiling", images, randoms, once, tuple(more))]
