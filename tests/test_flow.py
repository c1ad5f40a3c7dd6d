import os
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from amc import flow
from amc.base import checkpoint
from amc.base.errors import AmcError
from amc.flow import METHODS, estimate, fingerprint, flow_pairs
from amc.raft import weights as raft

DIS = ("dis", "dis-fast", "dis-ultrafast")
TEXTURE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8), (0, 0), 2)
TEXTURE = cv2.normalize(TEXTURE, None, 0, 255, cv2.NORM_MINMAX)


def moved(u, v, size=(90, 130), count=2):
    """Pairs of a textured plane that moves by whole pixels (u right, v down)."""
    height, width = size
    first, second = TEXTURE[50 : 50 + height, 50 : 50 + width], TEXTURE[50 - v :, 50 - u :][:height, :width]
    return [torch.from_numpy(x.copy()).permute(2, 0, 1).expand(count, 3, height, width) for x in (first, second)]


def rubber_whale(real):
    folder = real / "flow/RubberWhale"
    frames = [np.asarray(Image.open(folder / name).convert("RGB")) for name in ("frame10.png", "frame11.png")]
    data = (folder / "flow10.flo").read_bytes()
    width, height = np.frombuffer(data, "<i4", 2, offset=4)
    truth = np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2).transpose(2, 0, 1)
    return [torch.tensor(frame).permute(2, 0, 1)[None] for frame in frames], torch.from_numpy(truth.copy())


def end_point_error(found, truth):
    known = (truth.abs() < 1e9).all(0)
    return (found - truth).norm(dim=0)[known].mean().item()


@pytest.fixture(scope="module")
def raft_weights(real):
    return real / "weights/raft-small.pth"


def random_weights(method):
    return {name: torch.randn_like(x) if x.is_floating_point() else x for name, x in fresh(method).items()}


def fresh(method):
    return raft.ARCHITECTURES[method][0]().state_dict()


@pytest.mark.parametrize("method, most", [("dis", 0.23), ("dis-fast", 0.45), ("dis-ultrafast", 0.55)])
def test_dis_finds_the_true_flow_of_rubber_whale(real, method, most):
    frames, truth = rubber_whale(real)
    assert end_point_error(estimate(*frames, method=method)[0], truth) <= most  # measured: 0.225, 0.440, 0.537


def test_official_raft_finds_the_true_flow_of_rubber_whale(real, raft_weights):
    frames, truth = rubber_whale(real)
    found = estimate(*frames, method="raft-small", weights=raft_weights)[0]
    assert end_point_error(found, truth) <= 0.33  # measured: 0.320, as with the official code


@pytest.mark.parametrize("method", DIS)
def test_vectors_point_right_and_down_where_the_picture_moves(method):
    found = estimate(*moved(3, -2), method=method)
    assert found.shape == (2, 2, 90, 130) and found.dtype == torch.float32
    inner = found[..., 20:-20, 20:-20]
    assert (inner[:, 0] - 3).abs().mean() < 0.4 and (inner[:, 1] + 2).abs().mean() < 0.4  # a swapped axis costs 5


@pytest.mark.parametrize("size", [(128, 128), (90, 130), (67, 201)])
def test_raft_takes_any_size_and_gives_it_back(raft_weights, size):
    found = estimate(*moved(3, -2, size, count=1), method="raft-small", weights=raft_weights)
    inner = found[..., 20:-20, 20:-20]
    assert found.shape == (1, 2, *size) and found.dtype == torch.float32
    assert (inner[:, 0] - 3).abs().mean() < 0.3 and (inner[:, 1] + 2).abs().mean() < 0.3


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (12, 11), (33, 17)])
def test_dis_takes_any_size_and_gives_it_back(size):
    found = estimate(*moved(1, 0, size), method="dis-fast")
    assert found.shape == (2, 2, *size) and found.isfinite().all()


@pytest.mark.parametrize("size", [(5, 7), (128, 128), (130, 97), (136, 129)])
def test_padding_is_undone_exactly(size):
    x = torch.rand(2, 3, *size)
    grown, same, unpad = flow.pad(x, x, minimum=128, multiple=8)
    assert all(side >= 128 and side % 8 == 0 for side in grown.shape[-2:]) and torch.equal(grown, same)
    assert torch.equal(unpad(grown), x)


