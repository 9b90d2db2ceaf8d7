"""The API of a study: the present object, and the clicks on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from iis_core.errors import UserError
from iis_web.checking import take_number
from iis_web.diary import PersonClick
from iis_web.pictures import encode_photograph
from iis_web.server.requests import Acts, bind_routes, read_content, show_prediction, take_place
from iis_web.session import ConflictError
from iis_web.study import Study, encode_target

_PATIENCE = 0.8
"""Seconds after which a request for news is answered without any."""

_LARGEST, _MOST_SECONDS, _MOST_PLACES = 1 << 20, 1e6, 5000


def list_routes(study: Study) -> Sequence[BaseRoute]:
    """List the routes of a study."""
    acts: Acts[Study] = {
        ("GET", "/api/session"): _show_session,
        ("GET", "/api/study"): _show_news,
        ("GET", "/api/study/picture"): _show_picture,
        ("GET", "/api/study/target"): _show_target,
        ("GET", "/api/study/answer"): _show_answer,
        ("POST", "/api/study/begin"): _begin,
        ("POST", "/api/study/click"): _click,
    }
    return bind_routes(study, acts)


async def _show_session(study: Study, request: Request) -> Response:
    return JSONResponse(
        {
            "mode": "study",
            "participant": study.participant,
            "protocol": study.plan.protocol.label,
            "max_clicks": study.plan.protocol.max_clicks,
            "objects": study.objects,
            "show_target": study.show_target,
        }
    )


async def _show_news(study: Study, request: Request) -> Response:
    """Wait until the study is another one than the page knows."""
    since, until = take_place(request, "since", 1 << 53), time.monotonic() + _PATIENCE
    while study.version <= since and time.monotonic() < until and not await request.is_disconnected():
        await asyncio.sleep(0.005)
    clicks = [[click.row, click.col, click.positive] for click in study.clicks]
    content = {"version": study.version, "phase": study.phase, "object": study.place, "clicks": clicks}
    return JSONResponse({**content, "message": study.message})


async def _show_picture(study: Study, request: Request) -> Response:
    found = _require_shown(study, request)
    content, kind = await asyncio.to_thread(encode_photograph, found.image)
    return Response(content, media_type=kind)


async def _show_target(study: Study, request: Request) -> Response:
    found = _require_shown(study, request)
    png, box = await asyncio.to_thread(encode_target, found.target)
    return show_prediction(png, box, 0)


async def _show_answer(study: Study, request: Request) -> Response:
    answer, number = study.answer, take_place(request, "number", _LARGEST)
    _require_shown(study, request)
    if answer is None or study.phase != "click" or number != len(study.clicks):
        raise ConflictError
    return show_prediction(*answer, 0)


async def _begin(study: Study, request: Request) -> Response:
    content = await read_content(request)
    study.begin(int(take_number(content, "object", 0, _LARGEST)))
    return JSONResponse({"begun": True})


async def _click(study: Study, request: Request) -> Response:
    content = await read_content(request)
    place, number = (int(take_number(content, key, 0, _LARGEST)) for key in ("object", "number"))
    await asyncio.to_thread(study.click, place, number, _parse_click(content))
    return JSONResponse({"clicked": True})


def _require_shown(study: Study, request: Request) -> Any:
    """Return the present object where it is the one that is asked for, and its image may be seen."""
    place, read = take_place(request, "object", _LARGEST), study.read
    if read is None or place != study.place:
        raise ConflictError
    if study.phase not in ("click", "thinking"):
        raise HTTPException(404)
    return read.object


def _parse_click(content: dict[str, Any]) -> PersonClick:
    row, col = (take_number(content, key, -1, _LARGEST) for key in ("row", "col"))
    positive, mouse = content.get("positive"), content.get("mouse")
    if type(row) is not int or type(col) is not int or type(positive) is not bool:
        raise UserError("a click is two whole numbers and true or false")
    if not isinstance(mouse, list) or len(mouse) > _MOST_PLACES:
        raise UserError(f"mouse must be a list of up to {_MOST_PLACES} places")
    for place in mouse:
        if not isinstance(place, list) or len(place) != 3:
            raise UserError("a place of the mouse is [seconds, row, column]")
        take_number({"a place of the mouse": place[0]}, "a place of the mouse", 0, _MOST_SECONDS)
        if not all(type(value) is int and abs(value) <= _LARGEST for value in place[1:]):
            raise UserError("a place of the mouse has whole rows and columns")
    seconds = round(float(take_number(content, "seconds", 0, _MOST_SECONDS)), 4)
    return PersonClick(row, col, positive, seconds, [tuple(place) for place in mouse])
