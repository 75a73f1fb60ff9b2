"""What is run: image sets, budgets, and for each sampler the head that it takes; as the words of multiruns."""

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
    """Images with labels: `pool` are the words that choose them, `size` is how many may be asked for.

    With `own_split` the images to test on are the same for all seeds; otherwise each seed draws its own.
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
        """Such that there are about `rounds` of them."""
        return max(1, round((self.budget - FIRST) / self.rounds))


@dataclass(frozen=True, slots=True, order=True)
class Recipe:
    """What is compared."""

    sampler: str
    head: str = "linear"
    start: str = "random"

    @classmethod
    def of(cls, overrides: Sequence[str]) -> Recipe:
        """The recipe of a run, from the words it was started with."""
        words = dict(word.lstrip("+").split("=", 1) for word in overrides)
        return cls(words["sampler"], words["head"], words["start.sampler"])

    @classmethod
    def parse(cls, text: str) -> Recipe:
        return cls(*text.split("|"))

    def __str__(self) -> str:
        return f"{self.sampler}|{self.head}|{self.start}"


@dataclass(frozen=True, slots=True)
class Sweep:
    """One multirun: each of `recipes`, which differ in one thing only, with each of `seeds`; `more` are other words."""

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
        """Of its folder and its log: with another word it is another."""
        digest = hashlib.blake2b("\n".join(self._words()).encode(), digest_size=4).hexdigest()
        return f"{self.images.name}-{self.kind}-{self.recipes[0].head}-{digest}"

    def words(self, runs: Path) -> list[str]:
        """The command line, after ``alframe -m``."""
        places = {"runs": runs, "hydra.sweep.dir": self.folder(runs)}
        return [*self._words(), *(f"{key}={quote(place.as_posix())}" for key, place in places.items())]

    def folder(self, runs: Path) -> Path:
        """Where alframe leaves a note of each run that has ended well."""
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
    """All sets that this benchmark knows; those below `data` may be absent."""
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
    """The sets that are there, measured, and the names of those that are not; all known ones if `names` is empty."""
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
    """Once; what a kill left half done lies elsewhere and is done again."""
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
    """Every sampler with a head that gives what it needs; and, by name, why some cannot be made.

    Random choice and margin sampling come with each of these heads, to compare within it.
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
    """All multiruns of a set, each cut by seeds into so many parts that can run side by side."""
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
