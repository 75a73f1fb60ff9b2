"""Write files so that a reader sees the old content or the new, under names that every file system takes."""

from alframe.formats.digests import content_hash
from alframe.store.files import check_room, replacing, write_json
from alframe.store.links import place
from alframe.store.names import file_name, folder_name, is_litter

__all__ = [
    "check_room",
    "content_hash",
    "file_name",
    "folder_name",
    "is_litter",
    "place",
    "replacing",
    "write_json",
]
