"""The groups of settings except fine-tuning. Each group is a dataclass."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.settings.fields import InvalidSetting, path_field, require_at_least, require_field, require_one_of


@dataclass(frozen=True)
class Start:
    """The choice of the first batch: the number of images (`labels`), and the name of the `sampler`."""

    labels: int = 20
    sampler: str = "kmeans"

    def __post_init__(self) -> None:
        require_at_least(self, labels=1)


@dataclass(frozen=True)
class Holdout:
    """The share of the images with known labels that is held out. No `group` (sequence or camera) is divided."""

    fraction: float = 0.2
    group: str = "sequence"

    def __post_init__(self) -> None:
        require_field(0 <= self.fraction < 1, self, "fraction", "from 0 to below 1")
        require_one_of(self, group=("sequence", "camera"))


@dataclass(frozen=True)
class Sequences:
    """The rules by which images without a given sequence are put into sequences.

    Neighbouring images of one camera (or of one folder, if the camera is not known) belong together if at most `gap`
    seconds lie between them. None: only given sequences count. A label does not count for a whole sequence that lasts
    more than `longest` seconds, or does not look like a burst; None: it counts for all sequences. `times` is the source
    of times that the pool does not give: exif, file (EXIF, or else the time of the file, which changes in a copy) or
    none. `clock_offsets` is a table with the columns camera and offset, the time to add to the times of this camera.
    """

    gap: float | None = 60.0
    longest: float | None = 3600.0
    times: str = "exif"
    clock_offsets: str | None = path_field(None)

    def __post_init__(self) -> None:
        require_field(self.gap is None or 0 <= self.gap < 1e9, self, "gap", "a number of seconds from 0, or null")
        require_field(
            self.longest is None or 0 <= self.longest < 1e9, self, "longest", "a number of seconds from 0, or null"
        )
        require_one_of(self, times=("exif", "file", "none"))


@dataclass(frozen=True)
class Duplicates:
    """The rule for near-duplicates: `by` their hash, their embedding, or both (None: there are none).

    At most `bits` of the 64 bits of their difference hashes may differ, and the cosine distance between their
    embeddings may be at most `cosine`.
    """

    by: str | None = None
    bits: int = 3
    cosine: float = 0.002

    def __post_init__(self) -> None:
        require_one_of(self, by=("hash", "embedding", "both", None))
        require_field(0 <= self.bits <= 8, self, "bits", "a number of bits, from 0 to 8")
        require_field(0 <= self.cosine < 1, self, "cosine", "a distance, from 0 to below 1")

    @property
    def uses_hash(self) -> bool:
        return self.by in ("hash", "both")

    @property
    def uses_embedding(self) -> bool:
        return self.by in ("embedding", "both")


@dataclass(frozen=True)
class Boxes:
    """The boxes of a detector's `file` that are used. Without a file, the boxes of the pool are kept.

    `use` is best (the most confident box of each image), all (each box is an item) or image (whole images). A box
    counts if its confidence is at least `threshold` (None: the typical threshold that the file gives, or 0.2) and its
    category is `category`. "animal" means everything except persons and vehicles, because some files have species as
    categories. Images without a box are kept whole or left out (`empty`: keep or skip). A box grows by `margin` of its
    width and height on each side.
    """

    file: str | None = path_field(None)
    use: str = "best"
    threshold: float | None = None
    category: str = "animal"
    empty: str = "keep"
    margin: float = 0.0

    def __post_init__(self) -> None:
        require_one_of(self, use=("best", "all", "image"), empty=("keep", "skip"))
        require_field(self.threshold is None or 0 <= self.threshold <= 1, self, "threshold", "from 0 to 1")
        require_field(0 <= self.margin <= 10, self, "margin", "from 0 to 10 times the box's size")


@dataclass(frozen=True)
class Inference:
    """The `engine` (eager, compile, onnxruntime, openvino or auto: the fastest) and `precision` (fp32 or bf16)."""

    engine: str = "eager"
    precision: str = "fp32"

    def __post_init__(self) -> None:
        require_one_of(self, engine=("auto", "eager", "compile", "onnxruntime", "openvino"), precision=("fp32", "bf16"))
        if (self.engine, self.precision) == ("onnxruntime", "bf16"):
            raise InvalidSetting(
                "precision",
                "bf16",
                "fp32 with engine=onnxruntime, which cannot compute in bf16 on a CPU; openvino and compile can",
            )

    def __str__(self) -> str:
        return f"{self.engine} in {self.precision}"


@dataclass(frozen=True)
class BaselineComparison:
    """The `sampler` of the baseline (None: no comparison), and the number of `seeds` for both."""

    sampler: str | None = "random"
    seeds: int = 5

    def __post_init__(self) -> None:
        require_at_least(self, seeds=1)
