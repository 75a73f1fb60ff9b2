"""SIGTERM, by which schedulers and systems that shut down end a program, ends it like Ctrl-C."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from alframe import __main__
from alframe.app import cli


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in the background without it
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process at once")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_it_ends_in_words(
    number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command_line() -> None:
        os.kill(os.getpid(), number)
        time.sleep(60)

    monkeypatch.setattr(cli, "main", command_line)
    with pytest.raises(SystemExit) as end:
        __main__.main()
    assert end.value.code == code
    assert capsys.readouterr().err.strip().startswith("Stopped. The work done so far is kept")


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process at once")
def test_a_second_one_does_not_interrupt_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = []

    def command_line() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        except KeyboardInterrupt:
            for number in (signal.SIGTERM, signal.SIGINT):
                os.kill(os.getpid(), number)
            closed.append("the stores")
            raise KeyboardInterrupt from None  # as one that SQLite's module has kept to itself

    monkeypatch.setattr(cli, "main", command_line)
    with pytest.raises(SystemExit) as end:
        __main__.main()
    assert end.value.code == 143
    assert closed == ["the stores"]
    assert capsys.readouterr().err.strip().startswith("Stopped.")
