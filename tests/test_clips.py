"""What the model sees of a clip is what reading, flow, crop, colour and interleaving give by hand, at any time."""

import itertools
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from amc import flow, flow_color, sampling, transforms, video
from amc.base.errors import AmcError
from amc.config import Pixels, Sampling
from amc.datasets import codecs, drawn_world
from amc.datasets.clips import ClipViews, PixelReader
from amc.datasets.table import ClipTable
from amc.interleave import MODALITIES, interleave
from amc.raft import weights as raft

PIXELS = Pixels(modality="rgb+flow", flow_method="dis-ultrafast", max_px=8, short_side=72, keep_frames=True)
PLAN = Sampling(scheme="sparse", num_windows=2, frames=3)


@pytest.fixture(scope="module")
def table(smoke_world) -> ClipTable:
    return drawn_world.kingdom(smoke_world, size="smoke").limit(2)


def views(table, *, pixels=PIXELS, plan=PLAN, cache=None, **options) -> ClipViews:
    return ClipViews(table, plan, PixelReader(pixels, cache, drawn=table.drawn), **({"size": 64} | options))


@pytest.fixture
def forbid(monkeypatch):
    """From the call on, nothing may be decoded and no flow estimated."""

    def refuse(*args, **options):
        raise AssertionError("not kept: read or estimated again")

    def start():
        monkeypatch.setattr(video, "read_frames", refuse)
        monkeypatch.setattr(flow, "estimate", refuse)

    return start


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("short_side", [72, 48])  # flow at the own 128 px of the video, and at the stored size
def test_an_evaluation_item_is_what_the_steps_give_by_hand(table, modality, short_side):
    item, labels = views(table, pixels=replace(PIXELS, modality=modality, short_side=short_side), size=32)[None, 1]
    clip = table.clips[1]
    windows = views(table).windows(None, 1)
    assert len(windows) == 2 and labels.tolist() == [float(k in clip.labels) for k in range(len(table.names))]
    for seen, indices in zip(item, windows, strict=True):
        first, second = (video.read_frames(clip.path, [i + step for i in indices]) for step in (0, 1))
        frames = transforms.resize_short_side(first, None, short_side)[0]
        if short_side == 48:
            first, second = (transforms.resize_short_side(x, None, short_side)[0] for x in (first, second))
        vectors = flow.estimate(first, second, method="dis-ultrafast")
        vectors = transforms.resize_short_side(None, vectors, short_side)[1].half().float()  # as they are kept
        frames, vectors = transforms.eval_view(frames, vectors, 32)
        colours = flow_color.render(vectors, max_px=8 * 32 / short_side)  # the scale shrinks with the picture
        expected = interleave(None if modality == "flow" else frames, None if modality == "rgb" else colours)
        assert torch.equal(seen, expected)


def test_flow_is_estimated_for_the_planned_frames_only(table, monkeypatch):
    pairs, estimate = [], flow.estimate
    monkeypatch.setattr(flow, "estimate", lambda a, b, **rest: pairs.append(len(a)) or estimate(a, b, **rest))
    sees = views(table)
    sees[None, 0]
    assert pairs == [len({frame for window in sees.windows(None, 0) for frame in window})] == [6]
    views(table, pixels=replace(PIXELS, modality="rgb"))[None, 0]
    assert len(pairs) == 1


def test_flow_of_the_last_frame_is_that_of_the_pair_before_it(table):
    clip, last = table.clips[0], table.clips[0].num_frames - 1
    reader = PixelReader(PIXELS)
    vectors = reader.vectors(clip.path, [last - 1, last], clip.num_frames)
    assert torch.equal(vectors[0], vectors[1]) and vectors.abs().max() > 0


def test_evaluation_is_fixed_and_training_draws_anew_each_epoch(table):
    sees = views(table, train_windows=1)
    assert torch.equal(sees[None, 0][0], sees[None, 0][0]) and len(sees[None, 0][0]) == 2
    epochs = [sees[epoch, 0][0] for epoch in range(3)]
    assert all(clip.shape == (1, 6, 3, 64, 64) and clip.dtype == torch.uint8 for clip in epochs)
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(epochs, 2))
    assert len({sees.windows(epoch, 0)[0] for epoch in range(8)}) > 4


def test_a_training_item_depends_on_seed_epoch_and_clip_only(table, tmp_path):
    one, two = views(table, train_windows=2, seed=3), views(table, train_windows=2, seed=3, cache=tmp_path)
    for _ in range(3):
        torch.rand(7)  # the global generator has no say
        for index in (1, 0):
            assert torch.equal(one[4, index][0], two[4, index][0])
    assert not torch.equal(one[4, 0][0], views(table, train_windows=2, seed=4)[4, 0][0])
    assert one.windows(4, 0) != one.windows(4, 1)


