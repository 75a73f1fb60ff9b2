"""The report: whole, safe, self-contained, and readable with much, little or nothing to show."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alframe.engine.measuring.audit import AUDIT_BASIS
from alframe.engine.measuring.evaluate import evaluate_probs
from alframe.report.charts import campaign_curves
from alframe.report.page import BatchImage, ReportData, render_report
from alframe.report.tables import class_rows, confusion_matrix, legend_rows
from alframe.report.thumbnails import THUMBNAIL_SIDE, thumbnail
from alframe.testing.records import estimate
from alframe.types import Box, Curve, Evaluation, Item, RoundRecord

CLASSES = ("agouti", "empty", "white_tailed_deer")
NASTY = "<b>&\"'</b><script>alert(1)</script>"
AT = datetime(2025, 3, 14, 9, 12, tzinfo=UTC)
VOID = {"meta", "link", "img", "br", "wbr"}


def evaluation(classes: Sequence[str] = CLASSES, confusion: Sequence[Sequence[int]] | None = None) -> Evaluation:
    if confusion is None:
        size = len(classes)
        confusion = [[20 if i == j else int((i + j) % 3 == 1) for j in range(size)] for i in range(size)]
    counts = np.array(confusion)
    hits, n = int(np.trace(counts)), int(counts.sum())
    per_class = tuple(
        {"precision": 0.75, "recall": counts[i, i] / max(counts[i].sum(), 1), "f1": 0.5, "support": counts[i].sum()}
        for i in range(len(classes))
    )
    rows = tuple(tuple(int(cell) for cell in row) for row in confusion)
    accuracy = hits / n
    interval = 0.8 * accuracy, min(1.0, 1.02 * accuracy)
    averages = 0.734, 0.7, 0.7, 0.645
    return Evaluation("held-out images", n, accuracy, *interval, *averages, tuple(classes), rows, per_class)


def record(number: int, measured: Evaluation | None, audit: Evaluation | None = None) -> RoundRecord:
    return RoundRecord(number, 20 + 20 * number, 1234, 2, CLASSES, measured, "abc", {"fit": 75.0}, AT, "", audit)


def audited() -> Evaluation:
    """86 of 100 right, by 50 images of which none is an agouti."""
    truth = ["empty"] * 40 + ["white_tailed_deer"] * 10
    guess = [1] * 37 + [0] * 3 + [2] * 6 + [1] * 4
    return evaluate_probs(np.eye(3, dtype=np.float32)[guess], CLASSES, truth, AUDIT_BASIS)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "good.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "good.jpg").read_bytes()[:500])
    return tmp_path


@pytest.fixture
def data(pictures: Path) -> ReportData:
    good = Item("agouti/good.jpg", pictures / "good.jpg", camera="GIG-05", taken=AT, box=Box(0.1, 0.1, 0.5, 0.5))
    return ReportData(
        title="Panama",
        folder=Path("campaigns/panama"),
        created=AT,
        outcome="Waiting for 20 labels.",
        next_step="python -m alframe project=campaigns/panama",
        settings={"sampler": "margin", "seed": "0"},
        history=[record(0, None), record(1, evaluation()), record(2, evaluation())],
        curves=[],
        batch=[
            BatchImage(good, "agouti", 0.914, "empty"),
            BatchImage(Item("cut.jpg", pictures / "cut.jpg"), "empty", 0.5, None),
            BatchImage(Item("gone.jpg", pictures / "gone.jpg"), None, None, None),
        ],
        batch_title="Round 3: the next images",
        unreadable=[("IMG_1.JPG", "the file is empty (0 bytes)")],
        class_counts={"agouti": 31, "empty": 1012, "white_tailed_deer": 7},
        interval="Wilson's score interval.",
    )


@pytest.fixture
def curves() -> list[Curve]:
    return [
        Curve("margin", [20, 40, 60], [0.4, 0.62, 0.7], [0.3, 0.5, 0.6], [0.5, 0.7, 0.8], 5),
        Curve("random", [20, 40, 60], [0.4, 0.5, 0.612], [0.3, 0.4, 0.5], [0.5, 0.6, 0.7], 5),
    ]


class Page(HTMLParser):
    """Checks that tags nest, and collects text, tags and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raise AssertionError(f"<{tag}/> is no HTML")

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\u202f", " ").split())

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