def test_pairs_do_not_depend_on_their_neighbours_in_the_batch(raft_weights):
    pairs = [moved(u, 1, (128, 128), count=1) for u in (0, 2, -3, 4, 1)]
    first, second = (torch.cat(side) for side in zip(*pairs, strict=True))
    for method, weights, tolerance in (("raft-small", raft_weights, 1e-3), ("dis", None, 0)):
        together = estimate(first, second, method=method, weights=weights)
        alone = torch.cat([estimate(*pair, method=method, weights=weights) for pair in pairs])
        assert (together - alone).abs().max() <= tolerance  # pixels; convolutions sum in another order


def test_identical_frames_have_exactly_zero_flow_beside_moving_ones():
    (first, second), still = moved(3, 0), moved(0, 0)[0]
    found = estimate(torch.cat([first, still]), torch.cat([second, still]), method="dis")
    assert (found[2:] == 0).all() and found[:2].abs().max() > 2


def test_opencvs_threads_are_left_as_they_were():
    before = cv2.getNumThreads()
    estimate(*moved(1, 1), method="dis-ultrafast")
    assert cv2.getNumThreads() == before


def test_flow_is_between_a_frame_and_its_native_successor():
    assert flow_pairs([0, 7, 7, 9], 11) == [(0, 1), (7, 8), (7, 8), (9, 10)]
    assert flow_pairs([9, 10], 11) == [(9, 10), (9, 10)]  # the last frame takes the pair before it
    assert flow_pairs([0, 0], 1) == [(0, 0), (0, 0)]  # one frame: a pair with itself, which is zero flow


def test_official_names_are_mapped_as_the_order_of_tensors_says(raft_weights):
    renamed, expected = raft._renamed(checkpoint.read(raft_weights)[0]), fresh("raft-small")
    assert list(renamed) == list(expected)
    assert [x.shape for x in renamed.values()] == [x.shape for x in expected.values()]


@pytest.mark.parametrize(
    "official, expected",
    [
        ("fnet.layer2.0.downsample.0.bias", "feature_encoder.layer2.0.downsample.0.bias"),
        ("cnet.norm1.running_mean", "context_encoder.convnormrelu.1.running_mean"),
        ("cnet.layer3.1.norm2.weight", "context_encoder.layer3.1.convnormrelu2.1.weight"),
        ("cnet.layer3.0.downsample.1.weight", "context_encoder.layer3.0.downsample.1.weight"),
        ("update_block.encoder.convc2.weight", "update_block.motion_encoder.convcorr2.0.weight"),
        ("update_block.gru.convq2.bias", "update_block.recurrent_block.convgru2.convq.bias"),
        ("update_block.mask.0.weight", "mask_predictor.convrelu.0.weight"),
        ("update_block.mask.2.bias", "mask_predictor.conv.bias"),
    ],
)
def test_official_names_of_the_large_model_are_mapped_too(official, expected):
    assert expected in fresh("raft-large")
    assert list(raft._renamed({official: torch.zeros(1)})) == [expected]
    assert raft._renamed({"cnet.layer2.0.norm3.weight": torch.zeros(1)}) == {}  # downsample.1 again


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_torchvisions_own_format_loads_from_a_local_file(tmp_path, suffix):
    path, state = tmp_path / f"raft.{suffix}", random_weights("raft-large")
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    model = raft.load("raft-large", path)
    assert not model.training and all(torch.equal(x, state[name]) for name, x in model.state_dict().items())


@pytest.mark.parametrize("prefix", ["module.", "module._orig_mod."])
def test_a_checkpoint_of_a_training_loads_by_its_content(tmp_path, prefix):
    state = random_weights("raft-small")
    torch.save({"model": {f"{prefix}{n}": x for n, x in state.items()}, "epoch": 3}, tmp_path / "raft.safetensors")
    model = raft.load("raft-small", tmp_path / "raft.safetensors")
    assert all(torch.equal(x, state[name]) for name, x in model.state_dict().items())


def broken_weights(tmp_path, kind):
    path, state = tmp_path / "raft.pth", fresh("raft-small")
    if kind == "missing":
        state.popitem()
    elif kind == "unknown":
        state["extra"] = torch.zeros(1)
    elif kind == "shape":
        state["update_block.flow_head.conv2.bias"] = torch.zeros(3)
    elif kind == "other model":
        state = fresh("raft-large")
    elif kind == "two tables":
        state = {"first": state, "second": state}
    elif kind == "not finite":
        state["update_block.flow_head.conv2.bias"][1] = torch.nan
    if kind != "absent":
        torch.save(state, path)
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    return path


