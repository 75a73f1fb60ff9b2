"""The page of label_source=web compared with Label Studio, with the same images in a real Chromium.

    python -m venv labelstudio && labelstudio/bin/pip install label-studio         # about 1 GB
    python -m benchmarks.label_studio --images FOLDER --program labelstudio/bin/label-studio

Both servers run on this computer with the same copies of real images and the same classes. The benchmark measures the
time from opening the address until the first image is visible (each time in a new browser with access), the memory of
the server's processes, and the key strokes for a batch. In Label Studio, a class has a hotkey, and Ctrl+Enter submits
an image.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from alframe.label_sources.web.source import Web
from alframe.types import CampaignSnapshot, Item, Request
from benchmarks.machine import describe
from tests.label_sources.web.person import Person, open_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CLASSES = ("badger", "chamois", "fox", "hare", "ibex", "lynx", "marmot", "otter", "red deer", "wild boar")
SIDE = 1280  # of the copies, at most: about what a camera trap's preview has
REPEATS = 5
_CONFIG = """<View><Image name="image" value="$image"/><Choices name="class" toName="image" choice="single-radio">
{choices}</Choices></View>"""
_STUDIO_IMAGE = "img[alt=image]"
_PAINTED = """selector => new Promise(resolve => {
    const look = () => {
        const shown = [...document.querySelectorAll(selector)].some(image =>
            image.complete && image.naturalWidth && image.getBoundingClientRect().width > 40);
        if (shown) requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())));
        else setTimeout(look, 5);
    };
    look();
})"""


def copy_images(sources: Sequence[Path], folder: Path, count: int) -> list[Path]:
    """Write `count` copies of the images in these folders; images are used several times if there are too few."""
    files = sorted(file for source in sources for file in source.rglob("*"))
    found = [file for file in files if file.suffix.lower() in (".jpg", ".jpeg", ".png")]
    if not found:
        raise SystemExit(
            f"--images {' '.join(map(str, sources))}: there is no image. Give folders of JPEG or PNG files."
        )
    folder.mkdir(parents=True)
    copies = []
    for number in range(count):
        image = Image.open(found[number % len(found)]).convert("RGB")
        image.thumbnail((SIDE, SIDE))
        copies.append(folder / f"{number:04d}.jpg")
        image.save(copies[-1], quality=88)
    return copies


@contextmanager
def serve_alframe(folder: Path, files: Sequence[Path]) -> Iterator[tuple[str, int]]:
    """Yield the link and the process id of the server. There are no suggestions, as in Label Studio."""
    items = tuple(Item(file.name, file) for file in files)
    request = Request(1, items, CLASSES, folder / "season" / "to_label")
    source = Web(browser=False, suggestions=False)
    source.request(request)
    count = len(items)
    with source.serve(request.folder) as serving:
        serving.publish(
            CampaignSnapshot(items, CLASSES, (), (), open_round=1, asked=range(count), answers_needed=count)
        )
        serving.show_phase("waiting", "")
        yield serving.address, serving.process_id  # type: ignore[attr-defined]  # only that of `web` has it


@contextmanager
def serve_label_studio(program: Path, data: Path, files: Sequence[Path]) -> Iterator[tuple[str, int]]:
    """Yield the address of a project with these images, and the process id of the server.

    `data` is the folder of Label Studio. The first start makes it, and takes minutes.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, token, password = f"http://127.0.0.1:{port}", secrets.token_hex(20), secrets.token_hex(8)
    email = f"{secrets.token_hex(4)}@example.org"  # a new person, where the folder is an earlier run's
    data.mkdir(exist_ok=True)
    environment = os.environ | {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LATEST_VERSION_CHECK": "false",
        "COLLECT_ANALYTICS": "false",
        "PYTHONPATH": "",
    }
    words = ["start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    words += ["--username", email, "--password", password, "--user-token", token]
    with (data / "label-studio.log").open("w") as log:
        process = subprocess.Popen([program, *words], env=environment, stdout=log, stderr=log, cwd=data)
    try:
        _wait_for(f"{address}/health", process)
        project = _send(address, token, "/api/projects", {"title": "images", "label_config": _label_config()})["id"]
        for start in range(0, len(files), 50):
            _upload(f"{address}/api/projects/{project}/import", token, files[start : start + 50])
        yield f"{address}/user/login/?next=/projects/{project}/data#{email} {password}", process.pid
    finally:
        process.terminate()
        process.wait(30)


def _label_config() -> str:
    choices = [f'<Choice value="{name}" hotkey="{(number + 1) % 10}"/>' for number, name in enumerate(CLASSES)]
    return _CONFIG.format(choices="\n".join(choices))


def _wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 900) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=10)
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"Label Studio does not answer at {url}; label-studio.log in its folder says more.")