def test_shows_the_numbers(data: ReportData) -> None:
    text = Page(render_report(data)).text
    for expected in (
        *("Panama", "Waiting for 20 labels.", "project=campaigns/panama", "96.8 %", "77.4 % to 98.7 %", "n = 62"),
        *("73.4 %", "64.5 %", "1,050", "1,234", "held-out images", "Wilson's score interval.", "1 min 15 s"),
        *("IMG_1.JPG", "the file is empty (0 bytes)", "margin", "GIG-05", "2025-03-14 09:12 UTC", "91 %"),
        *("labelled empty", "Cannot be read", "there is no such file", "no prediction"),
    ):
        assert expected in text.replace("_ ", "_"), expected


def test_the_honest_number_leads(data: ReportData) -> None:
    history = [record(0, None), record(1, evaluation()), record(2, evaluation(), audited())]
    text = Page(render_report(replace(data, history=history))).text
    for expected in (
        *("Accuracy in the pool 86.0 % 95 % interval 73.8 % to 93.0 %", "n = 50, images drawn at random from the pool"),
        "96.8 % on 62 held-out images",
        "On images of the pool, the model would get 86 of 100 right (74 to 93).",
        "agouti 0 not measured – – empty 40 92.5 % 80.1 % to 97.4 % 90.2 %",
        "In the pool (audit)",
        "1,234 – – 96.8 %",  # a round before there was an audit
        "1,234 86.0 % 73.8 % to 93.0 % 96.8 %",
    ):
        assert expected in text.replace("_ ", "_"), expected
    assert "no answer" not in text


def test_the_images_without_a_label_lead_where_the_audit_is_weighted(data: ReportData) -> None:
    weighted = replace(record(1, evaluation(), audited()), unlabelled_accuracy=estimate(0.8, "rest", 1000))
    said = "Target 90 %: reached when the lower limit is at least 90 %. Now 70 to 90 %."
    text = Page(render_report(replace(data, history=[weighted], target=said))).text.replace("_ ", "_")
    assert "Accuracy on images without a label 80.0 % 95 % interval 74.0 % to 86.0 % n = 80" in text
    assert said in text
    assert "On the 1,000 images without a label, the model gets 80 of 100 right (74 to 86)." in text
    assert "On new images like those in the pool, the model would get 86 of 100 right (74 to 93)." in text


def few_audited() -> Evaluation:
    """All of 12 right."""
    return evaluate_probs(
        np.eye(3, dtype=np.float32)[[1] * 6 + [2] * 6], CLASSES, [CLASSES[1]] * 6 + [CLASSES[2]] * 6, AUDIT_BASIS
    )


def test_few_audited_images_lead_with_their_interval(data: ReportData) -> None:
    text = Page(render_report(replace(data, history=[record(1, evaluation(), few_audited())]))).text
    few = "Accuracy in the pool 76 % to 100 % 95 % interval; too few images for one number n = 12"
    assert few in text and "96.8 % on 62 held-out images" in text
    assert "n = 62, held-out images balanced accuracy" in text, "of the classes, 12 say too little"
    assert "would get 76 to 100 of 100 right: 12 images drawn at random are too few for one number." in text
    alone = Page(render_report(replace(data, history=[record(1, None, few_audited())]))).text
    assert few in alone


