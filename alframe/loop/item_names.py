"""The names under which label sources know images whose files were moved since they were requested.

Lists, folders and databases that people already work on keep the ids that their images had then, and so do the answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from alframe.contracts import LabelSource, ServesPeople
from alframe.store.ledger import Ledger
from alframe.types import Item


def name_requested_items(
    ledger: Ledger, source: LabelSource, round_number: int, keys: Sequence[int], items: Sequence[Item]
) -> list[Item]:
    """Return the items of these keys, under the ids by which the label source of this round knows them."""
    ids = _served_ids(ledger) if isinstance(source, ServesPeople) else _ids_in_round(ledger, round_number)
    return [replace(items[key], id=ids[key]) if key in ids else items[key] for key in keys]


def with_served_ids(ledger: Ledger, items: Sequence[Item]) -> Sequence[Item]:
    """Return all items by key, under the ids by which a source that serves people knows them."""
    if not (ids := _served_ids(ledger)):
        return items
    return [replace(item, id=ids[key]) if key in ids else item for key, item in enumerate(items)]


def keys_of_served_ids(ledger: Ledger, ids: Iterable[str]) -> dict[str, int]:
    """Return the keys of those of the ids that are known to a source that serves people."""
    return ledger.keys_of(ids) | {id_: key for key, id_ in _served_ids(ledger).items()}


def _ids_in_round(ledger: Ledger, round_number: int) -> dict[int, str]:
    """Return, by key, the id that an item had when this round was requested, where it has another one now."""
    ids: dict[int, str] = {}
    for former in ledger.former_ids():
        if former.until_round >= round_number:
            ids.setdefault(former.key, former.id)
    return ids


def _served_ids(ledger: Ledger) -> Mapping[int, str]:
    """Return, by key, the id by which a source that serves people knows an item, where it is not the item's own.

    It is the item's first id for ever, because such a source keeps the answers of all rounds together. An item that was
    listed later under an id of this kind has its key added, so that no answer can be taken for that of another image.
    """
    first: dict[int, str] = {}
    for former in ledger.former_ids():
        first.setdefault(former.key, former.id)
    if not first:
        return first
    listed_now = {key: id_ for id_, key in ledger.keys_of(first.values()).items() if key not in first}
    ids: dict[int, str] = {}
    taken: set[str] = set()
    for key, id_ in sorted((first | listed_now).items()):
        ids[key] = f"{id_} ({key})" if id_ in taken else id_
        taken.add(id_)
    return ids
