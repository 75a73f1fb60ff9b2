"""Accuracy in plain text."""

from __future__ import annotations

from dataclasses import replace

from alframe.tasks.accuracy_tables import accuracy_table, comparison_table, describe_unanswered_audit
from alframe.testing.records import evaluation, round_record
from alframe.types import CROSS_VALIDATION_BASIS

AUDIT = "80.0% [74.0%, 86.0%]"
WORDS = "On images of the pool, the model would get 80 of 100 right (74 to 86)"


def test_evaluation_and_audit_side_by_side() -> None:
    history = [round_record(0, 10, None), round_record(1, 20, 0.5), round_record(2, 40, 0.6, audit=0.8)]
    head, _, first, second, *notes = accuracy_table(history).splitlines()
    assert head.split() == ["labels", "like", "the", "pool", "(audit)", "accuracy"]
    assert first.split() == ["20", "-", "50.0%", "[44.0%,", "56.0%]"]
    assert AUDIT in second
    source = "Measured on 80 images drawn at random from the pool (95 % intervals): use these numbers."
    assert notes[:2] == [f"{WORDS}.", source]
    assert notes[2].startswith("Accuracy on 200 test split. The brackets contain")


def test_each_population_of_an_audit_has_a_sentence() -> None:
    history = [round_record(1, 20, None, audit=0.7), round_record(2, 40, None, audit=0.84, unlabelled=0.8)]
    head, _, first, second, *notes = accuracy_table(history).splitlines()
    assert head.split("  ")[1:] == ["without a label (audit)", "like the pool (audit)"]
    assert first.split() == ["20", "-", "70.0%", "[64.0%,", "76.0%]"], "the earlier version had one number"
    assert second.split()[1] == "80.0%" and second.split()[4] == "84.0%"
    assert notes[:3] == [
        "On the 1,000 images without a label, the model gets 80 of 100 right (74 to 86).",
        "In the whole pool of 2,000 images, people and model together get 90 of 100 right (84 to 96).",
        "On new images like those in the pool, the model would get 84 of 100 right (78 to 90).",
    ]


def test_an_audit_alone() -> None:
    text = accuracy_table([round_record(1, 20, None, audit=0.8)])
    assert AUDIT in text and WORDS in text and "Accuracy on" not in text


def test_a_doubtful_number_alone_comes_with_a_caution() -> None:
    doubtful = replace(round_record(1, 20, None), evaluation=evaluation(0.5, CROSS_VALIDATION_BASIS))
    assert "chosen because they are hard" in accuracy_table([doubtful])
    assert "(audit)" not in accuracy_table([doubtful])


def test_few_audited_images_are_not_the_number_to_use() -> None:
    text = accuracy_table([round_record(1, 20, 0.5, audit=0.8, audited=29)])
    assert "74.0% to 86.0%" in text and AUDIT not in text and "use these numbers" not in text
    assert "would get 74 to 86 of 100 right: 29 images drawn at random are too few for one number" in text


def test_why_there_is_no_accuracy_now() -> None:
    unmeasured = replace(round_record(2, 40, None), no_evaluation="No accuracy: all were used.")
    lines = accuracy_table([round_record(1, 20, 0.5), unmeasured]).splitlines()
    assert lines[3].split() == ["40", "-"]
    assert "No accuracy: all were used." in lines
    assert accuracy_table([unmeasured]) == "No accuracy: all were used."


def test_intervals_of_few_seeds_stay_within_what_can_be() -> None:
    runs = {
        name: [[round_record(1, 20, share)] for share in shares] for name, shares in {"a": (0, 1), "b": (1, 0)}.items()
    }
    text = comparison_table(runs, "a")
    assert "[0.0%, 100.0%]" in text and "[-100.0, +100.0]" in text


def test_the_last_record_of_a_number_of_labels_counts() -> None:
    text = accuracy_table([round_record(2, 40, 0.7), round_record(3, 20, 0.5), round_record(3, 40, 0.6)])
    assert [line.split()[:2] for line in text.splitlines()[2:4]] == [["20", "50.0%"], ["40", "60.0%"]]


def test_a_long_campaign_fits_a_screen_and_says_what_it_leaves_out() -> None:
    history = [round_record(number, 20 * number, 0.5 + number / 100) for number in range(1, 31)]
    lines = accuracy_table(history).splitlines()
    labels = [line.split()[0] for line in lines[2:13]]
    assert labels == ["20", "40", "...", *(str(20 * number) for number in range(23, 31))]
    assert lines[13] == "20 rows are left out here; the report shows all rounds."
    assert len(lines) <= 20
    assert "left out" not in accuracy_table(history[:11])


def test_nothing_measured() -> None:
    assert accuracy_table([]).startswith("Nothing is measured yet")
    assert accuracy_table([round_record(1, 20, None)]) == accuracy_table([])


def test_one_image_is_spoken_of_as_one() -> None:
    one, two = describe_unanswered_audit(1), describe_unanswered_audit(2)
    assert "1 image that was drawn at random has no label and could not be counted. If it is harder" in one
    assert "2 images that were drawn at random have no label and could not be counted. If they are harder" in two
    assert describe_unanswered_audit(0) == ""
