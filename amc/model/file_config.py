"""Activation and normalisation from the configuration beside a file of weights: the weights do not contain them.

open_clip's `open_clip_config.json`, transformers' `config.json` and `preprocessor_config.json`, in the folder of the
weights.
"""

import json
from pathlib import Path
from typing import NamedTuple

from amc.base.errors import AmcError

QUICK_GELU = {"quick_gelu": True, "gelu": False}  # transformers' names for the activations of CLIPs
CLIPS = ("clip", "xclip")  # transformers' model_type whose default activation is quick_gelu


class WeightFacts(NamedTuple):
    """quick_gelu: None where unknown; preprocess: mean and std, as open_clip names them, or {}."""

    quick_gelu: bool | None
    preprocess: dict


def beside(path: Path) -> WeightFacts:
    """What the configurations in a folder of weights, or beside a weight file, say.

    Raises AmcError for one that cannot be read, and for an activation that no CLIP here has.
    """
    folder = path if path.is_dir() else path.parent
    if (given := _json(folder / "open_clip_config.json")) is not None:
        model = _mapping(given, "model_cfg")
        quick_gelu = bool(model.get("quick_gelu", False)) if model else None
        return WeightFacts(quick_gelu, _preprocess(_mapping(given, "preprocess_cfg"), "mean", "std"))
    preprocess = _preprocess(_json(folder / "preprocessor_config.json") or {}, "image_mean", "image_std")
    return WeightFacts(_activation(folder / "config.json"), preprocess)


def _activation(path: Path) -> bool | None:
    given = _json(path) or {}
    towers = [_mapping(given, "text_config"), _mapping(given, "vision_config")]
    default = "quick_gelu" if given.get("model_type") in CLIPS else None
    names = {str(tower.get("hidden_act", default)) for tower in towers if default or "hidden_act" in tower}
    if not names:
        return None
    if len(names) > 1 or not names <= QUICK_GELU.keys():
        found = " and ".join(sorted(names))
        raise AmcError(f"{path}: hidden_act {found}, but both towers need one of {', '.join(QUICK_GELU)}; take a CLIP")
    return QUICK_GELU[names.pop()]


def _preprocess(given: dict, mean: str, std: str) -> dict:
    found = {"mean": given.get(mean), "std": given.get(std)}
    is_said = all(isinstance(values, list) and len(values) == 3 for values in found.values())
    return found if is_said else {}


def _mapping(given: dict, key: str) -> dict:
    value = given.get(key)
    return value if isinstance(value, dict) else {}


def _json(path: Path) -> dict | None:
    if not path.is_file():
        return None
    try:
        given = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise AmcError(f"{path}: no readable JSON; get it again, or take it away from the weights") from error
    return given if isinstance(given, dict) else {}
