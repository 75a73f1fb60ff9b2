"""The names that label sources use for images whose files were moved after the request.

Lists, folders and databases that people already work on keep the earlier ids of their images, and so do the answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from alframe.contracts import LabelSource, ServesPeople
from alframe.store.ledger import Ledger
from alframe.store.records import FormerId
from alframe.types import Item

_KEY_AT_END = re.compile(r" \((\d{1,18})\)$")  # as `_differing_served_ids` adds it


def with_ids_of_round(
    ledger: Ledger, source: LabelSource, round_number: int, keys: Sequence[int], items: Sequence[Item]
) -> list[Item]:
    """Return the items of these keys, with the ids that the label source of this round uses."""
    if isinstance(source, ServesPeople):
        ids = _differing_served_ids(ledger, keys)
    else:
        ids = _first_id_by_key(former for former in ledger.former_ids(keys) if former.until_round >= round_number)
    return [replace(items[key], id=ids[key]) if key in ids else items[key] for key in keys]


def with_served_ids(ledger: Ledger, items: Sequence[Item]) -> Sequence[Item]:
    """Return all items by key, with the ids that a source with its own server uses."""
    if not (ids := _differing_served_ids(ledger, ledger.keys_with_former_or_reused_id())):
        return items
    return [replace(item, id=ids[key]) if key in ids else item for key, item in enumerate(items)]


def keys_of_served_ids(ledger: Ledger, ids: Iterable[str]) -> dict[str, int]:
    wanted = set(ids)
    known = ledger.keys_of(wanted)
    with_key = {int(match[1]) for id_ in wanted if (match := _KEY_AT_END.search(id_))}
    keys = {*known.values(), *ledger.keys_of_former_ids(wanted), *with_key}
    return known | {id_: key for key, id_ in _differing_served_ids(ledger, keys).items()}


def _first_id_by_key(former_ids: Iterable[FormerId]) -> dict[int, str]:
    first: dict[int, str] = {}
    for former in former_ids:
        first.setdefault(former.key, former.id)
    return first


def _differing_served_ids(ledger: Ledger, keys: Iterable[int]) -> dict[int, str]:
    """Return, by key, the id that a source with its own server uses for an item, if it is not the item's present id.

    This is always the first id of the item, because such a source keeps the answers of all rounds together. If a later
    item has the same id, its key is added, so that no answer can belong to another image.
    """
    wanted = set(keys)
    current = ledger.ids_of(wanted)
    named = {**current, **_first_id_by_key(ledger.former_ids(wanted))}
    # Other items that have or had one of these names.
    rivals = {*ledger.keys_of(named.values()).values(), *ledger.keys_of_former_ids(named.values())} - wanted
    named |= ledger.ids_of(rivals) | _first_id_by_key(ledger.former_ids(rivals))
    ids: dict[int, str] = {}
    taken: set[str] = set()
    for key, id_ in sorted(named.items()):
        ids[key] = f"{id_} ({key})" if id_ in taken else id_
        taken.add(id_)
    return {key: ids[key] for key, id_ in current.items() if ids[key] != id_}