@pytest.mark.parametrize(
    "kind", ["missing", "unknown", "shape", "other model", "two tables", "not finite", "absent", "cut"]
)
def test_other_weights_are_refused_in_one_line(tmp_path, kind):
    with pytest.raises(AmcError, match="weights: ") as error:
        estimate(*moved(1, 1), method="raft-small", weights=broken_weights(tmp_path, kind))
    assert "\n" not in str(error.value) and "raft.pth" in str(error.value)


@pytest.mark.parametrize("method", ["raft-small", "raft-large"])
def test_without_a_network_raft_says_where_its_weights_are_and_what_needs_none(tmp_path, monkeypatch, method):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(AmcError, match="https://.*pth at .*checkpoints.*method='dis'"):
        estimate(*moved(1, 1), method=method)


def test_published_weights_are_downloaded_once_and_their_sha256_is_asked_for(tmp_path, monkeypatch):
    asked = []

    def download(url, place, hash_prefix):
        asked.append((url.rsplit("/", 1)[1], hash_prefix))
        Path(place).write_bytes(b"")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    assert raft.checkpoint("raft-small", None) == raft.checkpoint("raft-small", None)
    assert asked == [("raft_small_C_T_V2-01064c6d.pth", "01064c6d")]


def test_damaged_weights_of_torchvision_are_noticed_by_their_sha256(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    name = raft.ARCHITECTURES["raft-small"][1].url.rsplit("/", 1)[1]
    (tmp_path / "checkpoints").mkdir()
    torch.save(fresh("raft-small"), tmp_path / "checkpoints" / name)
    with pytest.raises(AmcError, match="sha256"):
        estimate(*moved(1, 1), method="raft-small")


def test_a_replaced_checkpoint_is_loaded_anew(tmp_path):
    path = tmp_path / "raft.pth"
    torch.save(random_weights("raft-small"), path)
    first = raft.load("raft-small", path)
    assert raft.load("raft-small", path) is first
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    torch.save(random_weights("raft-small"), tmp_path / "new.pth")
    os.utime(tmp_path / "new.pth", ns=times)  # as copies keep times, and unpacked archives have those of their makers
    (tmp_path / "new.pth").replace(path)
    assert raft.load("raft-small", path) is not first


def test_a_fingerprint_names_the_method_and_what_its_result_depends_on(tmp_path):
    assert len({fingerprint(method) for method in DIS}) == 3 and cv2.__version__ in fingerprint("dis")
    path = tmp_path / "raft.pth"
    path.write_bytes(b"a")
    before = fingerprint("raft-small", path)
    path.write_bytes(b"bb")
    assert before.startswith("raft-small ") and fingerprint("raft-small", path) != before


@pytest.mark.parametrize(
    "options", [{"method": "raft"}, {"method": "true"}, {"method": "dis", "weights": "raft-small.pth"}]
)
def test_wrong_methods_are_refused(options):
    with pytest.raises(AmcError):
        estimate(*moved(1, 1), **options)
    assert "true" in METHODS


@pytest.mark.parametrize("size", [(128, 128), (90, 130)])
def test_our_raft_needs_no_download_and_finds_the_motion_of_a_plane(size):
    inner = estimate(*moved(3, -2, size, count=1), method="raft-synth")[..., 20:-20, 20:-20]
    assert (inner[:, 0] - 3).abs().mean() < 0.4 and (inner[:, 1] + 2).abs().mean() < 0.4  # measured: 0.27 at most


def test_our_raft_says_where_it_is_not_to_be_trusted():
    small = moved(2, 1, (64, 200), count=1)
    large = [torch.cat([picture, picture], dim=-1) for picture in small]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert estimate(*small, method="raft-synth").shape == (1, 2, 64, 200)
    with pytest.warns(UserWarning, match="trained at up to 384 px and errs on 64 x 400"):
        estimate(*large, method="raft-synth")


def test_pictures_that_do_not_fit_are_refused():
    first, second = moved(1, 1)
    for pair in [(first, second[:1]), (first.float(), second.float()), (first[0], second[0]), (first[:0], second[:0])]:
        with pytest.raises(AmcError, match="first and second"):
            estimate(*pair, method="dis")
