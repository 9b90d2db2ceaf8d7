"""What options and arguments hold, checked and completed before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from iis_core.errors import IISError
from iis_core.files.config import expand
from iis_core.plugins.catalog import catalog, find, find_anywhere
from iis_core.plugins.specs import FactorySpec, Spec

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class ExpandedPath(click.Path):
    """A path as a `Path`, with `~` for the home folder also where the shell leaves it: `--out=~/run`."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(expand(value), param, ctx)


PATH = ExpandedPath()


class CatalogName(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.2
    """The name of something in the catalog.

    Args:
        spec_type: the type of its spec; None for any, where the command looks it up itself.
    """

    name = "name"

    def __init__(self, spec_type: type[Spec] | None) -> None:
        self.spec_type = spec_type

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if self.spec_type is not None and not (ctx is not None and ctx.resilient_parsing):
            find(self.spec_type, value)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        known = catalog().offers
        kinds = known.values() if self.spec_type is None else [known[self.spec_type]]
        offers = [offer for kind in kinds for offer in kind.values()]
        names = {offer.spec.name: offer.spec.summary for offer in offers}
        variants = {offer.spec.variant: offer.spec.summary for offer in offers}
        return _complete(names, incomplete) or _complete(variants, incomplete)


class KeywordText(click.ParamType):  # type: ignore[type-arg]
    """`KEY=VALUE`, where KEY is a keyword of what another option names.

    Args:
        spec_type: the type of spec of what is named; None for any.
        named_by: the parameter that names it.
    """

    name = "KEY=VALUE"

    def __init__(self, spec_type: type[FactorySpec] | None, named_by: str) -> None:
        self.spec_type = spec_type
        self.named_by = named_by

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        defaults = {known.name: known.default for known in ctx.command.params}
        # An argument before an option that still lacks its value is left over.
        name = str(ctx.params.get(self.named_by) or next(iter(ctx.args), defaults.get(self.named_by)))
        try:
            offers = find_anywhere(name) if self.spec_type is None else [find(self.spec_type, name)]
            found = [keyword for offer in offers for keyword in offer.keywords().values()]
        except IISError:
            return []
        return _complete({f"{keyword.name}=": keyword.meaning for keyword in found}, incomplete)


def _complete(known: Mapping[str, str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word, help=what) for word, what in known.items() if word.startswith(incomplete)]
