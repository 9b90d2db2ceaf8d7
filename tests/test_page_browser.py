"""The page in Chromium, from its file: nothing is loaded, and everything works by keyboard, on a phone, in the dark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy_runs import run

from iis_core.report.estimates import compute_report
from iis_core.report.page.content import Content, compute_content
from iis_core.report.page.writing import render_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
NASTY = "<img src=x onerror=document.title='run'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; .ci/run installs it where it can."""
    playwright = pytest.importorskip("playwright.sync_api")
    pytest.importorskip("vl_convert")
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """Two runs, the second of which has a name that a browser could take for markup."""
    folder = tmp_path_factory.mktemp("runs")
    rules = {"stop_iou": None, "max_clicks": 5}
    first, other = (
        run(folder / f"{shrink}", overrides=rules, model_keywords={"shrink": shrink}) for shrink in (0.8, 0.6)
    )
    settings = {**other.settings, "model": {**other.settings["model"], "name": NASTY}}
    content = compute_content(compute_report([first, replace(other, settings=settings)]))
    assert content["galleries"]
    return content


@pytest.fixture(scope="module")
def file(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("page") / "page.html"
    written.write_text(render_page(content))
    return written


@contextmanager
def open_page(browser: Any, file: Path, **keywords: Any) -> Iterator[Any]:
    """Open the page; an error, a refusal by its policy or a request for anything else fails the test."""
    context = browser.new_context(**{"offline": True, "viewport": {"width": 1200, "height": 800}, **keywords})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: complaints.append(request.url) if not request.url.startswith("data:") else None)
    page.goto(file.as_uri())
    page.wait_for_function(
        "[...document.querySelectorAll('[data-chart]')].every((chart) => chart.querySelector('svg'))"
    )
    yield page
    assert complaints == [file.as_uri()]
    assert page.title().startswith("Report: ")
    context.close()


def is_as_wide_as_the_window(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def read_state(page: Any) -> tuple[str, str]:
    return page.locator("#viewer-name").text_content(), page.locator("#viewer-count").text_content()


def test_nothing_is_loaded_and_every_chart_is_drawn(browser: Any, file: Path, content: Content) -> None:
    with open_page(browser, file) as page:
        assert page.locator("[data-chart] svg").count() == len(content["charts"])
        assert page.locator("[data-chart] svg").first.get_attribute("class") == "marks"
        assert page.get_by_text(NASTY).first.is_visible()


def test_an_object_is_opened_and_stepped_through_by_keyboard(browser: Any, file: Path, content: Content) -> None:
    first = content["galleries"][0]["items"][0]["object"]
    name = content["objects"][first]["id"]
    with open_page(browser, file) as page:
        page.locator(".gallery button").first.focus()
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "viewer-clicks"
        assert read_state(page) == (name, "5 of 5")
        masks = []
        for key, made in (("ArrowLeft", 4), ("ArrowLeft", 3), ("ArrowRight", 4)):
            page.keyboard.press(key)
            assert read_state(page) == (name, f"{made} of 5")
            masks.append(page.locator("#viewer-stages image").nth(1).get_attribute("href"))
        recorded = content["objects"][first]["runs"]["A toy/disks"]["masks"]
        assert masks == [recorded[4], recorded[3], recorded[4]]
        page.keyboard.press("Escape")
        assert not page.locator("#viewer").is_visible()
        assert page.evaluate("document.activeElement.dataset.object") == str(first)


def test_layers_can_be_hidden_and_clicks_are_numbered(browser: Any, file: Path) -> None:
    with open_page(browser, file) as page:
        page.locator(".gallery button").first.click()
        stage = page.locator("#viewer-stages svg").first
        assert stage.locator("text").all_text_contents() == ["1", "2", "3", "4", "5"]
        for layer, parts in (("Mask", "image:nth-of-type(2)"), ("Target", "path"), ("Clicks", "text")):
            assert stage.locator(parts).count() > 0
            page.get_by_label(layer, exact=True).uncheck()
            assert stage.locator(parts).count() == 0


def test_the_next_object_is_that_of_the_gallery(browser: Any, file: Path, content: Content) -> None:
    shown = dict.fromkeys(item["object"] for gallery in content["galleries"] for item in gallery["items"])
    names = [content["objects"][place]["id"] for place in shown]
    with open_page(browser, file) as page:
        page.locator(".gallery button").first.click()
        assert page.get_by_role("button", name="Previous object").is_disabled()
        seen = [read_state(page)[0]]
        for _ in names[1:]:
            page.get_by_role("button", name="Next object").click()
            seen.append(read_state(page)[0])
        assert seen == names
        assert page.get_by_role("button", name="Next object").is_disabled()


def test_a_point_of_the_scatter_names_its_object_and_opens_it(browser: Any, file: Path, content: Content) -> None:
    rows = content["charts"][-1]["rows"]
    with open_page(browser, file) as page:
        points = page.locator("[data-chart]").last.locator("svg .mark-symbol path")
        assert points.count() == len(rows)
        points.nth(3).hover(force=True)
        page.locator("#vg-tooltip-element").get_by_text(rows[3]["object"], exact=True).wait_for()
        points.nth(3).click(force=True)
        assert read_state(page)[0] == rows[3]["object"]


def test_any_object_is_found_by_its_id(browser: Any, file: Path, content: Content) -> None:
    with open_page(browser, file) as page:
        assert page.locator("#list button").count() == len(content["objects"])
        page.get_by_role("searchbox", name="All objects").fill("SHAPE4")
        assert page.locator("#found").text_content() == f"1 of {len(content['objects'])} objects"
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert read_state(page)[0] == "shape4"


def test_it_fits_a_phone(browser: Any, file: Path) -> None:
    with open_page(browser, file, **PHONE) as page:
        assert is_as_wide_as_the_window(page)
        page.locator(".gallery button").first.tap()
        assert is_as_wide_as_the_window(page)
        stages = [stage.bounding_box() for stage in page.locator("#viewer-stages svg").all()]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in stages)


def test_charts_follow_the_colours_of_the_system(browser: Any, file: Path) -> None:
    def find_label_colour(page: Any) -> str:
        return page.locator("[data-chart] svg .role-axis-label text").first.get_attribute("fill")

    with open_page(browser, file) as page:
        bright = find_label_colour(page)
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(
            "(old) => document.querySelector('[data-chart] svg .role-axis-label text')?.getAttribute('fill') != old",
            arg=bright,
        )
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"


def test_sections_are_reached_from_the_top(browser: Any, file: Path) -> None:
    with open_page(browser, file) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        for name in ("Tables", "Charts", "Objects"):
            page.get_by_role("link", name=name).press("Enter")
            assert page.get_by_role("heading", name=name, exact=True).is_visible()


def test_unmarked_scripts_do_not_run(browser: Any, file: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.html"
    spoilt.write_text(file.read_text().replace("</body>", "<script>document.title = 'run'</script></body>"))
    page = browser.new_context(offline=True).new_page()
    page.goto(spoilt.as_uri())
    assert page.title().startswith("Report: ")
    page.context.close()