def test_why_there_is_no_accuracy_stands_in_its_place(data: ReportData) -> None:
    why = "No accuracy: the network was fine-tuned on all labels."
    history = [record(1, evaluation()), replace(record(2, None), no_evaluation=why)]
    text = Page(render_report(replace(data, history=history))).text
    assert f"Accuracy not measured {why}" in text and "95 % interval 77.4" not in text.partition("Labels")[0]
    audit_leads = Page(
        render_report(replace(data, history=[replace(record(2, None, audited()), no_evaluation=why)]))
    ).text
    assert "Accuracy in the pool 86.0 %" in audit_leads and why in audit_leads


def test_a_class_that_is_not_measured_is_named_beside_the_averages(data: ReportData) -> None:
    text = Page(render_report(replace(data, history=[record(1, None, audited())]))).text.replace("_ ", "_")
    assert "averages over 2 of 3 classes; not measured: agouti balanced accuracy" in text
    assert "In the pool, averages over 2 of 3 classes; not measured: agouti." in text


def test_a_round_later_without_an_audit_keeps_the_last_one(data: ReportData) -> None:
    history = [record(1, None, audited()), record(2, None)]
    text = Page(render_report(replace(data, history=history))).text
    assert "n = 50, images drawn at random from the pool, in round 1" in text
    assert "not yet measured" not in text and "No round has measured" not in text


def test_drawn_images_without_an_answer_are_a_caution(data: ReportData) -> None:
    history = [record(1, None, audited())]
    text = Page(render_report(replace(data, history=history, audit_unanswered=7))).text
    assert "7 more were drawn at random and have no answer" in text
    assert "may be lower. If the model is wrong on all of these images, it is 75.4 %." in text  # 43 of 57
    assert "1 more was drawn" in Page(render_report(replace(data, history=history, audit_unanswered=1))).text


def test_both_accuracies_are_in_the_chart_with_their_names(data: ReportData) -> None:
    both = render_report(replace(data, history=[record(n, evaluation(), audited()) for n in (1, 2)]))
    assert re.findall(r'class="key" style="--key:(.*?)"', both) == ["var(--series-2)", "var(--series-1)"]
    assert [curve.name for curve in campaign_curves([record(1, evaluation(), audited())])] == [
        AUDIT_BASIS,
        "held-out images",
    ]
    assert 'class="key"' not in render_report(data), "one line needs no key"


def test_bounds_that_an_old_record_lacks_are_a_dash() -> None:
    (row, *_) = class_rows({}, evaluation())
    assert row.recall is not None and row.recall_low is None


def test_well_formed_and_accessible(data: ReportData, curves: list[Curve]) -> None:
    history = [*data.history, record(3, evaluation(), audited())]
    page = Page(render_report(replace(data, curves=curves, history=history)))
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    assert len(page.values("alt")) == page.tags.count("img") == 1
    assert page.tags.count("caption") == page.tags.count("table") == 9
    identifiers = page.values("id")
    assert len(identifiers) == len(set(identifiers))
    assert {link[1:] for link in page.values("href") if link.startswith("#")} <= set(identifiers)
    assert page.values("lang") == ["en"]


def test_loads_nothing(data: ReportData, curves: list[Curve]) -> None:
    text = render_report(replace(data, curves=curves))
    page = Page(text)
    assert not {"script", "iframe", "object", "embed", "form"} & set(page.tags)
    for source in [*page.values("src"), *page.values("href"), *page.values("srcset")]:
        assert source.startswith(("data:", "#")), source
    for word in ("http:", "https:", "@import", "url(http"):
        assert word not in text
    assert all(target.startswith("#") for target in re.findall(r"url\((.*?)\)", text))
    assert "default-src 'none'" in " ".join(page.values("content"))


