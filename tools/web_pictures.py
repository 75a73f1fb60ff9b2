"""Take the pictures of docs/web.md: a real campaign on drawn images, labelled in a real browser.

python -m tools.web_pictures [FOLDER]   (Linux or macOS, with chromium; some minutes)
"""

from __future__ import annotations

import csv
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.label_sources.web.person import Person, open_chromium
from tests.label_sources.web.served import ServedCampaign

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH, COLOURS = 800, 128
ROUNDS = 3


def main(target: Path = PICTURES) -> None:
    """Write the pictures into a folder. It is made if it does not exist."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_chromium() as browser:
        root = Path(folder) / "images"
        pool = ("pool=camera_trap_scenes", f"pool.root={root.as_posix()}", "pool.bursts=160")
        campaign = ServedCampaign(
            Path(folder) / "season", *pool, "batch=40", "backbone.size=96", "boxes.use=image", "stopping.labels=400"
        )
        try:
            person = Person(browser, campaign.address(), height=760)
            person.wait_for_images(600)
            truth = read_truth(root / "labels.csv")
            for _ in range(ROUNDS):
                person.answer_batch(truth.__getitem__, pause=4)  # about as fast as people are
                person.wait_for_images(600)
            person.wait_for("document.querySelectorAll('.confirm').length > 1")
            take_pictures(person, target)
        finally:
            campaign.stop()


def read_truth(file: Path) -> dict[str, str]:
    """Return the class of each image that a person would see."""
    with file.open(encoding="utf-8", newline="") as rows:
        return {row["path"]: row["label"] for row in csv.DictReader(rows)}


def take_pictures(person: Person, target: Path) -> None:
    page = person.page
    page.evaluate("document.querySelector('.group .confirm').closest('.group').querySelector('.tile').focus()")
    page.evaluate("document.querySelector('.group.current').scrollIntoView()")
    person.press("ArrowRight", "Space")
    save(person, target / "web-grid.png")
    person.press("Escape", "Control+Enter")
    page.wait_for_selector(".single .strip .frame")
    save(person, target / "web-image.png")
    person.press("Escape")
    for view, name in (("review", "review"), ("pool", "find"), ("progress", "progress")):
        page.evaluate(f"location.hash = '{view}'")
        page.wait_for_selector(f"#top [data-view={view}][aria-current=page]")
        save(person, target / f"web-{name}.png")


def save(person: Person, file: Path) -> None:
    """Write a small picture of the page."""
    person.page.wait_for_timeout(1200)
    picture = Image.open(BytesIO(person.page.screenshot())).convert("RGB")
    picture = picture.resize((WIDTH, picture.height * WIDTH // picture.width), Image.Resampling.LANCZOS)
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
