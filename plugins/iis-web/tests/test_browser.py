"""A person at the page: what is clicked, seen and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from browsing import PHONE, check_access, click, count_tinted, open_desk, open_page, place_of, serve, wait
from iis_web.desk import Desk
from iis_web.photographs import open_files
from iis_web.server.annotating import list_routes
from web_disks import Disks, draw_photograph, write_photograph

from iis_core import predict
from iis_core.files.images import read_image
from iis_core.types import SignedClick

CLICKS = [SignedClick(20, 30, True), SignedClick(50, 80, True), SignedClick(22, 60, False)]


def made(desk: Desk, image: str = "one", number: int = 1) -> list[SignedClick]:
    found = desk.session.find(image, number)
    return [] if found is None else list(found.clicks)


def make_clicks(page: Any) -> None:
    for row, col, positive in CLICKS:
        click(page, row, col, button="left" if positive else "right")
        wait(page)


def test_clicks_become_the_mask_that_predict_gives(browser: Any, desk: Desk, tmp_path: Path) -> None:
    with open_desk(browser, desk) as page:
        assert count_tinted(page) == 0
        make_clicks(page)
        assert made(desk) == CLICKS
        page.keyboard.press("s")
        page.get_by_text("Saved", exact=True).wait_for()
    saved = cv2.imread(str(tmp_path / "clicks" / "masks" / "one.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(saved == 1, predict(Disks(), draw_photograph(), CLICKS) > 0.49)


def test_the_mask_on_the_screen_follows_undo_redo_and_reset(browser: Any, desk: Desk) -> None:
    with open_desk(browser, desk) as page:
        sizes = []
        for row, col in ((20, 30), (50, 80)):
            click(page, row, col)
            wait(page)
            sizes.append(count_tinted(page))
        assert 0 < sizes[0] < sizes[1]
        keys = {"u": sizes[0], "Shift+U": sizes[1], "Control+z": sizes[0], "r": 0}
        for key, expected in keys.items():
            page.keyboard.press(key)
            wait(page)
            assert count_tinted(page) == expected, key


def test_a_click_is_dragged_selected_and_deleted(browser: Any, desk: Desk) -> None:
    with open_desk(browser, desk) as page:
        make_clicks(page)
        page.mouse.move(*place_of(page, 50, 80, (90, 120)))
        page.mouse.down()
        page.mouse.move(*place_of(page, 60, 90, (90, 120)), steps=4)
        page.mouse.move(*place_of(page, 70, 100, (90, 120)), steps=4)
        page.mouse.up()
        wait(page)
        assert made(desk) == [CLICKS[0], SignedClick(70, 100, True), CLICKS[2]]
        page.mouse.move(*place_of(page, 20, 30, (90, 120)))
        page.mouse.down()
        page.mouse.move(*place_of(page, 20, -5, (90, 120)), steps=4)
        page.mouse.up()
        wait(page)
        assert made(desk)[0] == CLICKS[0]
        click(page, 20, 30)
        page.get_by_role("button", name="Delete click").click()
        wait(page)
        assert made(desk) == [SignedClick(70, 100, True), CLICKS[2]]
        page.keyboard.press("Delete")
        wait(page)
        assert made(desk) == [SignedClick(70, 100, True)]


def test_clicks_hit_their_pixels_after_zooming_and_panning(browser: Any, desk: Desk) -> None:
    with open_desk(browser, desk) as page:
        at = place_of(page, 30, 40, (90, 120))
        page.mouse.move(*at)
        for _ in range(5):
            page.mouse.wheel(0, -240)
        page.mouse.click(*at)
        wait(page)
        page.mouse.move(at[0] + 200, at[1] + 100)
        page.mouse.down()
        page.mouse.move(at[0] + 320, at[1] + 160, steps=5)
        page.mouse.up()
        page.mouse.click(at[0] + 120 + 40, at[1] + 60, button="right")
        wait(page)
        first, second = made(desk)
        assert first == (30, 40, True)
        assert (second.row, second.positive) == (30, False)
        assert 40 < second.col < 46
        page.keyboard.press("0")
        click(page, 80, 100)
        wait(page)
        assert made(desk)[2] == (80, 100, True)


def test_several_objects_have_names_that_are_shown_as_text(browser: Any, desk: Desk) -> None:
    with open_desk(browser, desk) as page:
        click(page, 20, 30)
        name = "<img src=x onerror=alert(1)>"
        page.get_by_label("Name of object 1").fill(name)
        page.keyboard.press("Enter")
        page.keyboard.press("n")
        click(page, 70, 90)
        wait(page)
        assert made(desk, number=2) == [(70, 90, True)]
        found = desk.session.find("one", 1)
        assert found is not None
        assert found.name == name
        assert page.get_by_label("Name of object 1").input_value() == name
        page.get_by_role("button", name="Remove object 1").click()
        wait(page)
        assert [each.number for each in desk.session.objects("one")] == [2]
        page.keyboard.press("u")
        wait(page)
        assert made(desk, number=1) == [(20, 30, True)]


def test_thirty_fast_clicks_all_count_and_the_newest_is_answered(browser: Any, desk: Desk, disks: Disks) -> None:
    places = [(5 + 13 * (at // 6), 8 + 20 * (at % 6)) for at in range(30)]
    with open_desk(browser, desk) as page:
        disks.free.clear()
        for at, (row, col) in enumerate(places):
            click(page, row, col, button="right" if at % 3 else "left")
        disks.free.set()
        wait(page)
        assert made(desk) == [(row, col, at % 3 == 0) for at, (row, col) in enumerate(places)]
        tinted = count_tinted(page)
        assert disks.calls == 30
        page.reload()
        wait(page)
        assert count_tinted(page) == tinted


def test_the_next_image_is_opened_and_the_one_before_is_saved(browser: Any, desk: Desk, tmp_path: Path) -> None:
    with open_desk(browser, desk) as page:
        click(page, 20, 30)
        wait(page)
        page.keyboard.press("PageDown")
        page.get_by_role("heading", name="two (2 of 2)").wait_for()
        wait(page)
        click(page, 30, 40, shape=(60, 80))
        wait(page)
        assert made(desk, "two") == [(30, 40, True)]
        page.keyboard.press("PageUp")
        page.get_by_role("heading", name="one (1 of 2)").wait_for()
        wait(page)
        assert count_tinted(page) > 0
    assert sorted(path.name for path in (tmp_path / "clicks" / "masks").iterdir()) == ["one.png", "two.png"]


def test_the_keyboard_is_enough(browser: Any, desk: Desk) -> None:
    with open_desk(browser, desk) as page:
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Enter")
        for _ in range(3):
            page.keyboard.press("ArrowUp")
        page.keyboard.press("Shift+Enter")
        wait(page)
        first, second = made(desk)
        assert (first.row, first.positive) == (46, True)
        assert first.col > 60 - 2
        assert (second.col, second.positive) == (first.col, False)
        assert second.row < first.row
        page.keyboard.press("?")
        assert page.get_by_role("dialog").get_by_text("Undo").is_visible()
        page.keyboard.press("u")
        page.keyboard.press("Escape")
        assert len(made(desk)) == 2
        for _ in range(4):
            page.keyboard.press("m")
        page.keyboard.press("b")
        assert page.get_by_role("button", name="Background", exact=True).get_attribute("aria-pressed") == "true"


def test_fingers_tap_press_long_and_pinch(browser: Any, desk: Desk) -> None:
    with open_desk(browser, desk, **PHONE) as page:
        page.touchscreen.tap(*place_of(page, 20, 30, (90, 120)))
        wait(page)
        assert made(desk) == [(20, 30, True)]
        session = page.context.new_cdp_session(page)

        def touch(kind: str, *points: tuple[float, float]) -> None:
            fingers = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

        x, y = place_of(page, 60, 80, (90, 120))
        touch("touchStart", (x, y))
        page.wait_for_timeout(600)
        touch("touchEnd")
        wait(page)
        assert made(desk)[1:] == [(60, 80, False)]
        before = count_tinted(page)
        touch("touchStart", (x - 20, y), (x + 20, y))
        for step in range(1, 6):
            touch("touchMove", (x - 20 - 10 * step, y), (x + 20 + 10 * step, y))
        touch("touchEnd")
        wait(page)
        assert len(made(desk)) == 2
        assert count_tinted(page) != before


def test_the_page_goes_on_when_its_server_is_back(browser: Any, make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    with serve(list_routes(desk)) as url:
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        wait(page)
        click(page, 20, 30)
        wait(page)
    desk.close()
    click(page, 50, 80)
    click(page, 22, 60, button="right")
    page.get_by_role("alert").get_by_text("The server does not answer").wait_for()
    again = make_desk()
    assert made(again) == CLICKS[:1]
    with serve(list_routes(again), port=int(url.split(":")[2].split("/")[0])):
        page.get_by_role("alert").wait_for(state="hidden")
        wait(page)
        assert made(again) == CLICKS
        assert count_tinted(page) > 0
    context.close()


def test_two_tabs_share_a_session(browser: Any, desk: Desk) -> None:
    with serve(list_routes(desk)) as url, open_page(browser, url) as first, open_page(browser, url) as second:
        click(first, 20, 30)
        wait(first)
        click(second, 60, 90)
        second.get_by_text("Another tab changed this image").wait_for()
        wait(second)
        assert made(desk) == [(20, 30, True)]
        click(second, 60, 90)
        wait(second)
        assert made(desk) == [(20, 30, True), (60, 90, True)]
        first.evaluate("window.dispatchEvent(new Event('focus'))")
        wait(first)
        first.wait_for_timeout(200)
        click(first, 80, 20)
        wait(first)
        assert len(made(desk)) == 3


def test_the_same_clicks_go_to_two_models_side_by_side(browser: Any, make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(models=[Disks(), Disks()], is_blind=True)
    with open_desk(browser, desk) as page:
        page.mouse.click(*place_of(page, 20, 30, (90, 120), pane=1))
        wait(page)
        assert made(desk) == [(20, 30, True)]
        assert count_tinted(page, 0) == count_tinted(page, 1) > 0
        tags = page.locator(".tag")
        assert [text.split(" · ")[0] for text in tags.all_text_contents()] == ["Model A", "Model B"]
        assert "disks" not in page.content()
        page.get_by_role("button", name="Reveal models").click()
        tags.get_by_text("disks 1").wait_for()


def test_the_error_of_a_model_and_of_an_image_is_read_on_the_page(
    browser: Any, make_desk: Callable[..., Desk], photographs: Path
) -> None:
    (photographs / "<b>broken.png").write_bytes(b"\x89PNG no image")
    desk = make_desk(photographs=open_files([photographs]))
    with open_desk(browser, desk) as page:
        page.get_by_role("alert").get_by_text("<b>broken.png is not a readable image").wait_for()
        page.keyboard.press("PageDown")
        wait(page)
        assert page.get_by_role("alert").is_hidden()
        click(page, 50, 60)
        click(page, 0, 0)
        page.get_by_role("alert").get_by_text("the corner brings bad luck").wait_for()
        page.keyboard.press("u")
        wait(page)
        assert page.get_by_role("alert").is_hidden()


@pytest.mark.parametrize("name", ["grey.png", "grey16.png", "cmyk.jpg", "turned.jpg"])
def test_photographs_of_every_kind_are_shown_and_clicked_upright(
    browser: Any, make_desk: Callable[..., Desk], tmp_path: Path, name: str
) -> None:
    from PIL import Image

    file, image = tmp_path / "kinds" / name, Image.fromarray(draw_photograph())
    file.parent.mkdir()
    if name == "grey16.png":
        cv2.imwrite(str(file), draw_photograph()[:, :, 0].astype(np.uint16) * 257)
    elif name == "turned.jpg":
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(file, exif=exif)
    else:
        image.convert("CMYK" if "cmyk" in name else "L").save(file)
    shape = (120, 90) if name == "turned.jpg" else (90, 120)
    desk = make_desk(photographs=open_files([file]))
    with open_desk(browser, desk) as page:
        click(page, 20, 30, shape)
        wait(page)
        page.keyboard.press("s")
        page.get_by_text("Saved", exact=True).wait_for()
    kept = tmp_path / "clicks"
    np.testing.assert_array_equal(read_image(kept / "images" / name), read_image(file))
    saved = cv2.imread(str(kept / "masks" / f"{file.stem}.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(saved == 1, predict(Disks(), read_image(file), [(20, 30, True)]) > 0.49)


@pytest.mark.slow
def test_a_photograph_of_24_million_pixels(browser: Any, make_desk: Callable[..., Desk], tmp_path: Path) -> None:
    image = np.repeat(np.repeat(draw_photograph(400, 600), 10, axis=0), 10, axis=1)
    file = write_photograph(tmp_path / "large" / "large.png", image)
    desk = make_desk(photographs=open_files([file]))
    with open_desk(browser, desk) as page:
        click(page, 2000, 3000, image.shape[:2])
        wait(page)
        (found,) = made(desk, "large")
        assert abs(found.row - 2000) <= 10
        assert abs(found.col - 3000) <= 10
        assert count_tinted(page) > 1000
        page.keyboard.press("s")
        page.get_by_text("Saved", exact=True).wait_for(timeout=60_000)


@pytest.mark.parametrize("keywords", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
def test_nothing_stands_in_the_way_of_anybody(browser: Any, desk: Desk, keywords: dict[str, Any]) -> None:
    with open_desk(browser, desk, bypass_csp=True, **keywords) as page:
        click(page, 20, 30)
        wait(page)
        for key in ("n", "?"):
            page.keyboard.press(key)
            check_access(page)


def test_the_dark_page_is_dark(browser: Any, desk: Desk) -> None:
    with open_desk(browser, desk, color_scheme="dark") as page:
        assert page.evaluate("getComputedStyle(document.querySelector('header')).backgroundColor") == "rgb(34, 36, 39)"


def test_undoing_everything_is_the_beginning_and_redoing_it_the_end(browser: Any, desk: Desk) -> None:
    program = """async (seed) => {
        const { start, reduce, currentObject } = await import('./state.js');
        const draw = (most) => (seed = (seed * 48271) % 2147483647) % most;
        let state = start();
        const past = [];
        for (let made = 0; made < 60; made++) {
            const clicks = currentObject(state).clicks.length;
            const index = draw(Math.max(clicks, 1));
            const actions = [
                { type: 'click', click: { row: draw(9), col: draw(9), positive: draw(2) === 1 } },
                ...(clicks ? [{ type: 'delete', index }, { type: 'move', index, row: draw(9), col: draw(9) }] : []),
                { type: 'reset' }, { type: 'add' }, { type: 'rename', number: state.current, name: `${draw(5)}` },
                { type: 'chooseNext', by: 1 }, { type: 'remove', number: state.current },
            ];
            const next = reduce(state, actions[draw(3) ? 0 : draw(actions.length)]);
            if (next.past.length > state.past.length) past.push(JSON.stringify(state.objects));
            state = next;
        }
        const end = JSON.stringify(state.objects);
        const seen = [];
        for (let back = past.length; back > 0; back--) {
            state = reduce(state, { type: 'undo' });
            seen.unshift(JSON.stringify(state.objects));
        }
        for (const _ of past) state = reduce(state, { type: 'redo' });
        return [seen.join() === past.join(), JSON.stringify(state.objects) === end, past.length > 20];
    }"""
    with open_desk(browser, desk) as page:
        for seed in (1, 2, 3):
            assert page.evaluate(program, seed) == [True, True, True]
