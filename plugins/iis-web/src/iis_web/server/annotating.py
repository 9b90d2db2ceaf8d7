"""The API of a desk: images, objects with their clicks, answers, and saving."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from iis_core.errors import UserError
from iis_core.files.reading import parse_json
from iis_web.checking import check_name, parse_clicks, take_number
from iis_web.desk import Desk
from iis_web.pictures import encode_photograph
from iis_web.session import ClickedObject

_MOST = 1 << 53


def list_routes(desk: Desk) -> Sequence[BaseRoute]:
    """List the routes of a desk."""
    image, clicked = "/api/images/{image:int}", "/api/images/{image:int}/objects/{number:int}"
    routes: dict[tuple[str, str], Callable[[Desk, Request], Awaitable[Response]]] = {
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

    def bind(act: Callable[[Desk, Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await act(desk, request)

        return endpoint

    return [Route(path, bind(act), methods=[method]) for (method, path), act in routes.items()]


async def read_content(request: Request) -> dict[str, Any]:
    """Read the JSON object that a request holds.

    Raises:
        UserError: it holds something else.
    """
    try:
        content = parse_json(await request.body())
    except ValueError as error:
        raise UserError(f"the request is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise UserError("the request is no JSON object")
    return content


def take_place(request: Request, name: str, count: int) -> int:
    """Return a place in a list of so many entries, from the path or the query.

    Raises:
        HTTPException: there is no such place.
    """
    text = str(request.path_params.get(name, request.query_params.get(name, "0")))
    if not text.isdecimal() or len(text) > 9 or int(text) >= count:
        raise HTTPException(404)
    return int(text)


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
    headers = {"x-iis-box": ",".join(map(str, answer.box)), "x-iis-seconds": f"{answer.seconds:.6f}"}
    return Response(answer.png, media_type="image/png", headers=headers)


def _describe(clicked: ClickedObject) -> dict[str, Any]:
    return {
        "number": clicked.number,
        "name": clicked.name,
        "clicks": clicked.clicks,
        "started": clicked.start is not None,
        "revision": clicked.revision,
    }