def test_escapes_everything(data: ReportData, curves: list[Curve]) -> None:
    measured = evaluation((NASTY, "plain"), [[3, 2], [0, 5]])
    item = Item(NASTY, Path(NASTY), camera=NASTY)
    page = render_report(
        replace(
            data,
            title=NASTY,
            folder=Path(NASTY),
            outcome=NASTY,
            next_step=NASTY,
            settings={NASTY: NASTY},
            history=[record(0, replace(measured, basis=NASTY), replace(measured, basis=NASTY))],
            curves=[replace(curves[0], name=NASTY + "$x^2$"), curves[1]],
            batch=[BatchImage(item, NASTY, 0.5, NASTY)],
            batch_title=NASTY,
            unreadable=[(NASTY, NASTY)],
            class_counts={NASTY: 3},
            interval=NASTY,
        )
    )
    parsed = Page(page)
    assert "script" not in parsed.tags
    assert "alert(1)" in parsed.text and "<script" not in page
    assert page.count("<b>") == page.count("<b></b>")  # the marker of the accuracy's gauge


def test_a_file_name_that_is_no_text_can_be_written(data: ReportData) -> None:
    assert b"IMG\\udce9.JPG" in render_report(replace(data, unreadable=[("IMG\udce9.JPG", "odd")])).encode("utf-8")


@pytest.mark.parametrize(
    "change",
    [
        {"history": [], "class_counts": {}, "batch": [], "settings": {}, "unreadable": [], "next_step": ""},
        {"history": [record(0, None)]},
        {"history": [record(0, evaluation())]},
        {"history": [record(0, None, audited())]},
        {"history": [record(0, evaluation(("only",), [[7]]))], "class_counts": {"only": 7}},
        {"class_counts": {}},
        {"curves": [Curve("margin", [], [], [], [], 5)]},
        {"curves": [Curve("margin", [20], [0.5], [0.4], [0.6], 1)]},
    ],
    ids=[
        "nothing",
        "not evaluated",
        "one round",
        "audit alone",
        "one class",
        "no labels",
        "no common point",
        "one point",
    ],
)
def test_little_to_show(data: ReportData, change: dict[str, object]) -> None:
    text = Page(render_report(replace(data, **change))).text
    assert "Learning curve" in text and "None" not in text.replace("None: every image", "").replace("None.", "")
    assert "nan" not in text.split()


def test_comparison_says_how_many_labels_are_saved(data: ReportData, curves: list[Curve]) -> None:
    margin, random = legend_rows(curves)
    assert (margin.curve.name, margin.labels_to_baseline) == ("margin", 40)
    assert (random.curve.name, random.labels_to_baseline) == ("random", 60)
    text = Page(render_report(replace(data, curves=curves))).text
    assert "Labels for 61.2 %" in text and "var(--baseline)" in random.colour


def test_matrix_keeps_the_classes_with_most_mistakes() -> None:
    counts = np.diag(np.full(80, 5))
    counts[70, 3] = 4
    shown = confusion_matrix(evaluation([f"class {i}" for i in range(80)], counts.tolist()))
    assert (len(shown.classes), shown.left_out) == (60, 20)
    assert {"class 70", "class 3"} <= set(shown.classes)
    assert shown.mistakes == [(4, 9, "class 70", "class 3")]
    for name, total, cells in shown.rows:
        assert total == (9 if name == "class 70" else 5)
        assert len(cells) == 60


def test_a_class_without_test_images_has_no_scores() -> None:
    rows = class_rows({"new": 4}, evaluation(("a", "b"), [[3, 1], [0, 0]]))
    assert [(row.name, row.labels, row.support) for row in rows] == [("a", 0, 4), ("b", 0, 0), ("new", 4, None)]
    assert rows[0].recall == 0.75 and rows[1].recall is None and rows[2].f1 is None


