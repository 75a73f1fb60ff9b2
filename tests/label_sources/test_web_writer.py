"""The thread that writes the journal: what is acknowledged is on the disk, and one write does not stop another."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import pytest

from alframe.errors import StoreError
from alframe.label_sources.web.journal import JOURNAL_NAME
from alframe.label_sources.web.journal_rows import NewAnswer
from alframe.label_sources.web.server.writer import JournalWriter
from alframe.label_sources.web.source import web_folder
from tests.label_sources.conftest import Serve


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no file that is open")
def test_nothing_is_acknowledged_that_goes_into_a_file_that_is_gone(tmp_path: Path) -> None:
    """A program that tidies up, or synchronises, has removed the journal: what is written then nobody will read."""
    writer = JournalWriter(tmp_path)
    try:
        asyncio.run(
            writer.write_and_wait(lambda journal: journal.append_answers("1", "anna", [NewAnswer("a.png", ["fox"], 1)]))
        )
        (tmp_path / JOURNAL_NAME).rename(tmp_path / "moved.sqlite")
        with pytest.raises(StoreError, match="was removed, or replaced"):
            asyncio.run(
                writer.write_and_wait(
                    lambda journal: journal.append_answers("2", "anna", [NewAnswer("b.png", ["fox"], 1)])
                )
            )
        (tmp_path / JOURNAL_NAME).touch()
        with pytest.raises(StoreError, match="was removed, or replaced"):
            asyncio.run(writer.write_and_wait(lambda journal: None))
    finally:
        writer.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no file that is open")
def test_the_campaign_ends_when_the_journal_is_gone(serve: Serve) -> None:
    served = serve()
    browser = served.browser()
    image = browser.lease(1)[0]["image"]
    (web_folder(served.request.folder) / JOURNAL_NAME).unlink()
    refused = browser.answer({image: ["fox"]})
    assert (refused.status, refused.json["error"]["code"]) == (507, "cannot_save")
    with pytest.raises(StoreError, match="run the same command again"):
        served.serving.wait_for_answer(1)


def test_a_write_that_nobody_waits_for_does_not_stop_the_others(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)

    async def cancel_one() -> int:
        started, go_on = threading.Event(), threading.Event()
        busy = asyncio.ensure_future(writer.write_and_wait(lambda journal: (started.set(), go_on.wait(10))))
        await asyncio.to_thread(started.wait, 10)
        cancelled = asyncio.ensure_future(writer.write_and_wait(lambda journal: 1))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await busy
        return await asyncio.wait_for(writer.write_and_wait(lambda journal: 2), 10)

    try:
        assert asyncio.run(cancel_one()) == 2
    finally:
        writer.close()