def _send(address: str, token: str, path: str, content: Any) -> Any:
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(address + path, json.dumps(content).encode(), headers)
    with urllib.request.urlopen(request, timeout=300) as reply:
        return json.load(reply)


def _upload(url: str, token: str, files: Sequence[Path]) -> None:
    boundary = secrets.token_hex(16)
    parts = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{file.name}"; filename="{file.name}"\r\n'
        f"Content-Type: image/jpeg\r\n\r\n".encode()
        + file.read_bytes()
        + b"\r\n"
        for file in files
    )
    headers = {"Authorization": f"Token {token}", "Content-Type": f"multipart/form-data; boundary={boundary}"}
    request = urllib.request.Request(url, parts + f"--{boundary}--\r\n".encode(), headers)
    try:
        urllib.request.urlopen(request, timeout=600).read()
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{url}: {error.code} {error.read()[:300]!r}") from error


def memory_mib(pid: int) -> int:
    """Return the memory of a process and its child processes; shared pages are counted once (PSS)."""
    pids, found = [pid], 0
    while pids:
        current = pids.pop()
        for task in Path(f"/proc/{current}/task").iterdir():
            pids += map(int, (task / "children").read_text().split())
        text = Path(f"/proc/{current}/smaps_rollup").read_text()
        found += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return found // 1024


def time_first_image(browser: Browser, address: str, state: Any, selector: str) -> list[float]:
    """Return the milliseconds from opening an address until an image is visible, each time in a new context."""
    times = []
    for _ in range(REPEATS):
        page = browser.new_context(storage_state=state, viewport={"width": 1280, "height": 800}).new_page()
        start = time.perf_counter()
        page.goto(address, wait_until="commit")
        page.wait_for_selector(selector, timeout=120_000)
        page.evaluate(_PAINTED, selector)
        times.append(1000 * (time.perf_counter() - start))
        page.context.close()
    return times


def measure_alframe(browser: Browser, folder: Path, files: Sequence[Path], batch: int) -> dict[str, Any]:
    with serve_alframe(folder, files) as (link, pid):
        person = Person(browser, link)
        person.wait_for_images()
        state, address = person.context.storage_state(), link.partition("#")[0]
        person.context.close()
        times = time_first_image(browser, address, state, ".tile img")
        page = browser.new_context(storage_state=state, viewport={"width": 1280, "height": 800}).new_page()
        page.goto(address)
        page.wait_for_selector(".tile:not(.answered)")
        strokes = 0
        while strokes < batch:  # without a suggestion: one key an image
            page.keyboard.press(page.locator(".class-key").nth(strokes % len(CLASSES)).text_content() or "")
            strokes += 1
            page.wait_for_timeout(20)
        page.wait_for_selector("#top .saved.done")
        return _result(times, memory_mib(pid), strokes)


def measure_label_studio(
    browser: Browser, program: Path, data: Path, files: Sequence[Path], batch: int
) -> dict[str, Any]:
    with serve_label_studio(program, data, files) as (link, pid):
        address, _, login = link.partition("#")
        email, password = login.split()
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(address)
        page.locator("input[name=email]").fill(email)
        page.locator("input[name=password]").fill(password)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"/data\?tab="))
        state, project = context.storage_state(), page.url.partition("?")[0]
        labelling = f"{project}?labeling=1"
        times = time_first_image(browser, labelling, state, _STUDIO_IMAGE)
        page.goto(labelling)
        shown, strokes = "", 0
        for number in range(batch):
            while (source := page.locator(_STUDIO_IMAGE).get_attribute("src")) == shown:
                page.wait_for_timeout(20)
            shown = source or ""
            page.keyboard.press(str((number + 1) % len(CLASSES)))
            page.keyboard.press("Control+Enter")
            strokes += 2
        return _result(times, memory_mib(pid), strokes)


def _result(times: Sequence[float], memory: int, strokes: int) -> dict[str, Any]:
    median, low, high = statistics.median(times), min(times), max(times)
    return {
        "first_image_ms": {"median": round(median), "least": round(low), "most": round(high)},
        "server_mib": memory,
        "keys_of_a_batch_without_suggestions": strokes,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, nargs="+", required=True, help="folders of real images")
    parser.add_argument("--program", type=Path, required=True, help="the program label-studio of its environment")
    parser.add_argument("--data", type=Path, help="the data folder of an earlier run, which starts in less time")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, open_chromium() as browser:
        folder = Path(temporary)
        files = copy_images(options.images, folder / "images", options.count)
        results = {
            "alframe": measure_alframe(browser, folder, files, options.batch),
            "label studio": measure_label_studio(
                browser, options.program.absolute(), (options.data or folder / "data").absolute(), files, options.batch
            ),
        }
    sys.stdout.write(json.dumps({"machine": describe(), "images": options.count, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
