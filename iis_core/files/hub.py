"""Repositories of the Hugging Face hub: found in its cache, fetched only when asked for."""

from __future__ import annotations

import re
from pathlib import Path

from iis_core.errors import UserError, first_line

_FILES = ("config.json", "model.safetensors")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")


def is_hub_name(text: str) -> bool:
    """Return whether a text can be the name of a repository, `owner/name`, and is no file or folder here."""
    return bool(_NAME.fullmatch(text)) and not text.endswith(_SUFFIXES) and not Path(text).exists()


def find_in_hub_cache(name: str) -> Path | None:
    """Return the folder of a repository in the hub's cache, None unless all files of a model are there."""
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(name, file) for file in _FILES]
    return Path(str(found[-1])).parent if all(isinstance(path, str) for path in found) else None


def fetch_from_hub(name: str) -> Path:
    """Fetch the model of a repository as transformers saves it, or resume an interrupted fetch.

    Args:
        name: of the repository, `owner/name`.

    Returns:
        Its folder in the hub's cache, which `HF_HOME` may place elsewhere.

    Raises:
        UserError: it does not exist, is no model, wants its licence accepted, or the hub is out of reach.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    page = f"https://huggingface.co/{name}"
    for file in _FILES:
        try:
            path = hf_hub_download(name, file)
        except GatedRepoError as error:
            raise UserError(
                f"{name} is given only to those who accept its licence: do so at {page}, log in by `hf auth login`, "
                "and run the same command again"
            ) from error
        except RepositoryNotFoundError as error:
            raise UserError(
                f"the Hugging Face hub has no {name}, or keeps it private: look for it at {page}"
            ) from error
        except LocalEntryNotFoundError as error:
            raise UserError(
                f"{name} cannot be fetched, the Hugging Face hub is out of reach ({first_line(error)}): run the same "
                "command where it can be reached and HF_HUB_OFFLINE is not set, or give weights=FOLDER with its "
                f"{' and '.join(_FILES)}"
            ) from error
        except EntryNotFoundError as error:
            raise UserError(f"{name} has no {file}: it holds no model as transformers saves it; see {page}") from error
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(
                f"{name} cannot be fetched ({first_line(error)}): run the same command again to go on where it stopped"
            ) from error
    return Path(path).parent
