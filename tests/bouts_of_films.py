"""How well a trained model finds the bouts of generated films, whose events are known: writes `bouts_of_films.json`.

Window and threshold are chosen on films of validation scenes (`own_video.chosen`), bout F1 and frame F1 are measured on
films of test scenes; beside them, the same with the thresholds of the validation clips and the usual window.

    python tests/bouts_of_films.py --model RUN [--size standard]
"""

import argparse

import numpy as np
import torch

from amc.base import paths, provenance, seal
from amc.companion import own_video
from amc.ethogram import predict, predictor
from amc.ethogram.bouts import Rules
from amc.ethogram.sliding_window import sliding_window
from amc.ethogram.timeline import SlidingWindow


def measured(
    video_predictor: predictor.VideoPredictor,
    films: list[own_video.Film],
    sliding: SlidingWindow,
    threshold: np.ndarray,
) -> list[dict]:
    """Rows of `own_video.recovered` for one window and thresholds (C,)."""
    pairs = []
    for film in films:
        seen = sliding_window(film.path, video_predictor, sliding)
        found = predict.ethogram(film.path.stem, film.path, seen, video_predictor, threshold, Rules())
        pairs.append((found, film.ethogram(found)))
    return own_video.recovered(pairs)


def main() -> None:
    """Choose, measure, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--size", default="standard", help="of the films: how many, and how long")
    given = parser.parse_args()
    torch.set_num_threads(1)
    video_predictor = predictor.by_model(given.model, log=print)
    best = own_video.chosen(video_predictor, Rules(), given.size, log=print)
    print(f"chosen with bout F1 {best.bout_f1:.3f}: {best.options}", flush=True)
    number, length = own_video.FILMS[given.size]
    films = [own_video.film(k, length) for k in range(number)]
    common = np.full(len(video_predictor.names), best.threshold)
    rows = {"chosen on bouts": measured(video_predictor, films, best.sliding, common)}
    print(rows, flush=True)
    if video_predictor.threshold is not None:
        rows["chosen on clips"] = measured(video_predictor, films, SlidingWindow(), video_predictor.threshold)
        print(rows["chosen on clips"], flush=True)
    record = {"size": given.size, "model": video_predictor.facts, "chosen": best.options, "bout_f1_there": best.bout_f1}
    record |= {"by_window_and_threshold": best.table.to_dict("records"), "rows": rows}
    seal.write_json(paths.reports() / "bouts_of_films.json", record | {"provenance": provenance.collect()}, indent=1)


if __name__ == "__main__":
    main()
