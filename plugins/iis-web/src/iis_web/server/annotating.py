"""The API of a desk: images, objects with their clicks, answers, and saving."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from iis_web.checking import check_name, parse_clicks, take_number
from iis_web.desk import Desk
from iis_web.pictures import encode_photograph
from iis_web.server.requests import Acts, bind_routes, read_content, show_prediction, take_place
from iis_web.session import ClickedObject

_MOST = 1 << 53


def list_routes(desk: Desk) -> Sequence[BaseRoute]:
    """List the routes of a desk."""
    image, clicked = "/api/images/{image:int}", "/api/images/{image:int}/objects/{number:int}"
    routes: Acts[Desk] = {
        ("GET", "/api/session"): _show_session,
        ("POST", "/api/reveal"): _reveal,
        ("GET", image): _show_image,
        ("GET", f"{image}/picture"): _show_picture,
        ("GET", f"{image}/encoded"): _encode,
        ("POST", f"{image}/save"): _save,
        ("PUT", clicked): _change,
        ("DELETE", clicked): _remove,
        ("GET", f"{clicked}/answer"): _answer,
    }

    return bind_routes(desk, routes)


async def _show_session(desk: Desk, request: Request) -> Response:
    images = [
        {"name": photograph.id, "objects": len(desk.session.objects(photograph.id))} for photograph in desk.photographs
    ]
    models = [
        f"Model {chr(ord('A') + place)}" if desk.is_blind else engine.name for place, engine in enumerate(desk.engines)
    ]
    return JSONResponse(
        {"mode": "annotate", "images": images, "models": models, "blind": desk.is_blind, "keeps": desk.keeps}
    )


async def _reveal(desk: Desk, request: Request) -> Response:
    desk.is_blind = False
    return await _show_session(desk, request)


async def _show_image(desk: Desk, request: Request) -> Response:
    place = take_place(request, "image", len(desk.photographs))
    found = await desk.read(place)
    height, width = found.image.shape[:2]
    photograph = desk.photographs[place]
    state = desk.session.images[photograph.id]
    objects = [_describe(each) for each in desk.session.objects(photograph.id)]
    return JSONResponse(
        {"name": photograph.id, "height": height, "width": width, "objects": objects, "saved": state.is_saved}
    )


async def _show_picture(desk: Desk, request: Request) -> Response:
    found = await desk.read(take_place(request, "image", len(desk.photographs)))
    content, kind = await asyncio.to_thread(encode_photograph, found.image)
    return Response(content, media_type=kind)


async def _encode(desk: Desk, request: Request) -> Response:
    place = take_place(request, "image", len(desk.photographs))
    seconds = await desk.encode(place, take_place(request, "model", len(desk.engines)))
    return JSONResponse({"seconds": seconds})


async def _save(desk: Desk, request: Request) -> Response:
    await desk.save(take_place(request, "image", len(desk.photographs)))
    return JSONResponse({"saved": True})


async def _change(desk: Desk, request: Request) -> Response:
    place, content = take_place(request, "image", len(desk.photographs)), await read_content(request)
    clicks, name = parse_clicks(content.get("clicks")), check_name(content.get("name"))
    revision = int(take_number(content, "revision", 0, _MOST))
    changed = await desk.change(place, request.path_params["number"], name, clicks, revision)
    return JSONResponse(_describe(changed))


async def _remove(desk: Desk, request: Request) -> Response:
    revision = take_place(request, "revision", _MOST)
    place = take_place(request, "image", len(desk.photographs))
    await desk.remove(place, request.path_params["number"], revision)
    return JSONResponse({"removed": True})


async def _answer(desk: Desk, request: Request) -> Response:
    place, model = take_place(request, "image", len(desk.photographs)), take_place(request, "model", len(desk.engines))
    revision = take_place(request, "revision", _MOST)
    answer = await desk.answer(place, request.path_params["number"], model, revision)
    return show_prediction(answer.png, answer.box, answer.seconds)


def _describe(clicked: ClickedObject) -> dict[str, Any]:
    return {
        "number": clicked.number,
        "name": clicked.name,
        "clicks": clicked.clicks,
        "started": clicked.start is not None,
        "revision": clicked.revision,
    }