def test_a_step_trains_on_some_of_the_windows_that_were_planned_in_order(table):
    few, all_of_them = (views(table, plan=Sampling("dense", 3, 2), train_windows=k) for k in (2, 3))
    for epoch in range(4):
        chosen, planned = few.windows(epoch, 0), all_of_them.windows(epoch, 0)
        assert len(chosen) == 2 and len(planned) == 3 and planned == sorted(planned)
        assert chosen == [window for window in planned if window in chosen]
    assert len({tuple(few.windows(epoch, 0)) for epoch in range(9)}) > 1


def test_a_plan_with_a_stride_gives_clips_at_the_pace_of_a_network(table):
    sees = views(table, pixels=replace(PIXELS, modality="rgb"), plan=Sampling("clip", 2, 3, stride=5))
    windows = sees.windows(None, 0)
    assert windows == [w.frames for w in sampling.clips(sees.num_frames(0), num_windows=2, frames=3, stride=5)]
    item, _ = sees[None, 0]
    frames = transforms.resize_short_side(video.read_frames(table.clips[0].path, windows[1]), None, 72)[0]
    assert torch.equal(item[1], interleave(transforms.eval_view(frames, None, 64)[0], None))
    assert {b - a for a, b in itertools.pairwise(sees.windows(3, 0)[0])} == {5}  # in training too


@pytest.mark.parametrize("modality", MODALITIES)
def test_after_preparing_nothing_is_read_or_estimated_again(table, tmp_path, forbid, modality):
    sees = views(table, pixels=replace(PIXELS, modality=modality), cache=tmp_path)
    expected = [views(table, pixels=replace(PIXELS, modality=modality))[epoch, 1][0] for epoch in (0, 1, None)]
    sees.prepare(1, [0, 1, None])
    forbid()
    assert all(torch.equal(sees[epoch, 1][0], e) for epoch, e in zip((0, 1, None), expected, strict=True))
    with pytest.raises(AssertionError, match="not kept"):
        sees[2, 1]


def test_without_keep_frames_flow_is_kept_and_frames_are_not(table, tmp_path):
    views(table, pixels=replace(PIXELS, keep_frames=False), cache=tmp_path / "kept")[None, 0]
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"flow"}


def test_a_damaged_cache_is_announced_and_computed_again(table, tmp_path):
    sees = views(table, cache=tmp_path)
    expected = sees[None, 0][0]
    files = [path for path in tmp_path.rglob("*.safetensors")]
    assert len(files) == 2
    for path in files:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    with pytest.warns(UserWarning, match="damaged.*computed again") as warned:
        assert torch.equal(sees[None, 0][0], expected)
    assert len(warned) == 2


@pytest.mark.parametrize("change", [{"short_side": 80}, {"flow_method": "dis"}])
def test_what_was_kept_under_other_settings_is_not_used(table, tmp_path, change):
    pixels = replace(PIXELS, **change)
    views(table, cache=tmp_path)[None, 0]
    assert torch.equal(views(table, pixels=pixels, cache=tmp_path)[None, 0][0], views(table, pixels=pixels)[None, 0][0])


def test_true_flow_is_the_renderers_at_the_stored_size(table):
    clip = table.clips[0]
    reader = PixelReader(replace(PIXELS, flow_method="true"), drawn=table.drawn)
    vectors = reader.vectors(clip.path, [2, 9], clip.num_frames)
    made = torch.from_numpy(table.drawn.true_flow(clip.id, [(2, 3), (9, 10)]))
    expected = transforms.resize(None, made, (72, 72))[1]
    torch.testing.assert_close(vectors, expected, rtol=1e-3, atol=1e-3)  # they are kept in half precision


def test_estimated_flow_agrees_with_the_true_one_where_an_animal_moves(table):
    clip = table.clips[0]
    readers = [PixelReader(replace(PIXELS, flow_method=method), drawn=table.drawn) for method in ("true", "dis")]
    true, found = (reader.vectors(clip.path, list(range(0, 40, 4)), clip.num_frames) for reader in readers)
    error, length = ((x**2).sum(1).sqrt().mean().item() for x in (found - true, true))
    assert length > 0.3 and error < 0.6 * length  # noise and occlusion stay; no flow at all has an error of 1 length


def test_frame_counts_come_from_the_video_where_the_annotation_has_none(table, smoke_world):
    clips = tuple(replace(clip, num_frames=None) for clip in table.clips)
    found = views(replace(table, clips=clips))
    assert [found.num_frames(k) for k in range(len(table))] == [c.num_frames for c in table.clips]


