"""The agreement of people who have answered the same images: the share of equal answers, and Cohen's kappa.

Kappa (Cohen 1960) is the agreement above the agreement by chance of two people who give each class equally often.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from itertools import combinations

from alframe.store.new_statements import find_last_statements
from alframe.store.records import StoredLabel
from alframe.types import UNSURE, Agreement


def measure_agreement(rows: Iterable[StoredLabel], excluded_rounds: Set[int] = frozenset()) -> list[Agreement]:
    """Return the agreement of every two people who have both given a class to some images, most images first.

    `rows` are all rows of the ledger's label table. Only the first answer of each person counts, because a later answer
    may have been given beside the answer of the other person. It must be one class, given on the image itself. Answers
    to `excluded_rounds`, which asked again about doubtful labels, are left out. Answers whose annotator somebody has
    corrected since are left out too.
    """
    rows = list(rows)
    still_named = {(key, row.annotator) for key, statement in find_last_statements(rows).items() for row in statement}
    first: dict[tuple[int, str], dict[int, set[str]]] = defaultdict(dict)
    for row in rows:
        is_asked = row.round is not None and row.round not in excluded_rounds
        is_still_named = ((row.item, row.round, row.origin), row.annotator) in still_named
        if row.annotator and is_still_named and is_asked and row.item == row.labelled_on and not row.taken_back:
            first[row.item, row.annotator].setdefault(row.statement, set()).add(row.class_name)
    answers: dict[int, dict[str, str]] = defaultdict(dict)
    for (item, annotator), statements in first.items():
        names = statements[min(statements)]
        if len(names) == 1 and UNSURE not in names:
            answers[item][annotator] = next(iter(names))
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for given in answers.values():
        for first_person, second_person in combinations(sorted(given), 2):
            pairs[first_person, second_person].append((given[first_person], given[second_person]))
    found = [Agreement(*people, len(both), _share_equal(both), cohens_kappa(both)) for people, both in pairs.items()]
    return sorted(found, key=lambda each: (-each.images, each.first, each.second))


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Return Cohen's kappa of pairs of answers; nan if both people have given only one class."""
    count = len(pairs)
    one, other = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    by_chance = sum(one[name] * other[name] for name in one) / count**2
    return math.nan if by_chance == 1 else (_share_equal(pairs) - by_chance) / (1 - by_chance)


def describe_agreement(agreement: Sequence[Agreement]) -> list[str]:
    return [
        f"{each.first} and {each.second} agree on {each.agreement:.0%} of the {each.images} images that both answered"
        + ("." if math.isnan(each.kappa) else f" (Cohen's kappa {each.kappa:.2f}).")
        for each in agreement
    ]


def _share_equal(pairs: Sequence[tuple[str, str]]) -> float:
    return sum(first == second for first, second in pairs) / len(pairs)
