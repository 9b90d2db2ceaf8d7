"""Writing the page: one file with its styles, scripts and data, which loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING

from iis_core.errors import UserError
from iis_core.files.writing import write_bytes
from iis_core.report.formats import format_value
from iis_core.report.page.content import Content, compute_content

if TYPE_CHECKING:
    from iis_core.report.estimates import Report

_SCRIPTS = ("charts.js", "stage.js", "viewer.js", "search.js", "main.js")
"""In this order they are one module."""


def write_page(report: Report, path: Path) -> None:
    """Write the page of a report.

    Args:
        report: the report.
        path: the HTML file; replaced as a whole where it is there.

    Raises:
        UserError: a library is missing, an IoU that was asked for is above that at which objects were stopped, or the
            file cannot be written.
    """
    _require_libraries()
    write_bytes(path, render_page(compute_content(report)).encode(errors="backslashreplace"))


def _require_libraries() -> None:
    """Check that the libraries are there before the masks are made, which takes long."""
    for library in ("jinja2", "vl_convert"):
        try:
            import_module(library)
        except ImportError as error:
            raise UserError("the page needs Jinja2 and vl-convert: run `pip install 'iis-core[page]'`") from error


def render_page(content: Content) -> str:
    """Render the page.

    Args:
        content: what `compute_content` returns.

    Returns:
        HTML. Its policy forbids every connection, and every script but its own.
    """
    import vl_convert
    from jinja2 import Environment
    from markupsafe import Markup

    library = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    scripts = [_close_no_element(text) for text in (library, "\n".join(map(_read, _SCRIPTS)))]
    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters["format"] = format_value
    return environment.from_string(_read("page.html")).render(
        content=content,
        policy=_write_policy(scripts),
        style=Markup(_read("page.css")),
        data=Markup(_embed(content)),
        scripts=[Markup(script) for script in scripts],
    )


def _read(name: str) -> str:
    return (resources.files(__package__) / "browser" / name).read_text(encoding="utf-8")


def _close_no_element(script: str) -> str:
    return script.replace("</script", r"<\/script")


def _embed(content: Content) -> str:
    """Write JSON in which no letter can end or begin an element."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def _write_policy(scripts: Sequence[str]) -> str:
    """Allow these scripts, styles, and images of the page itself; nothing else, and no network."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
