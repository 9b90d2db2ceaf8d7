"""Setting up a desk or a study from names and folders."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iis_core.errors import UserError
from iis_core.evaluation.plan import make_plan
from iis_core.evaluation.run_files import RUN, read_description
from iis_core.files.writing import refuse_folder_of_inputs
from iis_core.plugins.catalog import find
from iis_core.plugins.load import load_dataset, load_model
from iis_core.plugins.specs import DatasetSpec, ProtocolSpec
from iis_web.desk import Desk
from iis_web.engine import Engine
from iis_web.keeping import KEEPS
from iis_web.photographs import Photograph, open_dataset, open_files
from iis_web.session import Session
from iis_web.study import Person, Study


def set_up_desk(
    images: Sequence[Path],
    dataset: str | None,
    data: Mapping[str, Any],
    masks: Path | None,
    models: Sequence[tuple[str, Mapping[str, Any]]],
    out: Path,
    keep: str,
    *,
    is_blind: bool,
) -> Desk:
    """Open the photographs and the session, and load the models.

    Args:
        images: files and folders, where no dataset is given.
        dataset: the catalog name of a dataset, where no images are given.
        data: its keywords.
        masks: the folder of masks to start from.
        models: catalog names or folders, with keywords.
        out: the folder of the session, and of what is kept.
        keep: how masks are kept, see `KEEPS`.
        is_blind: whether the models come in an order that is drawn, and their names are hidden.

    Raises:
        UserError: a name, keyword or file is wrong, or the session is one on other images.
        PluginError: a plugin is at fault.
    """
    photographs, source = _open_photographs(images, dataset, data, masks, out)
    session = Session(out, source)
    try:
        engines = [Engine(name, load_model(name, **keywords)) for name, keywords in models]
        if is_blind:
            random.SystemRandom().shuffle(engines)
    except BaseException:
        session.close()
        raise
    folders = [out] if len(engines) == 1 else [out / name for name in _name_folders(engines)]
    threshold = find(ProtocolSpec, "core/ritm").spec.threshold
    return Desk(
        photographs,
        engines,
        session,
        threshold=threshold,
        folders=folders,
        keep=KEEPS[keep],
        is_blind=is_blind,
    )


def open_study(
    model: str,
    model_keywords: Mapping[str, Any],
    dataset: str,
    dataset_keywords: Mapping[str, Any],
    protocol: str,
    folder: Path,
    *,
    show_target: float | None = None,
    device: str = "cpu",
    limit: int | None = None,
    seed: int = 0,
) -> Study:
    """Open a study, or go on with the one that a folder holds.

    Args:
        model: as for `evaluate`.
        model_keywords: as for `evaluate`.
        dataset: as for `evaluate`.
        dataset_keywords: as for `evaluate`.
        protocol: as for `evaluate`.
        folder: the run folder.
        show_target: as for `Study`.
        device: as for `evaluate`.
        limit: as for `evaluate`.
        seed: of the order of the objects.

    Raises:
        UserError: a name, keyword or file is wrong, or the folder holds another run.
        PluginError: a plugin is at fault.
    """
    participant = _find_participant(folder)
    plan = make_plan(
        model,
        dataset,
        protocol,
        overrides={"robot": Person()},
        model_keywords=model_keywords,
        dataset_keywords=dataset_keywords,
        identity={"participant": participant, "show_target": show_target},
        device=device,
        limit=limit,
        seed=seed,
    )
    root = plan.settings["dataset"].get("keywords", {}).get("root")
    if isinstance(root, str):
        refuse_folder_of_inputs(folder, Path(root))
    return Study(plan, folder, show_target, participant)


def _open_photographs(
    images: Sequence[Path], dataset: str | None, data: Mapping[str, Any], masks: Path | None, out: Path
) -> tuple[list[Photograph], str]:
    """Return the photographs, and what tells them from others of the same names."""
    if dataset is not None:
        if masks is not None:
            raise UserError("--masks is for images: a dataset brings its own masks to start from")
        return open_dataset(load_dataset(dataset, **data)), f"the dataset {find(DatasetSpec, dataset).spec.name}"
    if masks is not None and not masks.is_dir():
        raise UserError(f"--masks {masks} is not a folder")
    folders = [str(path.resolve() if path.is_dir() else path.resolve().parent) for path in images]
    source = os.path.commonpath(folders) if masks is None else f"{os.path.commonpath(folders)} with masks of {masks}"
    return open_files(images, masks, out), source


def _name_folders(engines: Sequence[Engine]) -> list[str]:
    """Name a folder after each model; the second of one name gets a number."""
    names: list[str] = []
    for engine in engines:
        name = Path(engine.name).name if Path(engine.name).is_dir() else engine.name.replace("/", "-")
        names.append(name if name not in names else f"{name}-{len(names) + 1}")
    return names


def _find_participant(folder: Path) -> str:
    """Return the code of the study in a folder, or a new one, which says nothing about the person."""
    if not (folder / RUN).is_file():
        return secrets.token_hex(3)
    identity = read_description(folder)["settings"].get("identity")
    participant = identity.get("participant") if isinstance(identity, dict) else None
    if not isinstance(participant, str):
        raise UserError(f"{folder} holds a run that is no study: choose another folder")
    return participant
