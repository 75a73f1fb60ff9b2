"""Reading labels: 200,000 records of a Timelapse `.ddb` and of a CSV, compared with plain sqlite3 and pandas.

    python -m benchmarks.micro.labels                    # under a minute
    python -m benchmarks.micro.labels --rows 1000000

Every tenth record has a species. alframe looks for damage, hashes the file, finds the images, checks the names and
returns labels; the peers only read the cells. Each measurement has its own process and so its own peak of memory. The
peers take turns (A B A B ...), so that other work on the machine affects all of them equally. Imports do not count.
"""

from __future__ import annotations

import argparse
import csv
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alframe.formats.timelapse.data import read_records
from alframe.formats.timelapse.prepared import OpeningView, write_data_file
from alframe.formats.timelapse.template import Field
from alframe.label_sources.csv.source import Csv
from alframe.label_sources.timelapse.set_source import TimelapseSet
from alframe.types import Item, Request
from benchmarks.machine import describe, resident_mib, write_report

SPECIES = ("red fox", "roe deer", "wild boar", "blank")
COLUMNS = ("RelativePath", "File", "DateTime", "Species", "Comments")
ASKED = 1000  # images of the round that is asked about
FEW = 10  # every tenth record has a species


def make(folder: Path, rows: int) -> None:
    """Make the data file of a set with five more fields, and a CSV with the same records."""
    fields = (
        Field("FixedChoice", "Species", choices=SPECIES),
        Field("Flag", "Selected", default="false"),
        Field("IntegerPositive", "ALRound"),
        Field("Note", "Analyst"),
        Field("MultiLine", "Comments"),
    )
    records = [record(number) for number in range(rows)]
    write_data_file(folder / "set.ddb", fields, records, OpeningView())
    with (folder / "set.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(("path", "label", *COLUMNS[2:3], "Comments"))
        for record in records:
            path = f"{record['RelativePath']}\\{record['File']}"
            writer.writerow((path, record["Species"], record["DateTime"], record["Comments"]))


def record(number: int) -> dict[str, str]:
    return {
        "RelativePath": f"Region {number // 20_000}\\Station {number // 2_000:03d}\\100RECNX",
        "File": f"RCNX{number % 2_000:04d}.JPG",
        "DateTime": f"2024-05-01 {number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}",
        "Species": SPECIES[number // FEW % len(SPECIES)] if number % FEW == 0 else "",
        "Comments": "checked twice" if number % 7 == 0 else "",
    }


def request(folder: Path, rows: int) -> Request:
    """Return the request of a round, with images from the whole set that all have a species."""
    step = max(FEW, rows // ASKED // FEW * FEW)
    records = (record(number) for number in range(0, rows, step))
    ids = (f"{row['RelativePath']}/{row['File']}".replace("\\", "/") for row in records)
    return Request(1, tuple(Item(id, folder / id) for id in ids), SPECIES, folder / "labels")


def alframe_set(folder: Path, rows: int) -> int:
    """Read the labels of a round from the set."""
    return len(TimelapseSet(str(folder / "set.ddb")).collect(request(folder, rows)).labels)


def alframe_records(folder: Path, rows: int) -> int:
    """Read all records, one after another."""
    return sum(bool(record.cells["Species"]) for record in read_records(folder / "set.ddb", COLUMNS[2:]))


def plain_sqlite(folder: Path, rows: int) -> int:
    db = sqlite3.connect(folder / "set.ddb")
    found = db.execute(f"SELECT Id, {', '.join(COLUMNS)} FROM DataTable").fetchall()
    db.close()
    return sum(bool(row[4]) for row in found)


def pandas_sqlite(folder: Path, rows: int) -> int:
    import pandas as pd

    db = sqlite3.connect(folder / "set.ddb")
    table = pd.read_sql_query(f"SELECT Id, {', '.join(COLUMNS)} FROM DataTable", db)
    db.close()
    return int((table["Species"] != "").sum())


def alframe_csv(folder: Path, rows: int) -> int:
    """Read the labels of a round from the CSV."""
    source = Csv(files=str(folder / "set.csv"))
    return len(source.collect(request(folder, rows)).labels)


def plain_csv(folder: Path, rows: int) -> int:
    with (folder / "set.csv").open(encoding="utf-8", newline="") as handle:
        return sum(bool(row["label"]) for row in list(csv.DictReader(handle)))


def pandas_csv(folder: Path, rows: int) -> int:
    import pandas as pd

    table = pd.read_csv(folder / "set.csv", dtype=str, keep_default_na=False)
    return int((table["label"] != "").sum())


PEERS: dict[str, Callable[[Path, int], int]] = {
    "ddb: alframe timelapse_set": alframe_set,
    "ddb: alframe read_records": alframe_records,
    "ddb: sqlite3": plain_sqlite,
    "ddb: pandas": pandas_sqlite,
    "csv: alframe csv": alframe_csv,
    "csv: csv.DictReader": plain_csv,
    "csv: pandas": pandas_csv,
}


def run_peer(peer: str, folder: Path, rows: int) -> None:
    if "pandas" in peer:
        import pandas  # noqa: F401 (its import does not count)
    before = resident_mib(peak=False)
    start = time.perf_counter()
    found = PEERS[peer](folder, rows)
    seconds = time.perf_counter() - start
    after = resident_mib(peak=True)
    more = None if before is None or after is None else after - before
    sys.stdout.write(json.dumps({"seconds": seconds, "more_mib": more, "found": found}) + "\n")


def measure(peer: str, folder: Path, rows: int) -> dict[str, Any]:
    """Do one measurement in its own process."""
    words = ["--peer", peer, "--folder", str(folder), "--rows", str(rows)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.micro.labels", *words], capture_output=True, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    args = parser.parse_args()
    if args.peer:
        run_peer(args.peer, args.folder, args.rows)
        return
    runs: dict[str, list[dict[str, Any]]] = {peer: [] for peer in PEERS}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make(folder, args.rows)
        machine = describe()  # before the work, so that the load is that of others
        sizes = {file.name: round(file.stat().st_size / 2**20, 1) for file in sorted(folder.glob("set.*"))}
        for _ in range(args.repeats):
            for peer in PEERS:
                runs[peer].append(measure(peer, folder, args.rows))
    result = {
        "benchmark": "labels",
        "machine": machine,
        "setting": {"rows": args.rows, "filled": args.rows // FEW, "asked": ASKED, "mib": sizes, "order": "in turn"},
        "results": {
            peer: {
                "median_s": round(statistics.median(run["seconds"] for run in peer_runs), 3),
                "all_s": [round(run["seconds"], 3) for run in peer_runs],
                "more_mib": max(round(run["more_mib"]) for run in peer_runs)
                if peer_runs[0]["more_mib"] is not None
                else None,
                "found": peer_runs[0]["found"],
            }
            for peer, peer_runs in runs.items()
        },
    }
    write_report(result, args.out)


if __name__ == "__main__":
    main()
