"""A person at the page: a real Chromium, driven by its keys. Names of classes are those of the images' folders."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OTHER_NAME = "other.example"  # the browser finds it on this computer, as after DNS rebinding
_OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    f"--host-resolver-rules=MAP {OTHER_NAME} 127.0.0.1",
]
_KEY = """name => [...document.querySelectorAll(".class-row")]
    .filter(row => row.querySelector(".class-name")?.textContent === name)
    .map(row => row.querySelector(".class-key")?.textContent ?? "+")[0] ?? null"""
_GROUP = """() => {
    const group = document.querySelector(".tile[tabindex='0']").closest(".group");
    const open = [...group.querySelectorAll(".tile:not(.answered)")];
    const guesses = open.map(tile => tile.querySelector(".guess").textContent.replace(/\\?$/, ""));
    const isOfOneClass = group.querySelector(".confirm") && !group.classList.contains("mixed");
    return {suggested: isOfOneClass ? group.querySelector("h2").textContent : null, guesses,
            images: open.map(tile => [Number(tile.dataset.image), tile.title])};
}"""

_STEPS = """image => {
    const tiles = [...document.querySelectorAll(".tile")];
    return tiles.findIndex(tile => Number(tile.dataset.image) === image) - tiles.findIndex(tile => tile.tabIndex === 0);
}"""


def missing_browser() -> str:
    """Return what is missing for a test in a browser; "": nothing."""
    try:
        import playwright.sync_api  # noqa: F401 - is it there?
    except ImportError:
        return "needs playwright: pip install playwright"
    return "" if find_chromium() else "needs chromium: apt-get install chromium"


def find_chromium() -> str | None:
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@contextmanager
def open_chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=_OPTIONS)
        yield browser
        browser.close()


class Person:
    """Somebody who has opened the link and given a name; `strokes` counts the keys that were pressed."""

    def __init__(
        self, browser: Browser, address: str, name: str = "Anna", width: int = 1280, height: int = 800, **options: Any
    ) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.strokes = 0
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.set_default_timeout(15000)
        self.page.goto(address)
        self.page.wait_for_selector("dialog input")
        self.page.keyboard.type(name)
        self.press("Enter")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.strokes += 1

    def say(self, class_name: str, everything: bool = False) -> None:
        """Answer the marked images, or the one under the cursor; with `everything`, the rest of the group."""
        key = self.page.evaluate(_KEY, class_name)
        if key is not None and key != "+":
            self.press(f"Shift+{key.upper()}" if everything else key)
            return
        self.press("/")
        self.page.keyboard.type(class_name)
        self.strokes += len(class_name)
        self.press("Shift+Enter" if everything else "Enter")
        self.wait_for(f"({_KEY})({class_name!r}) !== null")

    def group(self) -> dict[str, Any]:
        """Return the class that the cursor's group is suggested as, and its images without an answer.

        `guesses` are the classes that each of these is suggested as; "": none.
        """
        found: dict[str, Any] = self.page.evaluate(_GROUP)
        return found

    def wait_for(self, condition: str, seconds: float = 30) -> None:
        """Wait until an expression of JavaScript is true; the page's own rules forbid wait_for_function."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, condition
            self.page.wait_for_timeout(20)

    def wait_for_images(self, seconds: float = 60) -> None:
        self.page.wait_for_selector(".tile:not(.answered)", timeout=1000 * seconds)

    def wait_until_saved(self) -> None:
        self.page.wait_for_selector("#top .saved.done")

    def answer_group(self, truth: Callable[[str], str]) -> None:
        """Answer the images of the cursor's group as a quick person does: the wrong ones one by one, then the rest."""
        group = self.group()
        images = [(number, truth(name)) for number, name in group["images"]]
        names = [name for _, name in images]
        common = max(names, key=names.count)
        has_suggestions = any(group["guesses"])
        expected = group["guesses"] if has_suggestions else [common] * len(images)
        right = [number for (number, name), guess in zip(images, expected, strict=True) if name == guess]
        for number, name in images:
            if number not in right:
                self.move_to(number)
                self.say(name)
        if right:
            self.move_to(right[0])
            if has_suggestions:
                self.press("Enter")
            else:
                self.say(common, everything=True)

    def move_to(self, image: int) -> None:
        """Go to an image of the page with the arrow keys, by rows where it is in another one."""
        columns, steps = self.page.evaluate(
            """image => {
                const tiles = [...document.querySelectorAll(".tile")];
                const at = tiles.findIndex(tile => tile.tabIndex === 0);
                const to = tiles.findIndex(tile => Number(tile.dataset.image) === image);
                const group = tiles[at].closest(".group");
                const top = group.querySelector(".tile").offsetTop;
                const columns = [...group.querySelectorAll(".tile")].filter(tile => tile.offsetTop === top).length;
                return [group === tiles[to].closest(".group") ? columns : 0, to - at];
            }""",
            image,
        )
        rows = round(steps / columns) if columns else 0
        self.press(*["ArrowDown" if rows > 0 else "ArrowUp"] * abs(rows))
        steps = self.page.evaluate(_STEPS, image)
        self.press(*["ArrowRight" if steps > 0 else "ArrowLeft"] * abs(steps))

    def answer_batch(self, truth: Callable[[str], str], pause: float = 0.05) -> None:
        """Answer all pages of the open batch and no later one, with a pause of seconds after each group."""
        batch = self.open_round()
        for _ in self.while_unanswered():
            if self.open_round() != batch:
                return
            self.answer_group(truth)
            self.page.wait_for_timeout(1000 * pause)

    def open_round(self) -> str:
        """Return what the page calls the open batch, such as "Round 2"; "" while there is none."""
        return self.page.locator(".batch-count").inner_text().partition(":")[0]

    def while_unanswered(self, seconds: float = 300) -> Iterator[int]:
        """Yield the number of images on the page without an answer as long as there are some; at most for a time."""
        end = time.monotonic() + seconds
        while count := self.page.locator(".tile:not(.answered)").count():
            assert time.monotonic() < end, f"after {seconds:g} s, {count} images have no answer: {self.group()}"
            yield count


def folder_of(name: str) -> str:
    """Return the folder that an image is in, which is its true class."""
    return name.rsplit("/", 1)[0].rsplit("/", 1)[-1]