def test_a_replaced_video_is_counted_anew(table, tmp_path):
    path = tmp_path / "clip.mp4"
    sees = views(replace(table, clips=(replace(table.clips[0], path=path, num_frames=None),)))
    for clip in (table.clips[0], table.clips[2]):
        shutil.copy(clip.path, path)
        assert sees.num_frames(0) == clip.num_frames


@pytest.fixture
def replacing(tmp_path, monkeypatch):
    """Call it with files: each takes the place of `source.file` in turn, just before a reading and just after it."""

    def put(content):
        shutil.copy(content, tmp_path / "new")
        (tmp_path / "new").replace(tmp_path / "source.file")

    def start(module, reads, contents):
        turns, read = iter(contents), getattr(module, reads)

        def amid(*args, **options):
            for content in itertools.islice(turns, 1):
                put(content)
            found = read(*args, **options)
            for content in itertools.islice(turns, 1):
                put(content)
            return found

        monkeypatch.setattr(module, reads, amid)

    put(Path(__file__))
    return start, put, tmp_path / "source.file"


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("modality", ["rgb", "flow"])
def test_a_video_replaced_while_it_is_read_is_not_stored_under_another_ones_key(
    table, tmp_path, replacing, modality, back
):
    start, put, path = replacing
    one, two = (clip.path for clip in table.clips[:2])
    reader, plain = (PixelReader(replace(PIXELS, modality=modality), cache) for cache in (tmp_path / "cache", None))
    right = {content: plain.pixels(content, [3, 9], 20)[modality == "flow"] for content in (one, two)}
    put(one)
    start(video, "read_frames", [two, one] if back else [two])
    assert torch.equal(reader.pixels(path, [3, 9], 20)[modality == "flow"], right[one if back else two])
    for content, pixels in right.items():
        assert torch.equal(reader.pixels(content, [3, 9], 20)[modality == "flow"], pixels)


def test_a_video_that_changes_at_every_reading_is_told(table, tmp_path, replacing):
    start, put, path = replacing
    put(table.clips[0].path)
    start(video, "read_frames", itertools.cycle(clip.path for clip in table.clips))
    with pytest.raises(AmcError, match=r"source.file: was changed while it was read; wait until it is complete"):
        PixelReader(PIXELS, tmp_path / "cache").frames(path, [3])


def test_weights_replaced_before_they_are_loaded_do_not_give_flow_for_the_earlier_ones(table, tmp_path, replacing):
    start, put, path = replacing
    clip, pixels = table.clips[0], replace(PIXELS, flow_method="raft-small", flow_weights=str(path))
    weights = [tmp_path / "0.pth", tmp_path / "1.pth"]
    for number, file in enumerate(weights):
        torch.manual_seed(number)
        torch.save(raft.ARCHITECTURES["raft-small"][0]().state_dict(), file)
    put(weights[0])
    start(flow, "estimate", weights[1:])
    PixelReader(pixels, tmp_path / "cache").vectors(clip.path, [3], 20)
    for file in weights:
        put(file)
        stored, plain = (PixelReader(pixels, cache).vectors(clip.path, [3], 20) for cache in (tmp_path / "cache", None))
        assert torch.equal(stored, plain)


def test_clips_of_one_frame_and_of_another_shape_give_items_of_the_same_shape(real, one_frame, table):
    odd = [one_frame, real / "clips" / "animals" / "dog_eating_640x360.mp4"]
    clips = tuple(replace(clip, path=path, num_frames=None) for clip, path in zip(table.clips, odd, strict=False))
    sees = views(replace(table, clips=clips))
    for epoch, index in itertools.product((None, 0), range(2)):
        assert sees[epoch, index][0].shape[1:] == (6, 3, 64, 64)
    still = sees[None, 0][0][:, 1::2]
    assert (still == 255).all()  # a single frame has no motion, which the wheel draws white


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.parametrize("storage_format", sorted(codecs.STORAGE_FORMATS))
def test_a_worker_of_any_start_method_reads_a_clip_as_this_process_does(table, tmp_path, storage_format, method):
    seen = views(table, pixels=replace(PIXELS, storage_format=storage_format), cache=tmp_path / "cache")
    loader = DataLoader(seen, sampler=[(None, 1)], batch_size=None, num_workers=1, multiprocessing_context=method)
    [(slots, labels)] = list(loader)
    expected = views(table, pixels=replace(PIXELS, storage_format=storage_format))[None, 1]
    assert torch.equal(slots, expected[0]) and torch.equal(labels, expected[1])


def test_clips_that_would_be_enlarged_are_refused(table):
    assert views(table, size=72).size == 72
    with pytest.raises(AmcError, match="short_side: pictures kept at 72 px would be enlarged to the 224 px"):
        views(table, size=224)
