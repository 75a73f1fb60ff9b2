"""Times as people and programs write them: understood, or unknown with a count and an example, and never guessed."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alframe.formats.time_columns import TimeColumn, is_day_first, read_time
from tests.each import check_each

NOON = datetime(2024, 5, 31, 12, 0, 7)
UNDERSTOOD = [
    *(
        (text, NOON)
        for text in ("2024:05:31 12:00:07", "2024-05-31T12:00:07.5Z", "2024/5/31 12:00:07", "20240531_120007")
    ),
    *(
        (text, NOON)
        for text in ("31.05.2024 12:00:07", "31/05/2024 12:00:07", "5/31/2024 12:00:07 PM", "5/31/24 12:00:07 pm")
    ),
    *((text, NOON) for text in ("31-May-2024 12:00:07", "May 31, 2024, 12:00:07 PM", "Fri 31 May 2024 12:00:07")),
    *((text, NOON) for text in ("2024-05-31 12.00.07", "2024-05-31 12:00:07\0\0", "2024-05-31 12:00:07+0200")),
    ("2015-10-23 04:05:00 PM", datetime(2015, 10, 23, 16, 5)),
    ("2015-10-23 12:05:00 AM", datetime(2015, 10, 23, 0, 5)),
    ("2015:10:23 04:05:30 p.m.", datetime(2015, 10, 23, 16, 5, 30)),
    ("2015-10-23 4:06 PM", datetime(2015, 10, 23, 16, 6)),
    ("2024-05-31 04:05 P/M", datetime(2024, 5, 31, 16, 5)),
    ("2024-05-31 04:05 A/M", datetime(2024, 5, 31, 4, 5)),
    ("2024-05-31 04:05 US/Eastern", datetime(2024, 5, 31, 4, 5)),
    ("2024/5/1 下午 4:05:00", datetime(2024, 5, 1, 16, 5)),
    ("2024年5月31日 PM 12:00:07", NOON),
    ("2024년 5월 31일 오후 12:00:07", NOON),
    *((f"2024-05-31 12:00:07 {word}", NOON) for word in ("CEST", "PM (UTC+2)", "Uhr", "[Europe/Berlin]", "*")),
    *((f"2024-05-31 12:00:07 {word}", NOON) for word in ("(UTC)", "local", "Europe/Berlin", "WIB", "uur", "M 1/3")),
    ("2024-05-31T12:00:07Zulu", NOON),
    ("2024-05-31 16:05:00 odp.", datetime(2024, 5, 31, 16, 5)),
    ("2024:05:31 24:00:00", datetime(2024, 6, 1)),
    ("2024-12-31 24:00", datetime(2025, 1, 1)),
    ("05/05/2024 10:00", datetime(2024, 5, 5, 10)),
    ("01.02.2024 10:00", datetime(2024, 2, 1, 10)),
]
UNKNOWN = [
    *((text, "a day without") for text in ("2024-05-31", "2024:13:45", "31/05/2024", "May 31, 2024")),
    *(
        (text, "a known form")
        for text in ("x", "2024", "12:00", "2024-05-31 12", "24-05-31 10:00", "24/05/31 10:00", "12345")
    ),
    *(
        (text, "a time that does not exist")
        for text in ("2024-05-31 25:00", "2024-02-30 10:00", "2024-05-31 24:10", "2024-05-31 10:61")
    ),
    *((text, "a time that does not exist") for text in ("2024-05-31 13:00 AM", "2024:13:31 10:00:00")),
    *(
        (text, "never set")
        for text in ("0000:00:00", "0000:00:00 00:00:00", "1970-01-01 00:01:00", "1980-01-01 00:00:00")
    ),
    ("05/01/2024 4:05:00 PM", "day/month or month/day"),
    *((f"2024-05-31 4:05:00 {word}", "before or after noon") for word in ("odp.", "μμ", "du.", "م", "CH", "nachm.")),
]


def test_forms_that_are_understood() -> None:
    def check(text: str, expected: datetime) -> None:
        assert read_time(text).time == expected

    check_each(UNDERSTOOD, check)


def test_what_cannot_be_known_is_unknown_and_says_why() -> None:
    def check(text: str, problem: str) -> None:
        found = read_time(text)
        assert found.time is None and problem in found.problem

    check_each(UNKNOWN, check)
    assert read_time("  ").problem == read_time("    :  :     :  :  ").problem == ""


def test_numbers_are_times_only_where_they_are_asked_for() -> None:
    def check(text: str, expected: datetime | None) -> None:
        assert read_time(text).time is None
        found = read_time(text, with_numbers=True)
        assert found.time == expected and (found.guess or found.problem)

    moment = datetime(2024, 5, 31, 10, 6, 40)
    check_each([("1717150000", moment), ("1717150000123", moment), ("1717150000.5", moment)], check)
    check_each(
        [("45413.5", datetime(2024, 5, 1, 12)), ("45413,5", datetime(2024, 5, 1, 12)), ("45413", None), ("7", None)],
        check,
    )


def test_the_whole_column_tells_the_order_of_day_and_month() -> None:
    assert is_day_first(["05/04/2024 10:00", "31/04/2024 10:00"]) is True
    assert is_day_first(["05/04/2024 10:00", "04-31-2024 10:00"]) is False
    assert is_day_first(["05/04/2024 10:00", "05.04.2024 10:00"]) is None
    assert is_day_first(["31/04/2024", "04/31/2024"]) is None, "they deny each other"
    for other, expected in (("13/01/2024 1:00", datetime(2024, 4, 5)), ("01/13/2024 1:00", datetime(2024, 5, 4))):
        column = TimeColumn(["05/04/2024 00:00", other])
        assert column.read("05/04/2024 00:00", "row 2").time == expected
        assert not column.warnings()


def test_what_is_unknown_is_counted_with_an_example() -> None:
    texts = ["2024-05-01", "2024-05-02", "2024-05-02 10:00", "", "05/04/2024 10:00", "at dawn"]
    column = TimeColumn(texts)
    for line, text in enumerate(texts, start=2):
        column.read(text, f"row {line}")
    day, order, form = column.warnings()
    assert day == "2 times are unknown: '2024-05-01' (row 2) is a day without a time of day."
    assert order.startswith("1 times are unknown: '05/04/2024 10:00' (row 6) may be day/month or month/day")
    assert form == "1 times are unknown: 'at dawn' (row 7) is not a time of a known form."
    assert column.known == 1


def test_days_that_were_saved_as_times_are_days() -> None:
    days = ["2024-05-01 00:00:00", "2024-05-02 00:00:00", "2024-05-02 00:00:00", ""]
    column = TimeColumn(days)
    assert [column.read(day, "row").time for day in days] == [None] * 4
    assert column.warnings() == ["3 times are unknown: '2024-05-01 00:00:00' (row) is a day without a time of day."]
    for other in ("2024-05-03 10:00:00", "2024-05-03 10:00:07"):
        with_pictures = TimeColumn([*days, other])
        assert with_pictures.read(days[0], "row").time == datetime(2024, 5, 1), "a timer takes pictures at midnight"
    assert TimeColumn(days[:1]).read(days[0], "row").time == datetime(2024, 5, 1), "one picture may be of midnight"
    of_a_clock = TimeColumn(days, may_be_days=False)
    assert of_a_clock.read(days[0], "row").time == datetime(2024, 5, 1), "what writes hours has days of midnight only"


def test_a_daily_timer_at_night_has_times() -> None:
    for hour in ("01", "02", "22", "23"):
        texts = [f"2024-05-{day:02} {hour}:00:00" for day in range(1, 20) for _ in range(2)]
        assert TimeColumn(texts).read(texts[0], "row").time == datetime(2024, 5, 1, int(hour))


def test_words_after_a_time_count_only_where_hours_may_be_of_half_a_day() -> None:
    texts = ["2024-05-01 10:00:00 x", "2024-05-01 15:00:00 x", "2024-05-01 10:00:00 y"]
    for column, expected in ((TimeColumn(texts), 10), (TimeColumn(texts[::2]), None)):
        assert getattr(column.read(texts[0], "row").time, "hour", None) == expected


def test_no_clock_that_was_never_set_and_no_other_form_shows_that_hours_count_to_24() -> None:
    def check(other: str, expected: int | None) -> None:
        texts = ["04/25/2024 03:00 SA", "04/25/2024 03:00 CH", other]
        assert TimeColumn([*texts, *texts, "04/24/2024 00:00"]).read("04/24/2024 00:00", "row").time is not None
        assert getattr(TimeColumn(texts).read(texts[1], "row").time, "hour", None) == expected

    never_set = ("0000-00-00 00:00:00", "1970-01-01 00:00:00", "01/01/1970 15:00", "04/25/2024 00:00")
    others = ("04/25/2024 99:00", "2024-04-25T15:00:00", "2024-04-25 15:00:00", "25.04.2024 15:00")
    check_each([*((text, None) for text in (*never_set, *others)), ("04/26/2024 15:00", 3)], check)


def test_a_form_that_is_given_is_the_only_one() -> None:
    column = TimeColumn([], "%d/%m/%Y %H:%M")
    assert column.read("01/02/2024 10:00", "row 2").time == datetime(2024, 2, 1, 10)
    assert column.read("2024-02-01 10:00", "row 3").time is None
    assert column.warnings() == ["1 times are unknown: '2024-02-01 10:00' (row 3) is not of the form %d/%m/%Y %H:%M."]


def test_a_column_without_am_and_pm_is_doubted() -> None:
    def warnings(hours: range) -> list[str]:
        texts = [f"2024-05-{day:02} {hour}:10:00" for day in range(1, 11) for hour in hours]
        column = TimeColumn(texts)
        for text in texts:
            column.read(text, "row")
        return column.warnings()

    assert "Are AM and PM missing?" in warnings(range(1, 13))[0]
    assert not warnings(range(24)) and not warnings(range(5, 13))


def test_offsets_are_dropped_but_several_are_noticed() -> None:
    summer, winter = "2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00"
    assert read_time(summer) == (datetime(2024, 10, 27, 2, 30), timedelta(hours=2), "", "")
    assert TimeColumn([summer, winter]).has_several_offsets
    assert not TimeColumn([summer, summer, "2024-10-27 02:30:00"]).has_several_offsets


@given(st.text(max_size=40), st.booleans() | st.none(), st.booleans())
def test_any_text_is_a_time_or_has_a_reason(text: str, day_first: bool | None, with_numbers: bool) -> None:
    found = read_time(text, day_first, with_numbers)
    assert (found.time is None) or not found.problem
    assert found.time is None or found.time.tzinfo is None
