"""`papermill 07_your_own_video.ipynb out.ipynb`: a film of known events by itself, and a real video by names alone."""

import json
from pathlib import Path

import pandas as pd
from executed import alts
from user_commands import NOTEBOOKS, papermill

OPTIONS = ["-p", "interactive", "False", "-p", "size", "smoke"]


def record(environment) -> dict:
    return json.loads((Path(environment["AMC_REPORTS"]) / "results" / "07_your_own_video.json").read_text())


def test_a_film_of_known_events_is_marked_with_intervals(environment, tmp_path):
    out = tmp_path / "out.ipynb"
    papermill("07_your_own_video", NOTEBOOKS, out, *OPTIONS, environment=environment)
    origin = record(environment)["provenance"]
    assert [row["name"].split(",")[0] for row in origin["recovered"]] == ["bout F1", "frame F1", "time budget"]
    assert all(row["low"] <= row["value"] <= row["high"] and row["films"] == 2 for row in origin["recovered"])
    assert [row["clips"] for row in origin["learning_curve"]] == [4, 16]
    assert origin["stamp"].startswith("HARDLY TRAINED (size smoke), FEW CLIPS") and origin["agreement"]
    shown = alts(out)
    assert len(shown) >= 8 and sum("HARDLY TRAINED" in alt for alt in shown) >= 6


def test_a_real_video_by_names_alone_is_a_first_look_and_says_so(real, environment, tmp_path):
    out, tables = tmp_path / "out.ipynb", tmp_path / "tables"
    video = real / "clips/animals/dog_eating_640x360.mp4"
    options = ["-p", "video", str(video), "-p", "behaviours", "eating, walking", "-p", "out_dir", str(tables)]
    papermill("07_your_own_video", tmp_path, out, *OPTIONS, *options, environment=environment)
    found = record(environment)
    stamp = found["provenance"]["stamp"]
    assert stamp.startswith("ZERO-SHOT") and stamp.endswith("CLIP OF GENERATED ANIMALS on other videos")
    assert found["provenance"]["recovered"] == []
    assert found["parameters"]["video"] == video.name and found["parameters"]["model"] == "by names"
    assert len(pd.read_csv(tables / "dog_eating_640x360.untrusted_frames.csv")) == 345
    assert all("ZERO-SHOT" in alt for alt in alts(out)[1:-1])  # all but the video itself and the curve of another model
