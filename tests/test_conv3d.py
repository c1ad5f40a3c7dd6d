"""I3D, SlowFast and X3D: pytorchvideo's networks and checkpoints, made to behave as any other model here."""

import subprocess
import sys
from functools import partial

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from amc.base import checkpoint
from amc.base.errors import AmcError
from amc.baselines import conv3d

SMALL = ("i3d-narrow", "slowfast-narrow", "x3d-xs")
PUBLISHED = ("i3d-r50", "slowfast-r50", "x3d-l", "x3d-m", "x3d-s", "x3d-xs")
ROUNDING = {
    "rtol": 0,
    "atol": 2e-5,
}  # sums in another order move logits by 2e-6; slots in another order by 1e-4 and more


def hub():
    from pytorchvideo.models import hub  # amc has been imported, so torchvision loads

    return hub


def shapes(state: dict) -> dict:
    return {name: tensor.shape for name, tensor in state.items()}


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def clips(num_clips: int, num_slots: int, size: int) -> torch.Tensor:
    """Coarse random pictures, which a mean over the whole clip does not level out, (B, T, 3, size, size)."""
    return torch.randn(num_clips, num_slots, 3, 2, 2).repeat_interleave(size // 2, 3).repeat_interleave(size // 2, 4)


def stirred(net: torch.nn.Module) -> torch.nn.Module:
    """The network with every vector drawn anew: fresh ones hold zeros that silence all residual branches."""
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.5, 1)
    return net.eval()


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def small() -> dict:
    return {network: conv3d.build(network, "", num_classes=3, size=64) for network in SMALL}


@pytest.mark.parametrize(
    ("network", "size", "millions", "gflops"),  # the zoo's table; X3D-L's parameters are SlowFast's zoo's
    [
        ("i3d-r50", 256, 28.04, 37.53),
        ("slowfast-r50", 256, 34.57, 65.71),
        ("x3d-l", 356, 6.15, None),
        ("x3d-m", 256, 3.79, 6.72),
        ("x3d-s", 182, 3.79, 2.96),
        ("x3d-xs", 182, 3.79, 0.91),
    ],
)
def test_published_networks_have_their_published_parameters_and_cost(network, size, millions, gflops):
    with torch.device("meta"):  # shapes alone
        module = conv3d.build(network, "", num_classes=400).network
        pixels = torch.zeros(1, conv3d.NETWORKS[network].frames, 3, size, size)
        with FlopCounterMode(display=False) as counter:
            module(pixels)
    assert round(sum(p.numel() for p in module.parameters()) / 1e6, 2) == millions
    if gflops:  # multiplications; the zoo counts normalisation too, a twelfth of X3D's: half the frames would be half
        assert counter.get_total_flops() / 2e9 == pytest.approx(gflops, rel=0.1)


@pytest.mark.parametrize("network", PUBLISHED)
def test_names_and_shapes_are_those_of_the_zoos_checkpoints(network):
    with torch.device("meta"):
        ours = conv3d.build(network, "", num_classes=400).network.net
        theirs = getattr(hub(), network.replace("-", "_"))(pretrained=False)
    assert shapes(ours.state_dict()) == shapes(theirs.state_dict())


def test_i3d_computes_what_the_zoos_does_at_the_zoos_size():
    theirs = hub().i3d_r50(model_num_class=3, stem_dim_out=16, head_pool_kernel_size=(4, 7, 7))
    ours = conv3d.build("i3d-narrow", "", num_classes=3, seed=1).network
    theirs.load_state_dict(stirred(ours.net).state_dict())
    pixels = clips(2, 8, 224)
    torch.testing.assert_close(ours(pixels), theirs.eval()(pixels.transpose(1, 2)), **ROUNDING)


def test_slowfast_computes_what_the_zoos_does_at_the_zoos_size():
    theirs = hub().slowfast_r50(model_num_class=3, stem_dim_outs=(16, 2))
    ours = conv3d.build("slowfast-narrow", "", num_classes=3, seed=1).network
    theirs.load_state_dict(stirred(ours.net).state_dict())
    pixels = clips(2, 32, 224)
    fast = pixels.transpose(1, 2)
    slow = fast[:, :, [0, 4, 8, 13, 17, 22, 26, 31]]  # eight of 0 to 31, evenly, rounded down
    torch.testing.assert_close(ours(pixels), theirs.eval()([slow, fast]), **ROUNDING)


