"""Chromium, and what a person does with the page in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from iis_web.desk import Desk
from iis_web.server.annotating import list_routes
from iis_web.server.app import make_app
from iis_web.server.serving import Address, make_server, serve_in_background

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = {"viewport": {"width": 1200, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@contextmanager
def serve(routes: Any, port: int = 0, token: str = "a-token") -> Iterator[str]:
    """Serve in a thread; gives the address of the page."""
    address = Address(port=port, token=token)
    server = make_server(make_app(routes, address.token))
    thread = serve_in_background(server, address)
    try:
        yield address.url
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def open_page(browser: Any, url: str, **keywords: Any) -> Iterator[Any]:
    """Open the page; an error in its scripts fails the test."""
    context = browser.new_context(**{**DESKTOP, **keywords})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    wait(page)
    yield page
    context.close()
    assert errors == []


@contextmanager
def open_desk(browser: Any, desk: Desk, **keywords: Any) -> Iterator[Any]:
    with serve(list_routes(desk)) as url, open_page(browser, url, **keywords) as page:
        yield page


def wait(page: Any) -> None:
    """Until every answer is on the screen."""
    frame = "() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))"
    page.evaluate(frame)
    page.locator("#stage[aria-busy=false]").wait_for(timeout=60_000)
    page.evaluate(frame)


def place_of(page: Any, row: int, col: int, shape: tuple[int, int], pane: int = 0) -> tuple[float, float]:
    """Where a pixel is on the screen while the photograph is fitted, as `View.fit` places it."""
    box = page.locator(".pane").nth(pane).bounding_box()
    height, width = shape
    scale = min((box["width"] - 24) / width, (box["height"] - 24) / height, 8)
    left, top = (box["width"] - width * scale) / 2, (box["height"] - height * scale) / 2
    return box["x"] + left + (col + 0.5) * scale, box["y"] + top + (row + 0.5) * scale


def click(page: Any, row: int, col: int, shape: tuple[int, int] = (90, 120), **keywords: Any) -> None:
    page.mouse.click(*place_of(page, row, col, shape), **keywords)


def count_tinted(page: Any, pane: int = 0) -> int:
    """How many pixels of the overlay are painted."""
    return int(
        page.evaluate(
            """(pane) => {
                const canvas = document.querySelectorAll('.pane')[pane].querySelectorAll('canvas')[1];
                const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
                let count = 0;
                for (let at = 3; at < data.length; at += 4) count += data[at] > 0;
                return count;
            }""",
            pane,
        )
    )


def check_access(page: Any) -> None:
    """Check that axe finds nothing that stands in the way of anybody."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    violations = axe.Axe().run(page).response["violations"]
    found = [f"{each['id']}: {each['nodes'][0]['html']}" for each in violations]
    assert not found, found
