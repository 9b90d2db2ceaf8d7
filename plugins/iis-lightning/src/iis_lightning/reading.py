"""Reading a configuration from YAML and the command line; nothing that it names is imported or called here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf
from omegaconf.errors import ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from iis_core import UserError
from iis_core.errors import first_line, near_matches
from iis_core.files.reading import read_text
from iis_lightning.bounds import LARGEST, check_references, check_structure
from iis_lightning.config import TrainingConfig


def parse_config(file: str | Path, overrides: Sequence[str] = ()) -> TrainingConfig:
    """Read a configuration without looking up any name in it.

    Giving a name drops the default's keywords, and giving losses drops the default losses.

    Args:
        file: a YAML file.
        overrides: any number of changes such as `optimizer.keywords.lr=0.001`; `losses={y: {bce: 1}}` replaces all
            losses.

    Raises:
        UserError: the file cannot be read, a key does not exist (near matches are named), or a value has the wrong
            type; the message names the file or the change.
    """
    text = read_text(Path(file), LARGEST)
    with _explain(str(file)):
        check_structure(text)
        given = OmegaConf.create(text)
        if not OmegaConf.is_dict(given):
            raise UserError("it holds no configuration: it must be `key: value` lines")
        merged = _merge(given)
    for override in overrides:
        with _explain(f"{override} on the command line"):
            _change(given, override)
            merged = _merge(given)
    with _explain(str(file)):
        return cast(TrainingConfig, OmegaConf.to_object(merged))


def _change(given: Any, override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise UserError("what is changed must be KEY=VALUE")
    check_structure(value)
    parsed = OmegaConf.to_container(OmegaConf.from_dotlist([f"value={value}"]), resolve=False)
    OmegaConf.update(given, key, cast("dict[str, Any]", parsed)["value"], merge=False, force_add=True)


def _merge(given: Any) -> Any:
    """Merge what is given with the defaults that it does not replace."""
    check_references(OmegaConf.to_container(given, resolve=False))
    defaults = OmegaConf.structured(TrainingConfig)
    _drop_replaced(defaults, given)
    return OmegaConf.merge(defaults, given)


def _drop_replaced(defaults: Any, given: Any) -> None:
    """Empty the defaults that must not be mixed with what is given."""
    for key, new in given.items_ex(resolve=False):
        if not OmegaConf.is_dict(new) or key not in defaults or defaults[key] is None:
            continue
        if key == "losses":
            defaults[key] = {}
        elif "name" in new:
            defaults[key].keywords = {}
        elif OmegaConf.is_dict(defaults[key]):
            _drop_replaced(defaults[key], new)


@contextmanager
def _explain(where: str) -> Iterator[None]:
    """Turn every error in what is read into a UserError that says where it is."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    except YAMLError as error:
        raise UserError(f"{where} is no YAML: {' '.join(str(error).split())}{_ask_for_space(where)}") from error
    except ConfigKeyError as error:
        raise UserError(f"{where}: {_explain_unknown(error)}{_ask_for_space(where)}") from error
    except MissingMandatoryValue as error:
        raise UserError(f"{where}: {' '.join(str(error.msg).split())}; see the recipes for all keys") from error
    except OmegaConfBaseException as error:
        at = f" at {error.full_key}" if error.full_key else ""
        raise UserError(f"{where}{at}: {first_line(error)[:300]}{_ask_for_space(where)}") from error
    except RecursionError as error:
        raise UserError(f"{where}: it nests too deeply") from error
    except (ValueError, OverflowError, TypeError) as error:
        raise UserError(f"{where} holds a value that cannot be read: {first_line(error)[:300]}") from error


def _ask_for_space(where: str) -> str:
    """Ask for the space that YAML needs after a colon, where a change has none."""
    _, _, value = where.partition("={")
    return "; YAML needs a space after each colon: {y: {bce: 1}}" if ":" in value.replace(": ", "") else ""


def _explain_unknown(error: ConfigKeyError) -> str:
    fields = getattr(error.object_type, "__dataclass_fields__", {})
    known = f"; known: {', '.join(sorted(fields))}" if fields else ""
    return f"there is no key {error.full_key!r}{near_matches(str(error.key), fields) or known}"
