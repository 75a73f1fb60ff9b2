"""Read times from text: single times, and columns, in which other times show the order of day and month."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR_FIRST = (
    r"(?P<year>\d{4})(?:[:/.-]|\s*[年년]\s*)(?P<month>\d\d?)(?:[:/.-]|\s*[月월]\s*)(?P<day>\d\d?)(?:\s*[日일])?"
)
_YEAR_LAST = r"(?P<first>\d\d?)(?P<mark>[/.-])(?P<second>\d\d?)(?P=mark)(?P<short>\d{4}|\d\d)(?!\d)"
_DMY_NAME = r"(?P<named_day>\d\d?)[ .-]+(?P<named>[A-Za-z]{3,9})\.?[ .,-]+(?P<named_year>\d{4})"
_MDY_NAME = r"(?P<early>[A-Za-z]{3,9})\.?[ -](?P<early_day>\d\d?),?[ -](?P<early_year>\d{4})"
_DATE = re.compile(rf"\s*(?:[A-Za-z]{{3,9}},?\s+(?=\d))?(?:{_YEAR_FIRST}|{_YEAR_LAST}|{_DMY_NAME}|{_MDY_NAME})")
_CLOCK = re.compile(
    r"(?:T|[\s,]+)\s*(?P<before>上午|下午|午前|午後|오전|오후|[ap]\.?m\.?(?![a-z]))?\s*(?P<hour>\d\d?)[:.](?P<minute>\d\d)"
    r"(?:[:.](?P<clock_second>\d\d)(?!\d)(?:[.,]\d+)?)?(?!\d)"
    r"\s*(?P<half>[ap][./]?\s?m\b\.?)?\s*(?P<zone>Z(?:ulu)?|(?:UTC|GMT)?[+-]\d\d(?::?\d\d)?(?!\d)|UTC|GMT)?",
    re.IGNORECASE,
)
_COMPACT = re.compile(r"\s*((?:19|20)\d{2})(\d\d)(\d\d)[T_ -]?(\d\d)(\d\d)(\d\d)(?:\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?\s*")
_NUMBER = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*")
# Words after a time that say nothing of the half of the day: a zone, a day of the week, "Uhr".
_WORDS_AFTER_CLOCK = re.compile(
    r"\[[\w/+-]+\]|\b(?:[A-Z]{1,4}T|UTC|GMT|MSK|WIB|WITA?|Uhr|uur|hrs?|h|local(?: time)?|[A-Z]{2,}(?:/[A-Z_]+)+"
    r"|M \d+/\d+|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*)\b",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"[\s:/.T_-]*\Z")
_ZEROS = re.compile(r"[\s0:/.T_-]*\Z")
_AFTERNOON = {"下午", "午後", "오후"}
_EPOCHS = {(1904, 1, 1), (1970, 1, 1), (1980, 1, 1)}  # the day that a clock counts from
MIDNIGHT = time()
_EXCEL_DAY_0 = datetime(1899, 12, 30)
MIN_TWELVE_HOUR_TIMES = 50  # of which not one is after noon: AM and PM are missing

DAY_ALONE = "is a day without a time of day"
EITHER_ORDER = "may be day/month or month/day, and no other time in the column decides it"
UNKNOWN_FORM = "is not a time of a known form"
UNKNOWN_AM_PM = "has a word after the time that may mean before or after noon, in a language that alframe does not know"
NO_SUCH_TIME = "is a time that does not exist"
NEVER_SET = "is the time of a clock that was never set"


class ReadTime(NamedTuple):
    """The local `time` of a camera that a text gives, to the second, with its UTC offset if the text has an offset.

    If the text gives no time, `time` is None, and `problem` completes a sentence that begins with the text. `problem`
    is "" if the text is blank. `guess` is a sentence about an assumption, or "".
    """

    time: datetime | None
    utc_offset: timedelta | None = None
    problem: str = ""
    guess: str = ""


def read_time(
    text: str, day_first: bool | None = None, with_numbers: bool = False, has_24_hours: bool = False
) -> ReadTime:
    """Return the time in `text`.

    It understands the year at the beginning (ISO 8601, EXIF) or at the end; English names of months; AM and PM; 24:00,
    which is midnight of the next day; and a UTC offset, which does not change the time of the camera's clock. If the
    year is at the end, `day_first` says whether 05/04/2024 is in April; None: it is not known. With dots, the day is
    always first. With `with_numbers`, numbers are times too: seconds since 1970, or serial numbers of spreadsheets.
    With `has_24_hours`, words after a time never mean the half of the day.
    """
    text = text.partition("\0")[0].strip() if text.strip(" \t\0") else ""  # after it a camera writes anything
    if _NOTHING.match(text):
        return ReadTime(None)
    if _ZEROS.match(text):
        return ReadTime(None, problem=NEVER_SET)
    if match := _COMPACT.fullmatch(text):
        *parts, zone = match.groups()
        return _make_time(tuple(map(int, parts[:3])), tuple(map(int, parts[3:])), zone)
    if number := _NUMBER.fullmatch(text):
        return (
            _time_from_number(float(number[1].replace(",", ".")))
            if with_numbers
            else ReadTime(None, problem=UNKNOWN_FORM)
        )
    date = _DATE.match(text)
    if date is None:
        return ReadTime(None, problem=UNKNOWN_FORM)
    day = _read_date(date, day_first)
    clock = _CLOCK.match(text, date.end())
    if clock is None:
        return ReadTime(None, problem=UNKNOWN_FORM if text[date.end() :].strip() else DAY_ALONE)
    if isinstance(day, str):
        return ReadTime(None, problem=day)
    hour, half = int(clock["hour"]), (clock["half"] or "")[:1].lower()
    if before := (clock["before"] or "").lower():
        half = "p" if before in _AFTERNOON or before[0] == "p" else "a"
    if (
        hour <= 12
        and not half
        and not has_24_hours
        and any(map(str.isalpha, _WORDS_AFTER_CLOCK.sub("", text[clock.end() :])))
    ):
        return ReadTime(None, problem=UNKNOWN_AM_PM)
    if half and not (hour <= 12 or (half == "p" and hour < 24)):
        return ReadTime(None, problem=NO_SUCH_TIME)
    if half:
        hour = hour % 12 + 12 * (half == "p") if hour <= 12 else hour
    return _make_time(day, (hour, int(clock["minute"]), int(clock["clock_second"] or 0)), clock["zone"])


def _read_date(date: re.Match[str], day_first: bool | None) -> tuple[int, int, int] | str:
    """Return year, month and day, or the fault."""
    if date["year"]:
        return int(date["year"]), int(date["month"]), int(date["day"])
    if date["first"]:
        first, second, year = int(date["first"]), int(date["second"]), int(date["short"])
        if len(date["short"]) == 2:
            if date["mark"] == "-" or 2000 + year > datetime.now().year:  # it may be the year that comes first
                return UNKNOWN_FORM
            year += 2000
        if first == second or max(first, second) > 12:
            is_day_first = first > 12
        elif date["mark"] == ".":
            is_day_first = True
        elif day_first is None:
            return EITHER_ORDER
        else:
            is_day_first = day_first
        return (year, second, first) if is_day_first else (year, first, second)
    name = (date["named"] or date["early"])[:3].lower()
    if name not in _MONTHS:
        return UNKNOWN_FORM
    return (
        int(date["named_year"] or date["early_year"]),
        _MONTHS.index(name) + 1,
        int(date["named_day"] or date["early_day"]),
    )


def _make_time(day: tuple[int, ...], clock: tuple[int, ...], zone: str | None) -> ReadTime:
    hour, minute, second = clock
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        return ReadTime(None, problem=NO_SUCH_TIME)
    try:
        time = datetime(day[0], day[1], day[2]) + timedelta(hours=hour, minutes=minute, seconds=second)
    except (ValueError, OverflowError):
        return ReadTime(None, problem=NO_SUCH_TIME)
    if day in _EPOCHS or not 1900 <= time.year <= 2100:
        return ReadTime(None, problem=NEVER_SET)
    return ReadTime(time, _read_offset(zone))


def _read_offset(zone: str | None) -> timedelta | None:
    if not zone:
        return None
    digits = re.sub(r"\D", "", zone)
    offset = timedelta(hours=int(digits[:2] or 0), minutes=int(digits[2:] or 0))
    return -offset if "-" in zone else offset


def _time_from_number(number: float) -> ReadTime:
    if 1e12 <= number < 2.5e12:
        number /= 1000
    if 5e8 <= number < 2.5e9:
        time = datetime.fromtimestamp(int(number), UTC).replace(tzinfo=None)
        return ReadTime(time, timedelta(0), guess="are seconds since 1970, which are UTC and not the camera's own time")
    if 20_000 <= number < 80_000:
        if number == int(number):
            return ReadTime(None, problem=DAY_ALONE)
        time = _EXCEL_DAY_0 + timedelta(seconds=round(number * 86_400))
        return ReadTime(time, guess="are read as a spreadsheet's serial numbers")
    return ReadTime(None, problem=UNKNOWN_FORM)


def _find_form_of_date(text: str) -> tuple[str, bool]:
    """Return the separators of the date before the hour, and whether the hour is from 13 to 23."""
    date = _DATE.match(text)
    clock = _CLOCK.match(text, date.end()) if date is not None else None
    if clock is None:
        return "", False
    is_late = not (clock["half"] or clock["before"]) and 13 <= int(clock["hour"]) <= 23
    return re.sub(r"\w+", "#", text[: clock.start("hour")].lstrip()), is_late


def is_day_first(texts: Iterable[str]) -> bool | None:
    """Return whether the day is before the month if the year is last: a time must show this, and no time deny it."""
    orders = set()
    for text in texts:
        date = _DATE.match(text)
        if date is not None and date["first"] and date["mark"] != ".":
            first, second = int(date["first"]), int(date["second"])
            if (first > 12) != (second > 12):
                orders.add(first > 12)
    return orders.pop() if len(orders) == 1 else None


class TimeColumn:
    """Reads the times of one column, or of the files of one camera, and lists unknown and doubtful times.

    `texts` are all texts of the column, or enough to see the order of day and month. If a `form` (of strptime) is
    given, only texts of this form are read. With `with_numbers`, numbers are times too. If all texts have the time
    00:00, they are days without a time; with `may_be_days=False`, they are times at midnight.
    """

    def __init__(
        self, texts: Iterable[str] = (), form: str | None = None, with_numbers: bool = False, may_be_days: bool = True
    ) -> None:
        texts = list(texts) if form is None else []
        self._form, self._with_numbers = form, with_numbers
        self._day_first = is_day_first(texts)
        self._forms_of_24_hours: set[str] = set()
        found = {text: self._read_text(text) for text in set(texts)}
        # A time that does not exist or of a clock that was never set shows nothing, nor does a date of another form.
        late = (text for text, got in found.items() if got.time is not None and got.time.hour > 12)
        self._forms_of_24_hours = {form for form, is_late in map(_find_form_of_date, late) if is_late}
        doubted = [text for text, got in found.items() if got.problem == UNKNOWN_AM_PM]
        found |= {text: self._read_text(text) for text in doubted}
        self.has_several_offsets = len({got.utc_offset for got in found.values()} - {None}) > 1
        # What a spreadsheet makes of days when it saves them as times.
        clocks = {got.time and got.time.time() for got in found.values() if got.time or got.problem == UNKNOWN_AM_PM}
        are_midnight = len(texts) > 1 and clocks <= {MIDNIGHT}
        self._midnight_problem = DAY_ALONE if may_be_days and are_midnight else ""
        self.known = 0
        self._problems: Counter[str] = Counter()
        self._guesses: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._hours: Counter[int] = Counter()

    def read(self, text: str, position: str) -> ReadTime:
        """Return the time of a cell; `position` says where it is, for the warnings."""
        found = self._read_form(text) if self._form else self._read_text(text)
        if found.time is not None and self._midnight_problem:
            found = ReadTime(None, problem=self._midnight_problem)
        for counter, reason in ((self._problems, found.problem), (self._guesses, found.guess)):
            if reason:
                counter[reason] += 1
                self._examples.setdefault(reason, f"{text.strip()[:60]!r} ({position})")
        if found.time is not None:
            self.known += 1
            self._hours[found.time.hour] += 1
        return found

    def warnings(self) -> list[str]:
        """Return a sentence for each thing that is unknown, assumed or doubtful, with a count and an example."""
        warnings = [
            f"{count} times are unknown: {self._examples[reason]} {reason}." for reason, count in self._problems.items()
        ]
        warnings += [f"{count} times, such as {self._examples[why]}, {why}." for why, count in self._guesses.items()]
        hours = set(self._hours)
        if self.known >= MIN_TWELVE_HOUR_TIMES and hours <= set(range(1, 13)) and {1, 12} <= hours:
            warnings.append(
                f"All {self.known} times are from 1:00 to 12:59. Are AM and PM missing? Then times after noon are 12 "
                "hours early."
            )
        return warnings

    def _read_text(self, text: str) -> ReadTime:
        found = read_time(text, self._day_first, self._with_numbers)
        if found.problem == UNKNOWN_AM_PM and _find_form_of_date(text)[0] in self._forms_of_24_hours:
            return read_time(text, self._day_first, self._with_numbers, has_24_hours=True)
        return found

    def _read_form(self, text: str) -> ReadTime:
        if not text.strip():
            return ReadTime(None)
        try:
            time = datetime.strptime(text.strip(), str(self._form))
        except ValueError:
            return ReadTime(None, problem=f"is not of the form {self._form}")
        return ReadTime(time.replace(tzinfo=None, microsecond=0), time.utcoffset())
