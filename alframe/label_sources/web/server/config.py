"""The configuration of the server: the first line of its standard input, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Self

from alframe.label_sources.web.parameters import WebParameters

MAX_BODY_BYTES = 1 << 20  # bytes of a request
MAX_ANSWERS = 1000  # in a request
MAX_LISTED = 200  # images in one reply
MAX_NAME_LENGTH = 100  # characters of a person's name, and of a class
MAX_COMMENT_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """The label source's parameters (`source`), its `folder`, the project's name, and the file of its report."""

    folder: str
    project: str
    report: str
    source: WebParameters = field(default_factory=WebParameters)

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = json.loads(text)
        return cls(**values | {"source": WebParameters(**values["source"])})

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def folder_path(self) -> Path:
        return Path(self.folder)

    @property
    def report_path(self) -> Path:
        return Path(self.report)

    @property
    def cookie_name(self) -> str:
        """The cookie's name. It differs by project, because browsers share cookies between the ports of a host."""
        return f"alframe-{self.folder_id}"

    @property
    def folder_id(self) -> str:
        """The digest of the folder. It shows whether a project with another journal is still the same project."""
        return blake2b(self.folder.encode(), digest_size=6).hexdigest()

    @property
    def port_file(self) -> Path:
        """The file with the last port of the pages."""
        return self.folder_path / "port"

    def last_port(self) -> int | None:
        """Return the last port, or None if its file is missing or damaged (a power cut may empty it)."""
        try:
            port = int(self.port_file.read_text())
        except (OSError, ValueError):
            return None
        return port if 0 < port < 1 << 16 else None