def test_x3d_computes_what_the_zoos_does_but_its_softmax():
    theirs = hub().x3d_xs(model_num_class=3)
    ours = conv3d.build("x3d-xs", "", num_classes=3, seed=1).network
    theirs.load_state_dict(stirred(ours.net).state_dict())
    pixels = clips(2, 4, 160)
    logits = ours(pixels)
    assert logits.min() < 0
    torch.testing.assert_close(logits.softmax(1), theirs.eval()(pixels.transpose(1, 2)), **ROUNDING)


@pytest.mark.parametrize("network", SMALL)
def test_pictures_of_any_size_and_shape_give_logits_and_change_nothing(small, network):
    module, num_slots = small[network].network, conv3d.NETWORKS[network].frames
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    for height, width in ((32, 32), (64, 96)):
        logits = module(torch.randn(2, num_slots, 3, height, width))
        assert logits.shape == (2, 3) and logits.isfinite().all()
    assert same(before, module.state_dict()) and not module.training


def test_a_system_takes_uint8_slots_of_its_size(small):
    classifier = small["x3d-xs"]
    slots = torch.randint(256, (2, 4, 3, 64, 64), dtype=torch.uint8)
    expected = classifier.network((slots / 255 - 0.45) / 0.225)
    torch.testing.assert_close(classifier(slots), expected)
    assert classifier.preprocess.size == 64
    assert conv3d.build("x3d-xs", "", num_classes=3).preprocess.size == 160


@pytest.mark.parametrize("network", SMALL)
def test_gradients_reach_every_parameter(small, network):
    module = small[network].network
    gradients = torch.autograd.grad(
        module(torch.randn(1, conv3d.NETWORKS[network].frames, 3, 32, 32)).sum(),
        list(module.parameters()),
        allow_unused=True,
    )
    assert all(gradient is not None for gradient in gradients)


@pytest.mark.parametrize("network", SMALL)
def test_a_shift_is_added_to_every_logit(network):
    classifier = conv3d.build(network, "", num_classes=3)
    pixels = torch.randn(1, conv3d.NETWORKS[network].frames, 3, 32, 32)
    before = classifier.network(pixels)
    classifier.add_bias(torch.tensor(-2.5))
    torch.testing.assert_close(classifier.network(pixels), before - 2.5)


@pytest.mark.parametrize("network", SMALL)
def test_only_the_last_projection_learns_faster_and_vectors_do_not_decay(small, network):
    module = small[network].network
    groups = module.parameter_groups(1e-3, lr_mult=7, weight_decay=0.5)
    found = {(group["lr"], group["weight_decay"]): group["params"] for group in groups}
    proj = module.net.blocks[-1].proj
    assert [id(p) for p in found[7e-3, 0.5]] == [id(proj.weight)]
    assert [id(p) for p in found[7e-3, 0]] == [id(proj.bias)]
    assert all(p.ndim > 1 for p in found[1e-3, 0.5]) and all(p.ndim == 1 for p in found[1e-3, 0])
    assert sum(map(len, found.values())) == len(list(module.parameters()))


def test_the_head_drops_half_of_its_input_in_training(small):
    assert [small[network].network.net.blocks[-1].dropout.p for network in SMALL] == [0.5] * 3


def test_weights_follow_the_seed_and_leave_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (conv3d.build("x3d-xs", "", num_classes=3, seed=n).network.state_dict() for n in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert same(first, again) and not same(first, other)


def test_a_checkpoint_of_the_zoo_brings_all_but_the_last_projection(tmp_path):
    state = hub().x3d_xs(pretrained=False).state_dict()
    torch.save({"model_state": state, "epoch": 3}, tmp_path / "X3D_XS.pyth")
    classifier = conv3d.build("x3d-xs", tmp_path / "X3D_XS.pyth", num_classes=3, seed=4)
    fresh = conv3d.build("x3d-xs", "", num_classes=3, seed=4)
    loaded = classifier.network.net.state_dict()
    head = {name for name in state if name.startswith("blocks.5.proj.")}
    assert len(head) == 2 and loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) for name in state.keys() - head)
    assert all(torch.equal(loaded[name], fresh.network.net.state_dict()[name]) for name in head)
    assert (classifier.card["random"], fresh.card["random"]) == ("head", "all")


