"""The pages of label_source=web in a real Chromium: their speed, and the key strokes for a batch.

python -m benchmarks.pages speed                  # a batch of 2,000 images; --images 20000 takes minutes to make
python -m benchmarks.pages strokes                # a batch of 100 at three accuracies of the model, grid and one by one
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alframe.label_sources.web.source import Web
from alframe.types import CampaignSnapshot, Item, Request, Suggestion
from benchmarks.machine import describe
from tests.label_sources.web.person import Person, folder_of, open_chromium

CLASSES = ("badger", "chamois", "fox", "hare", "ibex", "lynx", "marmot", "otter", "red deer", "wild boar")
BLIND = 0.2  # of a batch is asked without a suggestion: the audit, and as many others
_WATCH = """() => {
    window.keyTimes = [];
    new PerformanceObserver(list => window.keyTimes.push(...list.getEntries()
        .filter(entry => entry.name === 'keydown').map(entry => entry.duration)))
        .observe({type: 'event', durationThreshold: 16, buffered: false});
}"""
_FIRST = "() => document.querySelector('.tile')?.dataset.image"
_UNPAINTED = """() => [...document.querySelectorAll('.tile img')].filter(image =>
    image.getBoundingClientRect().top < innerHeight && !(image.complete && image.naturalWidth)).length"""


@contextmanager
def serve_batch(folder: Path, images: int, accuracy: float, page: int, seed: int = 0) -> Iterator[str]:
    """Serve a batch of photographs with suggestions, of which the fraction `accuracy` is right; yield the link."""
    rng = np.random.default_rng(seed)
    files = [_write_photograph(folder / f"{number}.jpg", rng) for number in range(24)]
    truth = rng.integers(len(CLASSES), size=images)
    wrong = rng.random(images) >= accuracy
    guessed = np.where(wrong, (truth + rng.integers(1, len(CLASSES), size=images)) % len(CLASSES), truth)
    items = [Item(f"{CLASSES[true]}/{number}.jpg", files[number % 24]) for number, true in enumerate(truth.tolist())]
    request = Request(
        *(1, tuple(items), CLASSES, folder / "season" / "to_label"),
        tuple(Suggestion(CLASSES[guess], 0.8) for guess in guessed.tolist()),
        similarity_order=tuple(range(images)),
        without_suggestion=tuple((rng.random(images) < BLIND).tolist()),
    )
    source = Web(browser=False, page=page)
    source.request(request)
    with source.serve(request.folder) as serving:
        serving.publish(
            CampaignSnapshot(items, CLASSES, (), (), open_round=1, asked=range(images), answers_needed=images)
        )
        serving.show_phase("waiting", "")
        yield serving.address


def _write_photograph(file: Path, rng: np.random.Generator) -> Path:
    """Write a picture with the size of a photograph, and about its entropy."""
    coarse = Image.fromarray(rng.integers(0, 255, (30, 40, 3), dtype=np.uint8))
    coarse.resize((640, 480), Image.Resampling.BICUBIC).save(file, quality=90)
    return file


def measure_speed(images: int, page: int) -> dict[str, Any]:
    """Return the milliseconds from a key to the next frame, for moves and for Enter at the end of a page."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_batch(Path(folder), images, 0.9, page) as address,
        open_chromium() as browser,
    ):
        person = Person(browser, address)
        person.wait_for_images()
        person.page.evaluate(_WATCH)
        moves = _times(person, ["ArrowRight", "ArrowDown", "Space", "ArrowLeft", "ArrowUp", "Space"] * 20)
        pages: list[float] = []
        unpainted = 0
        while len(pages) < 30 and person.page.locator(".tile:not(.answered)").count():
            person.page.wait_for_timeout(500)  # a person looks at the page, and the next one is made ready
            before = person.page.evaluate(_FIRST)
            while person.page.evaluate(_FIRST) == before:
                key = "Enter" if person.group()["suggested"] else "Shift+F"
                (took,) = _times(person, [key])
            unpainted += person.page.evaluate(_UNPAINTED)
            pages.append(took)
    return {
        "images": images,
        "page": page,
        "key_to_paint_ms": _percentiles(moves),
        "next_page_ms": _percentiles(pages),
        "tiles_not_painted_with_their_page": unpainted,
    }


def _times(person: Person, keys: Sequence[str]) -> list[float]:
    """Press keys and return the time of each to the next frame. Times below 16 ms count as 16 ms."""
    times = []
    for key in keys:
        person.page.evaluate("() => { window.keyTimes = []; }")
        person.press(key)
        person.page.wait_for_timeout(120)
        times.append(max([16.0, *person.page.evaluate("() => window.keyTimes")]))
    return times


def _percentiles(times: Sequence[float]) -> dict[str, float]:
    return {name: float(np.percentile(times, share)) for name, share in (("p50", 50), ("p95", 95), ("max", 100))}


def count_strokes(accuracy: float, label: Callable[[Person], None], images: int = 100) -> int:
    """Return the number of keys that a quick person presses for a batch, on the real page."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_batch(Path(folder), images, accuracy, images) as address,
        open_chromium() as browser,
    ):
        person = Person(browser, address)
        person.wait_for_images()
        before = person.strokes
        label(person)
        person.wait_until_saved()
        return person.strokes - before


def label_in_grid(person: Person) -> None:
    """Correct the wrong images of each group, and confirm the others."""
    person.answer_batch(folder_of)


def label_one_by_one(person: Person) -> None:
    """Enlarge the first image, and then accept or correct one image after another."""
    person.press("Control+Enter")
    while person.page.locator(".single").count():
        name = folder_of(person.page.locator(".single h2").get_attribute("title") or "")
        suggested = person.page.locator(".single .facts .confirm")
        if suggested.count() and (suggested.text_content() or "").startswith(name):
            person.press("Enter")
        else:
            person.say(name)
        person.page.wait_for_timeout(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "strokes"))
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--page", type=int, default=60)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result: dict[str, Any] = {"machine": describe()}
    if options.what == "speed":
        result |= measure_speed(options.images, options.page)
    else:
        ways = {"grid": label_in_grid, "one by one": label_one_by_one}
        result["strokes"] = {
            f"{accuracy:.0%}": {name: count_strokes(accuracy, way) for name, way in ways.items()}
            for accuracy in (0.6, 0.8, 0.95)
        }
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
