"""Import libraries that can fail if torch is loaded too. Each is imported when its function is called."""

from alframe.compat import import_faiss, import_timm, import_torchvision, register_heic

__all__ = ["import_faiss", "import_timm", "import_torchvision", "register_heic"]
