"""Remember in which project of which server each round was asked, in a file beside the rounds."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from alframe.errors import LabelError
from alframe.kit.files import write_json
from alframe.types import Request

RECORD = "labelstudio.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What a campaign has in Label Studio.

    `campaign` marks its tasks. `own_project` is the project that alframe has made, if it has made one, and `rounds`
    the project of each round.
    """

    url: str
    campaign: str = field(default_factory=lambda: uuid.uuid4().hex)
    own_project: int | None = None
    rounds: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def file_of(request: Request) -> Path:
        """Return the record's file."""
        return request.folder / RECORD

    @classmethod
    def load(cls, request: Request) -> Record | None:
        """Return the record, or None if nothing was asked in Label Studio yet. Raises LabelError if it is damaged."""
        file = cls.file_of(request)
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise LabelError(
                f"{file} cannot be read ({error}). Restore it from a backup: it says where the rounds are."
            ) from error

    def save(self, request: Request) -> None:
        """Write the record. Raises OSError."""
        request.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.file_of(request), asdict(self))

    def with_round(self, number: int, project: int) -> Record:
        """Return the record with the project of one more round."""
        return replace(self, rounds={**self.rounds, str(number): project})
