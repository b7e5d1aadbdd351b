"""A headless Chromium that opens pages, presses keys and reads values off them.

Tests that need it are skipped where selenium, Chromium or its driver are not installed; so is the
check of accessibility where the environment variable AXE names no `axe.min.js` (npm: axe-core).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

Driver = Any
"""A driver of selenium, which is an optional package."""


@contextmanager
def chromium() -> Iterator[Driver]:
    """A browser without a window; the test is skipped where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver")
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("Chromium and its driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    opened = webdriver.Chrome(options=options, service=service)
    try:
        yield opened
    finally:
        opened.quit()


def show(browser: Driver, page: Path, width: int = 1280, scheme: str = "light") -> None:
    """Open a page with a width in pixels, in light or dark; wait until its charts are drawn."""
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.absolute().as_uri())
    end = monotonic() + 60
    while browser.execute_script("return document.documentElement.dataset.ready") != "yes":
        assert monotonic() < end, complaints(browser)
        sleep(0.02)


def complaints(browser: Driver) -> list[str]:
    """What the browser complained about since the last call: errors, and anything not loaded."""
    return [entry["message"] for entry in browser.get_log("browser")]


def violations(browser: Driver) -> list[str]:
    """What axe-core says against the accessibility of the open page."""
    path = os.environ.get("AXE")
    if path is None:
        pytest.skip("the environment variable AXE names no axe.min.js")
    browser.execute_script(Path(path).read_text(encoding="utf-8"))
    found: list[str] = browser.execute_async_script(
        "const done = arguments[0];"
        "axe.run().then((all) => done(all.violations.map((each) =>"
        " `${each.id}: ${each.nodes[0].html} ${each.nodes[0].failureSummary}`)),"
        " (error) => done([String(error)]))"
    )
    return found


def overflows(browser: Driver) -> bool:
    """Whether the open page is wider than the window, so that it moves sideways."""
    wide: bool = browser.execute_script(
        "return document.documentElement.scrollWidth > window.innerWidth"
    )
    return wide


def read(browser: Driver, selector: str) -> list[str]:
    """The texts of all elements that a selector of CSS finds."""
    texts: list[str] = browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)",
        selector,
    )
    return texts
