"""The label source keeps the contract: over the API, and over both kinds of export."""

from __future__ import annotations

import pytest
from label_studio_people import ExportSuite, Person, ServerSuite


class TestServer(ServerSuite):
    @pytest.fixture(autouse=True)
    def people(self, anna: Person, ben: Person) -> None:
        self.anna, self.ben = anna, ben


class TestJson(ExportSuite):
    @pytest.fixture(autouse=True)
    def people(self, anna: Person, ben: Person) -> None:
        self.anna, self.ben = anna, ben


class TestJsonMin(TestJson):
    kind = "JSON_MIN"
