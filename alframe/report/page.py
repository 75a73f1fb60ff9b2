"""Write the page of the report. Numbers are formatted, pictures are embedded, and all texts are escaped."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from alframe.engine.measuring.forecast import describe_forecast, forecast_or_reason
from alframe.kit.evaluations import describe_pool_accuracy, describe_unmeasured_classes
from alframe.kit.leading_evaluation import find_leading_evaluation, find_per_class_evaluation
from alframe.loop.pool_counts import PoolCounts
from alframe.report import charts, tables
from alframe.report.thumbnails import thumbnail
from alframe.types import Curve, Item, RoundRecord

_SHEET_IMAGES = 100  # thumbnails on the contact sheet: about a megabyte
_LISTED_UNREADABLE = 500


@dataclass(frozen=True, slots=True)
class BatchImage:
    """One image among the thumbnails: the model's prediction (confidence 0..1) and the label, if any."""

    item: Item
    prediction: str | None = None
    confidence: float | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class ReportData:
    """The content of the page.

    `outcome` is a sentence on the present state, `next_step` a command line (or empty), and `interval` describes how
    the band around the curve was computed. Without `curves` the campaign's accuracy is drawn. `unreadable` holds pairs
    of image and reason. `audit_unanswered` is the number of images drawn at random in closed rounds that have no label
    (skipped, or unsure). `unseen_classes` is a sentence about the classes without a label, `added_images` is a sentence
    about images that no estimate includes yet, and `agreement` has sentences about the agreement of people. `pool` has
    the number of images in each state. `represented` is the number of images of the pool that are near-duplicates of
    others and are not requested.
    """

    title: str
    folder: Path
    created: datetime
    outcome: str
    next_step: str
    settings: Mapping[str, str]
    history: Sequence[RoundRecord]
    curves: Sequence[Curve]
    batch: Sequence[BatchImage]
    batch_title: str
    unreadable: Sequence[tuple[str, str]]
    class_counts: Mapping[str, int]
    interval: str
    pool: PoolCounts | None = None
    audit_unanswered: int = 0
    unseen_classes: str = ""
    added_images: str = ""
    target: str = ""
    agreement: Sequence[str] = ()
    represented: int = 0


def render_report(data: ReportData) -> str:
    """Return the report as one HTML document that needs no other file, no script and no network."""
    compared = [curve for curve in data.curves if len(curve.labels)]  # runs without a common point have none
    curves = compared or charts.campaign_curves(data.history)
    audited = next((record for record in reversed(data.history) if record.audit), None)
    evaluated = next((record for record in reversed(data.history) if record.evaluation), None)
    audit = audited.audit if audited else None
    evaluation = evaluated.evaluation if evaluated else audit
    last = data.history[-1] if data.history else None
    why_none = last.no_evaluation if last else ""
    judged, judgement = find_leading_evaluation(data.history) or (None, None)
    leads_audit = judgement is not None and judgement is audit
    unlabelled = audited.unlabelled_accuracy if audited else None
    outlook = forecast_or_reason(data.history)
    page = (
        _template_environment()
        .get_template("page.html.j2")
        .render(
            data=data,
            last=last,
            judged=judged,
            judgement=judgement,
            averages=find_per_class_evaluation(data.history),
            headline=(unlabelled or audit) if leads_audit else judgement,
            leads_audit=leads_audit,
            why_none=why_none,
            audit=audit,
            unlabelled=unlabelled,
            pool_accuracy=describe_pool_accuracy(audited) if audited else [],
            # The accuracy if the model were wrong on every one of the drawn images that nobody has answered.
            accuracy_if_wrong=audit.accuracy * audit.n / (audit.n + data.audit_unanswered) if audit else None,
            audit_classes=tables.class_rows({}, audit),
            evaluation=evaluation,
            evaluated=evaluated,
            labels=sum(data.class_counts.values()),
            comparison=bool(compared),
            curve_wide=charts.learning_curve_svg(curves, charts.WIDE) if curves else "",
            curve_narrow=charts.learning_curve_svg(curves, charts.NARROW) if curves else "",
            curves=curves,
            outlook=outlook if isinstance(outlook, str) else describe_forecast(outlook),
            legend_rows=tables.legend_rows(curves),
            curve_points=tables.curve_points(compared),
            baseline=tables.find_baseline(compared),
            matrix=tables.confusion_matrix(evaluation) if evaluation and evaluation.classes else None,
            classes=tables.class_rows(data.class_counts, evaluation),
            most_labels=max(data.class_counts.values(), default=0),
            rounds=tables.round_rows(data.history),
            sheet=[(image, thumbnail(image.item.path, image.item.box)) for image in data.batch[:_SHEET_IMAGES]],
            unreadable=data.unreadable[:_LISTED_UNREADABLE],
        )
    )
    # A file name that is not valid text (an old memory card) must not keep the page from being written as UTF-8.
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


@cache  # compiling the templates takes longer than filling them in
def _template_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("alframe.report", ""),
        autoescape=True,  # always: the file's name ends in .j2, which select_autoescape would not recognise
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = percent, number, moment, duration, breakable, describe_unmeasured_classes
    environment.filters |= {function.__name__: function for function in filters}
    return environment


def percent(value: float | None, digits: int = 1) -> str:
    """Return 0.8321 as "83.2 %"; a dash if there is no number."""
    return "–" if value is None or math.isnan(value) else f"{100 * value:.{digits}f}\u202f%"


def number(value: int | None) -> str:
    """Return 12345 as "12,345"; a dash if there is no number."""
    return "–" if value is None else f"{value:,}"


def moment(value: datetime) -> str:
    """Return date, time and, if it is known, the time zone."""
    return value.strftime("%Y-%m-%d %H:%M %Z").strip()


def duration(seconds: float) -> str:
    """Return 75 seconds as "1 min 15 s"."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def breakable(name: object) -> Markup:
    """Return the escaped name, with places for a line break after its underscores and slashes."""
    return Markup(re.sub(r"([_/\\])", r"\1<wbr>", str(escape(name))))
