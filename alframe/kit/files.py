"""Write files so that a reader sees the old content or the new, under names that every file system takes."""

from alframe.formats.digests import content_hash
from alframe.store.files import replace_atomically, require_free_space, write_json
from alframe.store.links import link_or_copy
from alframe.store.names import class_folder_name, flat_file_name, is_system_file, ranked_file_name

__all__ = [
    "class_folder_name",
    "content_hash",
    "flat_file_name",
    "is_system_file",
    "link_or_copy",
    "ranked_file_name",
    "replace_atomically",
    "require_free_space",
    "write_json",
]