def test_model_state_is_read_as_weights(tmp_path):
    torch.save({"model_state": {"w": torch.ones(2)}, "epoch": 3}, tmp_path / "a.pyth")
    assert checkpoint.read(tmp_path / "a.pyth")[0]["w"].tolist() == [1, 1]


def test_a_trained_module_serves_other_behaviours(small, tmp_path):
    module = small["x3d-xs"].network
    checkpoint.save(module, tmp_path / "a.safetensors", {})
    other = conv3d.build("x3d-xs", tmp_path / "a.safetensors", num_classes=5).network
    theirs, ours = ({n: t for n, t in m.state_dict().items() if ".proj." not in n} for m in (module, other))
    assert same(theirs, ours) and len(other.logit_bias) == 5


def test_a_checkpoint_that_lacks_a_tensor_or_is_another_networks_is_refused(small, tmp_path):
    state = small["x3d-xs"].network.net.state_dict()
    lacking = {name: tensor for name, tensor in state.items() if name != "blocks.0.conv.conv_t.weight"}
    torch.save({"model_state": lacking}, tmp_path / "lacking.pyth")
    torch.save({"model_state": state}, tmp_path / "xs.pyth")
    with pytest.raises(AmcError, match=r"1 missing \(net\.blocks\.0\.conv\.conv_t\.weight\)"):
        conv3d.build("x3d-xs", tmp_path / "lacking.pyth", num_classes=3)
    with pytest.raises(AmcError, match="xs.pyth: weights do not fit"):
        conv3d.build("i3d-narrow", tmp_path / "xs.pyth", num_classes=3)


def test_a_clip_spans_the_native_frames_of_its_published_setting():
    spans = {name: network.frames * network.stride for name, network in conv3d.NETWORKS.items()}
    assert [spans[name] for name in PUBLISHED] == [8 * 8, 8 * 8, 16 * 5, 16 * 5, 13 * 6, 4 * 12]


def test_what_cannot_be_built_is_refused_at_once(tmp_path):
    with pytest.raises(AmcError, match="network: 'c3d' is not known; choose one of: i3d-r50, "):
        conv3d.check("c3d", "")
    with pytest.raises(AmcError, match="no file .*nowhere.pyth.*model zoo"):
        conv3d.check("x3d-l", tmp_path / "nowhere.pyth")
    conv3d.check("x3d-l", "")


@pytest.mark.parametrize(
    ("network", "pixels", "reason"),
    [
        ("x3d-xs", torch.zeros(1, 3, 4, 32, 32), "B, T, 3, H, W"),
        ("x3d-xs", torch.zeros(1, 4, 3, 32, 31), "from 32"),
        ("x3d-xs", torch.zeros(1, 4, 3, 32, 32, dtype=torch.uint8), "needs floats"),
        ("x3d-xs", torch.zeros(1, 0, 3, 32, 32), "0 slots"),
        ("i3d-narrow", torch.zeros(1, 3, 3, 32, 32), "3 slots.*multiples of 2"),
        ("slowfast-narrow", torch.zeros(1, 6, 3, 32, 32), "6 slots.*multiples of 4"),
    ],
)
def test_pixels_that_a_network_cannot_take_are_refused(small, network, pixels, reason):
    with pytest.raises(AmcError, match=reason):
        small[network].network(pixels)


def test_without_pytorchvideo_it_is_known_before_anything_is_built_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorchvideo", None)
    for ask in (conv3d.check, partial(conv3d.build, num_classes=3)):
        with pytest.raises(AmcError, match=r"pip install 'amc\[baselines\]'"):
            ask("x3d-xs", "")


@pytest.mark.parametrize("change", [{"size": 16}, {"num_classes": 0}])
def test_too_small_pictures_and_no_classes_are_refused(change):
    with pytest.raises(AmcError, match="they start from 32 and 1"):
        conv3d.build("x3d-xs", "", **({"num_classes": 3} | change))


def test_the_module_imports_without_pytorchvideo():
    code = "import sys; sys.modules['pytorchvideo'] = None; import amc.baselines.conv3d"
    subprocess.run([sys.executable, "-c", code], check=True)