def test_thumbnails(pictures: Path) -> None:
    sixteen = np.linspace(0, 65535, 90_000).reshape(300, 300).astype(np.uint16)
    Image.fromarray(sixteen).save(pictures / "thermal.png")
    Image.new("RGBA", (500, 20), (0, 0, 0, 0)).save(pictures / "clear.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (400, 200)).save(pictures / "turned.jpg", exif=turned)
    assert (thumbnail(pictures / "good.jpg").width, thumbnail(pictures / "good.jpg").height) == (
        THUMBNAIL_SIDE,
        THUMBNAIL_SIDE * 3 // 4,
    )
    assert thumbnail(pictures / "turned.jpg").height == THUMBNAIL_SIDE
    for name in ("thermal.png", "clear.png", "turned.jpg"):
        assert thumbnail(pictures / name).uri.startswith("data:image/jpeg;base64,")
    assert "cut short" in thumbnail(pictures / "cut.jpg").reason
    assert thumbnail(pictures).reason


def test_an_interval_that_ends_inside_the_mean(data: ReportData) -> None:
    measured = replace(evaluation(("only",), [[7]]), accuracy=1.0, high=1.0 - 1e-12)
    assert "100.0 %" in Page(render_report(replace(data, history=[record(0, measured)]))).text


def test_same_data_same_page(data: ReportData, curves: list[Curve]) -> None:
    assert render_report(replace(data, curves=curves)) == render_report(replace(data, curves=curves))


def test_fits_the_screen_in_a_browser(data: ReportData, curves: list[Curve], tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("needs Chromium")
    names = [f"{'very_' * (i % 5)}long_class_{i}" if i % 2 else "x" * 60 + str(i) for i in range(60)]
    pages = [
        render_report(replace(data, curves=curves, history=[record(0, evaluation(), audited())], audit_unanswered=3)),
        render_report(
            replace(
                data, history=[record(0, evaluation(names), evaluation(names))], class_counts=dict.fromkeys(names, 3)
            )
        ),
    ]
    frames = "".join(
        f'<iframe width="{width}" height="900" srcdoc="{html.escape(page)}"></iframe>'
        for page in pages
        for width in (390, 768, 1280)
    )
    script = """<pre id="out"></pre><script>onload = () => {
      document.getElementById("out").textContent = [...document.querySelectorAll("iframe")].map(frame => {
        const page = frame.contentDocument, root = page.documentElement
        const charts = [...page.querySelectorAll("svg")].filter(svg => svg.getBoundingClientRect().height > 100)
        const broken = [...page.images].filter(image => !image.naturalWidth)
        return [root.scrollWidth - root.clientWidth, charts.length, broken.length].join(" ")
      }).join("; ")}</script>"""
    (tmp_path / "frames.html").write_text(f'<meta charset="utf-8">{frames}{script}', encoding="utf-8")
    ran = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
            *("--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path / 'user'}"),
            *("--virtual-time-budget=10000", "--dump-dom", (tmp_path / "frames.html").as_uri()),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    found = re.search(r'<pre id="out">(.*?)</pre>', ran.stdout)
    assert found, ran.stderr[-2000:]
    # No sideways overflow, one of the two charts visible, no picture broken: at every width.
    assert found.group(1).split("; ") == ["0 1 0"] * 6


def test_the_confusion_matrix_is_there_as_counts_and_as_shares_of_each_row(data: ReportData) -> None:
    measured = evaluation(confusion=[[30, 10, 0], [0, 20, 0], [1, 1, 6]])
    page = render_report(replace(data, history=[record(1, measured)]))
    counts, shares = re.findall(r'<table class="matrix.*?</table>', page, re.DOTALL)
    assert [re.findall(r">(\d+)<", row)[:3] for row in counts.split("<tr>")[2:]] == [
        ["30", "10", "0"],
        ["0", "20", "0"],
        ["1", "1", "6"],
    ]
    assert re.findall(r">(\d+)\u202f%<", shares) == ["75", "25", "100", "12", "12", "75"]


def test_how_well_it_knows_itself_is_shown_where_it_was_measured(data: ReportData) -> None:
    assert "calibration error" not in render_report(data), "records of before have none"
    page = render_report(
        replace(data, history=[record(1, replace(evaluation(), log_loss=0.41234, calibration_error=0.037))])
    )
    assert re.search(r"calibration error <span[^>]*>3.7\u202f%</span>, log loss <span[^>]*>0.412<", page)
