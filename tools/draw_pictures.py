"""Draw the output of alframe: a real campaign on drawn images, labelled in the simulated Timelapse of the tests.

    python -m tools.draw_pictures            (Linux or macOS; some minutes)

Folders are shown as on Windows. All other text is shown as it was printed.
"""

from __future__ import annotations

import csv
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fcntl import ioctl
from io import StringIO
from pathlib import Path
from threading import Timer

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from alframe.pools.camera_trap_scenes.pool import CameraTrapScenes
from tests.timelapse.simulator import Timelapse

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WINDOWS = "D:\\traps"  # where the reader of docs/timelapse.md works
COLUMNS = 100
# Without the fonts that rich would have every reader fetch from the network.
FRAME = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
FIRST_COMMAND = [
    *("pool=folder", "pool.root=images", "pool.camera_level=1", "label_source=timelapse"),
    "classes=red fox,fallow deer,wild boar,brown hare",
    *("batch=100", "start.labels=100", "stopping=target_accuracy", "stopping.at_least=0.7", "project=mara"),
]
EXPORTERS = "exporter=[predictions,model,recognition_json]"


class Terminal:
    """A terminal with COLUMNS columns. It runs commands in `folder` and draws their output."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, until: Callable[[str], bool] = lambda _: False) -> str:
        """Return the output of `python -m alframe`. When `until` is true for this output, the program is stopped."""
        master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        environment = os.environ | {"TERM": "xterm-256color", "PYTHONPATH": str(Path.cwd())}
        environment.pop("COLUMNS", None)
        process = subprocess.Popen(
            [sys.executable, "-m", "alframe", *words],
            cwd=self.folder, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        printed = b""
        with suppress(OSError):  # how a terminal says that its program has ended
            while chunk := os.read(master, 65536):
                printed += chunk
                if until(printed.decode(errors="ignore")):
                    process.send_signal(signal.SIGINT)
                    break
        with suppress(OSError):
            while os.read(master, 65536):
                pass
        os.close(master)
        process.wait()
        return printed.decode()

    def draw(self, name: str, *commands: tuple[list[str], str]) -> None:
        """Write one picture of commands with their output."""
        screen = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
        for words, printed in commands:
            typed = " ".join(f'"{word}"' if re.search(r"[ ,]", word) else word for word in words)
            screen.print(Text(f"(.venv) PS {WINDOWS}> python -m alframe {typed}", style="bold"))
            for line in printed.replace("\r\n", "\n").rstrip("\n").split("\n"):
                screen.print(Text.from_ansi(self._as_on_windows(visible_part(line))))
            screen.print()
        svg = screen.export_svg(title="alframe", code_format=FRAME, unique_id=name)
        (PICTURES / f"{name}.svg").write_text("\n".join(map(str.rstrip, svg.splitlines())) + "\n", encoding="utf-8")

    def _as_on_windows(self, line: str) -> str:
        own = re.compile(rf"(?:{re.escape(str(self.folder))}|\bmara)(?:/[\w.-]+)+")
        return own.sub(lambda path: path[0].replace(str(self.folder), WINDOWS).replace("/", "\\"), line)


def visible_part(line: str) -> str:
    """Return the visible part of a line that was overwritten, such as a progress bar."""
    return next((text for text in reversed(re.split(r"\r|\x1b\[A", line)) if text.strip()), "")


@contextmanager
def newest_set(project: Path) -> Iterator[Timelapse]:
    """Open the set of the newest round, as if by a double-click."""
    newest = max((project / "to_label").glob("round-*"))
    program = Timelapse.open(newest / "TimelapseTemplate.tdb")
    yield program
    program.close()


def label(project: Path, truth: dict[str, str], start: int = 0, end: int | None = None) -> None:
    """Give records their species; a species that is not in the list is written into a separate field."""
    with newest_set(project) as program:
        listed = program.control("Species").choices
        for row in program.records()[start:end]:
            species = truth[f"{row['RelativePath']}/{row['File']}".replace("\\", "/")]
            program.set(row["Id"], "Species" if species in listed else "NewSpecies", species)


def main() -> None:
    """Write the five pictures."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        list(CameraTrapScenes(root=str(folder / "drawn"), sites=12, bursts=360).items())
        (folder / "drawn" / "images").rename(folder / "images")
        with (folder / "drawn" / "labels.csv").open(encoding="utf-8", newline="") as handle:
            words = {"empty": "blank"}
            truth = {
                row["path"].removeprefix("images/"): words.get(row["label"], row["label"].replace("_", " "))
                for row in csv.DictReader(handle)
            }
        campaign(Terminal(folder), folder / "mara", truth)


def campaign(terminal: Terminal, project: Path, truth: dict[str, str]) -> None:
    terminal.draw("first", (FIRST_COMMAND, terminal.run(*FIRST_COMMAND)))

    label(project, truth, 0, 27)
    person = Timer(12, label, (project, truth, 27, 43))
    person.start()
    watch = ["label", "--watch", "project=mara"]
    terminal.draw("waiting", (watch, terminal.run(*watch, until=lambda printed: "43/100" in printed)))
    person.join()
    label(project, truth, 43)

    go_on = ["project=mara"]
    terminal.draw("second", (go_on, terminal.run(*go_on)))

    label(project, truth)
    with newest_set(project) as program:
        first, second = program.records()[:2]
        program.set(first["Id"], "Species", "")
        program.set(first["Id"], "NewSpecies", "wild boer")
        other = "lynx" if second["Species"] != "lynx" else "badger"
        program.set(program.duplicate(second["Id"]), "Species", other)
    collect_labels, show_status = ["label", "project=mara"], ["status", "project=mara"]
    terminal.draw("problem", (collect_labels, terminal.run(*collect_labels)), (show_status, terminal.run(*show_status)))
    with newest_set(project) as program:
        first, *_, added = program.records()
        program.set(first["Id"], "NewSpecies", "wild boar")
        program.delete(added["Id"])

    for _ in range(20):
        printed = terminal.run(*go_on, EXPORTERS)
        if "Exported:" in printed:
            terminal.draw("end", ([*go_on, EXPORTERS], printed))
            return
        label(project, truth)
    raise SystemExit("The aim was not reached.")


if __name__ == "__main__":
    main()
