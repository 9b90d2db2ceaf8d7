"""The page in a notebook, and what comes back from it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import iis_web
import numpy as np
import pytest
from web_disks import Disks, draw_photograph

from iis_core import UserError, predict

CLICKS = [[20, 30, True], [50, 80, False]]


def test_what_is_clicked_comes_back_as_clicks_and_masks(tmp_path: Path) -> None:
    shown = iis_web.show(Disks(), draw_photograph(), out=tmp_path / "session")
    source = re.search(r'<iframe src="(http://127.0.0.1:[^"]+)"', shown._repr_html_())
    assert source is not None
    page = httpx2.get(source[1])
    assert "frame-ancestors *" in page.headers["content-security-policy"]
    assert shown.masks == {}
    content = {"clicks": CLICKS, "name": "", "revision": 0}
    assert httpx2.put(f"{source[1]}api/images/0/objects/1", json=content).status_code == 200
    assert shown.clicks == {1: tuple(map(tuple, CLICKS))}
    expected = predict(Disks(), draw_photograph(), [(row, col, positive) for row, col, positive in CLICKS]) > 0.49
    np.testing.assert_array_equal(shown.masks[1], expected)
    shown.close()
    again = iis_web.show(Disks(), draw_photograph(), out=tmp_path / "session")
    assert [*again.clicks] == [1]
    again.close()


def test_an_image_of_another_form_is_refused(photographs: Path) -> None:
    with pytest.raises(UserError, match=r"image must be uint8 \(H, W, 3\) RGB, not float64"):
        iis_web.show(Disks(), np.zeros((5, 5, 3)))
    shown = iis_web.show(Disks(), photographs / "one.png")
    shown.close()
