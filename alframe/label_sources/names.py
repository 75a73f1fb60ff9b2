"""Moved to alframe.store.names, where exporters find them too."""

from alframe.store.names import LITTER, RESERVED, UNSAFE, file_name, folder_name, is_litter

__all__ = ["LITTER", "RESERVED", "UNSAFE", "file_name", "folder_name", "is_litter"]
