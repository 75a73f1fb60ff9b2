"""The server of `label_source=web`: the next page of a short and of a long queue, and several people at once.

    python -m benchmarks.micro.browser                    # some minutes, and 1.5 GB of disk
    python -m benchmarks.micro.browser --people 10 --seconds 600 --pace 1500 --pages 0      # ten people for ten minutes

After Enter, a person waits for the next page: 40 answers are written to the disk, the next 40 images are leased, and
their thumbnails are fetched. A client without a browser does this over one connection. Its time for a queue of 200,000
images is compared with its time for 2,000 images. Then 1, 3 and 10 scripted people, each a process, answer as fast as
they can, or `--pace` images a minute. Each acknowledged answer must be in the journal exactly once.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import multiprocessing
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from alframe.label_sources.web.images import ImageDatabase
from alframe.label_sources.web.launch import ServerProcess
from alframe.label_sources.web.source import Web, web_folder
from alframe.label_sources.web.thumbnails import thumbnail_digest
from alframe.types import CampaignSnapshot, Item, Request, Suggestion
from benchmarks.machine import describe, write_report

PAGE = 40
CLASSES = tuple(f"species {number}" for number in range(30))


class Client:
    """A scripted person without a browser."""

    def __init__(self, address: str, name: str) -> None:
        parts = urlsplit(address)
        self.origin = f"http://{parts.netloc}"
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=120)
        self.headers = {"Origin": self.origin, "Content-Type": "application/json"}
        token = parts.fragment.removeprefix("token=")
        self.connection.request("POST", "/api/session", json.dumps({"token": token}), self.headers)
        response = self.connection.getresponse()
        response.read()
        self.headers["Cookie"] = str(response.headers["Set-Cookie"]).partition(";")[0]
        self.send("PUT", "/api/session", {"name": name})

    def send(self, method: str, path: str, content: Any = None) -> Any:
        self.connection.request(method, path, None if content is None else json.dumps(content), self.headers)
        response = self.connection.getresponse()
        body = response.read()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {body[:300]!r}")
        return json.loads(body) if response.headers["Content-Type"] == "application/json" else body

    def lease(self) -> list[dict[str, Any]]:
        images: list[dict[str, Any]] = self.send("POST", "/api/leases", {"size": PAGE})["images"]
        return images

    def answer(self, images: list[dict[str, Any]]) -> None:
        answers = [{"image": image["image"], "classes": [CLASSES[image["image"] % 30]]} for image in images]
        self.send("POST", "/api/answers", {"action": str(uuid.uuid4()), "origin": "grid", "answers": answers})


def make_queue(folder: Path, count: int) -> tuple[Web, Request]:
    """Make a request for so many images, with thumbnails of a usual size."""
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    jpeg = io.BytesIO()
    Image.fromarray(noise).resize((320, 240)).save(jpeg, "JPEG", quality=60)
    items = tuple(Item(f"cam{n % 50}/IMG_{n:06d}.jpg", folder / "one.jpg") for n in range(count))
    rng = np.random.default_rng(0)
    suggestions = tuple(Suggestion(CLASSES[number], 0.8) for number in rng.integers(0, 30, count))
    hidden = tuple((rng.random(count) < 0.2).tolist())
    request = Request(1, items, CLASSES, folder / "to_label", suggestions, tuple(range(count)), hidden)
    source = Web(browser=False)
    with ImageDatabase.open(web_folder(request.folder)) as images:
        images.number_and_store(items)
        version = thumbnail_digest(folder / "one.jpg", None)
        images.add_thumbnails((n, version, 320, 240, jpeg.getvalue()) for n in images.numbers_by_id().values())
    source.request(request)
    return source, request


def serve(source: Web, request: Request) -> ServerProcess:
    serving = source.serve(request.folder)
    assert isinstance(serving, ServerProcess)
    return serving


def publish(serving: ServerProcess, request: Request) -> None:
    count = len(request.items)
    serving.publish(
        CampaignSnapshot(request.items, CLASSES, (), (), open_round=1, asked=range(count), answers_needed=count)
    )


def measure_pages(folder: Path, count: int, pages: int) -> dict[str, Any]:
    source, request = make_queue(folder, count)
    seconds = []
    with serve(source, request) as serving:
        publish(serving, request)
        client = Client(serving.address, "anna")
        while not (images := client.lease()):
            time.sleep(0.1)
        before = server_mib(serving)
        for _ in range(pages):
            start = time.perf_counter()
            client.answer(images)
            images = client.lease()
            for image in images:
                client.send("GET", image["thumbnail"])
            seconds.append(time.perf_counter() - start)
        client.connection.close()
        after = server_mib(serving)
    return {
        "images": count,
        "p50_ms": round(1000 * statistics.median(seconds), 1),
        "p95_ms": round(1000 * statistics.quantiles(seconds, n=20)[-1], 1),
        "server_mib": [before, after],
    }


def measure_people(folder: Path, people: int, seconds: float, pace: float) -> dict[str, Any]:
    source, request = make_queue(folder, max(20_000, int(people * seconds * min(400, pace / 60))))
    context = multiprocessing.get_context("spawn")
    with serve(source, request) as serving, context.Pool(people) as pool:
        publish(serving, request)
        first = Client(serving.address, "0")
        while not first.lease():
            time.sleep(0.1)
        first.send("POST", "/api/leases/return", {})
        links = [first.send("POST", "/api/invitations", {})["urls"][0] for _ in range(people)]
        acknowledged = pool.starmap(label_for, [(link, str(n + 1), seconds, pace) for n, link in enumerate(links)])
        first.connection.close()
    labels = source.collect(request).labels
    given = [name for names in acknowledged for name in names]
    return {
        "people": people,
        "images_a_minute_each": [round(60 * len(names) / seconds) for names in acknowledged],
        "acknowledged": len(given),
        "lost": len(set(given) - {label.item for label in labels}),
        "doubled": len(given) - len(set(given)) + len(labels) - len({label.item for label in labels}),
    }


def label_for(link: str, name: str, seconds: float, pace: float) -> list[str]:
    """Answer at most `pace` images a minute for this time, and return the images whose answers were acknowledged."""
    client, done = Client(link, name), []
    start = time.perf_counter()
    while time.perf_counter() < start + seconds and (images := client.lease()):
        client.answer(images)
        done += [image["name"] for image in images]
        time.sleep(max(0.0, start + 60 * len(done) / pace - time.perf_counter()))
    return done


def server_mib(serving: ServerProcess) -> int | None:
    status = Path(f"/proc/{serving.process_id}/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--pages", type=int, default=200, help="0: measure no pages")
    parser.add_argument("--people", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--pace", type=float, default=float("inf"), help="images a minute and person, at most")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    args = parser.parse_args()
    machine = describe()
    results: dict[str, Any] = {"pages": [], "people": []}
    with tempfile.TemporaryDirectory() as temporary:
        for count in (2_000, args.images) if args.pages else ():
            pages = min(args.pages, count // PAGE - 1)
            results["pages"].append(measure_pages(Path(temporary) / f"queue-{count}", count, pages))
        for people in args.people:
            measured = measure_people(Path(temporary) / f"people-{people}", people, args.seconds, args.pace)
            results["people"].append(measured)
    if args.pages:
        short, long = results["pages"]
        results["ratio_p95"] = round(long["p95_ms"] / short["p95_ms"], 2)
    result = {"benchmark": "browser", "machine": machine, "setting": {"page": PAGE}, "results": results}
    write_report(result, args.out)


if __name__ == "__main__":
    main()
