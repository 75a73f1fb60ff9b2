"""The parameters of ``label_source=web``. The server, which is another process, receives them too."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.kit.classes import NEW_CLASSES_RULES
from alframe.kit.parameters import require_at_least, require_one_of, require_parameter


@dataclass
class WebParameters:
    """The parameters of `label_source=web`; conf/label_source/web.yaml explains each of them."""

    new_classes: str = "ask"
    annotator: str = ""
    blank: str = "blank"
    suggestions: bool = True
    second_opinion: float = 0.0
    page: int = 40
    lease: float = 300.0
    browser: bool = True
    port: int | None = None
    lan: bool = False
    stay: bool = True

    def __post_init__(self) -> None:
        part = "label_source 'web'"
        require_one_of(part, NEW_CLASSES_RULES, new_classes=self.new_classes)
        require_at_least(part, 1, page=self.page, lease=self.lease)
        share = self.second_opinion
        require_parameter(part, 0 <= share <= 1, "a share from 0 to 1", second_opinion=share)
        require_parameter(part, self.port is None or 1 <= self.port <= 65535, "null or 1 to 65535", port=self.port)
