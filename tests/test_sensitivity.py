"""What moves a video's embedding: nothing that the model cannot see, and what it sees as far as it goes."""

from types import SimpleNamespace

import pytest
import torch

from amc import model
from amc.base.errors import AmcError
from amc.companion import sensitivity
from amc.config import Pixels
from amc.datasets.clips import slots

SIZE, CLIPS, M, P, C = 64, 5, 2, 2, 4


class Views:
    """Random frames with their flow, as `ClipViews` gives them; `still` clips hold the flow of nothing that moves."""

    def __init__(self, modality="rgb+flow", *, still=False, clips=CLIPS):
        generator = torch.Generator().manual_seed(0)
        self.size, self.reader = SIZE, SimpleNamespace(settings=Pixels(modality=modality, max_px=2.0))
        self.table = SimpleNamespace(clips=[SimpleNamespace(id=f"c{k}") for k in range(clips)])
        self.labels = (torch.rand(clips, C, generator=generator) < 0.5).float()
        frames = torch.randint(0, 256, (clips, M * P, 3, SIZE, SIZE), dtype=torch.uint8, generator=generator)
        vectors = (0 if still else 1) * torch.randn(clips, M * P, 2, SIZE, SIZE, generator=generator)
        vectors = vectors if "flow" in modality else [None] * clips
        self.clips = [slots(f, v, self.reader.settings).unflatten(0, (M, -1)) for f, v in zip(frames, vectors)]

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, key):
        return self.clips[key[1]].clone(), self.labels[key[1]]


@pytest.fixture(scope="module")
def text():
    return torch.randn(C, 128, generator=torch.Generator().manual_seed(1))


def classifier(num_slots=2 * P, *, positions=0.0):
    """An untrained model over random weights whose integration knows the places of the slots as well as asked."""
    built = model.build("synth-clip", "random", num_slots=num_slots)
    places = built.network.integration.positions.data
    places.copy_(positions * torch.randn(places.shape, generator=torch.Generator().manual_seed(2)))
    for parameter in built.network.integration.block.parameters():
        parameter.data.add_(0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))
    return built


def by_change(rows):
    return {row["change"]: row for row in rows}


def test_without_positions_the_order_moves_nothing_and_another_video_does(text):
    found = by_change(sensitivity.measure(classifier(), Views(), text))
    for name in ("slots reversed", "frames shuffled"):
        assert found[name]["angle"] < 1e-3 and found[name]["rank"] == pytest.approx(1) and found[name]["first"] == 100
        assert found[name]["map_macro_change"] == pytest.approx(0, abs=1e-9)
    assert found["another video"]["angle"] > 1000 * found["slots reversed"]["angle"]


def test_with_positions_the_order_moves_the_embedding(text):
    found = by_change(sensitivity.measure(classifier(positions=1.0), Views(), text))
    assert found["slots reversed"]["angle_low"] > 0.1
    assert (
        found["slots reversed"]["angle_low"]
        <= found["slots reversed"]["angle"]
        <= found["slots reversed"]["angle_high"]
    )


def test_flow_at_rest_is_no_change_for_clips_that_do_not_move(text):
    moving, still = (by_change(sensitivity.measure(classifier(), Views(still=s), text)) for s in (False, True))
    assert still["flow at rest"]["angle"] < 1e-4 < moving["flow at rest"]["angle"]
    assert still["flow at rest"]["rank"] == pytest.approx(1)


def test_changes_of_flow_are_left_out_where_the_model_sees_none(text):
    found = by_change(sensitivity.measure(classifier(P), Views("rgb"), text))
    assert list(found) == ["intact", "slots reversed", "frames shuffled", "another video"]
    assert sensitivity.applicable("flow") == ["slots reversed", "frames shuffled", "flow at rest", "another video"]
    assert sensitivity.applicable("rgb+flow") == list(sensitivity.CHANGES)


def test_of_many_clips_a_random_part_is_measured_against_its_own_chance(text):
    views = Views()
    rows = sensitivity.measure(classifier(), views, text, most=3)
    assert {row["clips"] for row in rows} == {3}
    intact = sensitivity.measure(classifier(), views, text)[0]
    assert intact["map_macro_low"] <= intact["map_macro"] <= intact["map_macro_high"]
    assert 0 < intact["chance_macro"] < 100
    with pytest.raises(AmcError, match="the test split has one clip"):
        sensitivity.measure(classifier(), Views(clips=1), text)


def test_slots_are_reversed_within_each_classifier():
    views = Views()
    turned = sensitivity.slots_reversed(views, 1, 0)
    assert torch.equal(turned[:, 0], views.clips[1][:, -1]) and torch.equal(turned.flip(1), views.clips[1])


def test_the_table_has_a_line_per_change_with_intervals(text):
    rows = sensitivity.measure(classifier(), Views(still=True), text)
    lines = sensitivity.summary(rows)
    assert [line["change"] for line in lines] == list(sensitivity.CHANGES)
    assert lines[0]["embedding turned, degrees"] == "0.000 [0.000, 0.000]"
    assert lines[0]["highest stays, %"] == "100 [100, 100]" and lines[0]["macro mAP, points"] == "+0.0 [+0.0, +0.0]"
