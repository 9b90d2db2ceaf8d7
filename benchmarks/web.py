"""From a click to the mask on the screen: the whole time in chromium, and what is left of it without the model.

    python benchmarks/web.py [MODEL] [KEY=VALUE ...]

A photograph of 600 x 450 pixels is clicked on 25 times by a mouse in headless chromium; each time ends with the frame
in which the mask is drawn. Times are medians.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from iis_web.desk import Desk
from iis_web.engine import Engine
from iis_web.photographs import open_files
from iis_web.server.annotating import list_routes
from iis_web.server.app import make_app
from iis_web.server.serving import Address, make_server, serve_in_background
from iis_web.session import Session
from playwright.sync_api import sync_playwright

from iis_core import load_dataset, load_model
from iis_core.cli.keywords import parse_keywords

WATCH = """() => {
    const stage = document.getElementById("stage");
    window.times = [];
    let began = 0;
    stage.addEventListener("pointerup", () => (began = performance.now()), { capture: true });
    new MutationObserver(() => {
        if (stage.getAttribute("aria-busy") === "true" || began === 0) return;
        const start = began;
        began = 0;
        requestAnimationFrame(() => setTimeout(() => window.times.push(
            [performance.now() - start, 1000 * Number(document.querySelector(".tag").dataset.seconds)])));
    }).observe(stage, { attributeFilter: ["aria-busy"] });
}"""


def measure(url: str, clicks: int) -> list[tuple[float, float]]:
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(url)
        page.locator("#stage[aria-busy=false]").wait_for()
        page.evaluate(WATCH)
        box: Any = page.locator("#stage").bounding_box()
        rng = np.random.default_rng(0)
        for made in range(clicks):
            right, down = rng.uniform(0.2, 0.8, 2)
            x, y = box["x"] + box["width"] * right, box["y"] + box["height"] * down
            page.mouse.click(x, y, button="left" if made % 2 == 0 else "right")
            while page.evaluate("window.times.length") <= made:
                page.wait_for_timeout(20)
        times: list[tuple[float, float]] = page.evaluate("window.times")
        browser.close()
        return times


def main(name: str = "classic/graph-cut", *keywords: str) -> None:
    image = cv2.resize(load_dataset("sample")[0].image, (600, 450), interpolation=cv2.INTER_AREA)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "photograph.png"
        cv2.imwrite(str(file), image[:, :, ::-1])
        model = load_model(name, **parse_keywords(keywords or ("working_size=320",)))
        desk = Desk(open_files([file]), [Engine(name, model)], Session(Path(folder) / "out", "here"), threshold=0.49)
        address = Address()
        server = make_server(make_app(list_routes(desk), address.token))
        thread = serve_in_background(server, address)
        times = measure(address.url, 25)
        server.should_exit = True
        thread.join()
        desk.close()
    whole = [whole for whole, _ in times]
    own = [whole - model for whole, model in times]
    result = {"whole_ms": statistics.median(whole), "without_model_ms": statistics.median(own), "largest_ms": max(own)}
    print(json.dumps({"model": name, **{key: round(value, 1) for key, value in result.items()}}))


if __name__ == "__main__":
    main(*sys.argv[1:])
