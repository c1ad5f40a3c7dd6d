"""Motion kept as pictures: little is lost, and the same at every read."""

import torch

from amc.datasets import codecs
from amc.datasets.store import PixelCache

MAX_PX = 20.0


def smooth(seed: int = 0) -> torch.Tensor:
    """A field (2, 48, 80) as real ones are: smooth, up to about 20 px per frame."""
    coarse = torch.randn(1, 2, 4, 6, generator=torch.Generator().manual_seed(seed)) * 8
    return torch.nn.functional.interpolate(coarse, (48, 80), mode="bicubic")[0]


def test_a_field_survives_as_a_picture_within_a_fraction_of_a_pixel():
    codec = codecs.jpeg(MAX_PX)
    field = smooth()
    data = codec.pack(field)
    error = (codec.unpack(data) - field.clamp(-MAX_PX, MAX_PX)).abs()
    # Eight bits of 40 px are steps of 0.16 px; the JPEG adds about as much.
    assert error.mean() < 0.16 and error.max() < 1
    assert len(data) < field.numel() * 2 / 4  # beside float16


def test_no_motion_is_exactly_none_and_directions_keep_their_sign():
    codec = codecs.jpeg(MAX_PX)
    assert not codec.unpack(codec.pack(torch.zeros(2, 16, 24))).any()
    field = torch.zeros(2, 16, 24)
    field[0], field[1] = 5, -7
    found = codec.unpack(codec.pack(field))
    assert torch.allclose(found[0], torch.tensor(5.0), atol=0.16) and torch.allclose(
        found[1], torch.tensor(-7.0), atol=0.16
    )
    assert found.shape == field.shape


def test_a_motion_beyond_the_bound_is_cut_off_there():
    codec = codecs.jpeg(MAX_PX)
    found = codec.unpack(codec.pack(torch.full((2, 16, 16), -90.0)))
    assert torch.allclose(found, torch.tensor(-MAX_PX))


def test_the_cache_gives_the_same_bits_whether_packed_now_or_read_again(tmp_path):
    asked = []

    def compute(indices):
        asked.append(indices)
        return torch.stack([smooth(index) for index in indices])

    def get(folder, indices):
        return PixelCache(folder, codecs.jpeg(MAX_PX)).get("ab", indices, compute, torch.float16)

    fresh = get(tmp_path, [3, 1])
    again = get(tmp_path, [1, 3, 3, 5])
    assert asked == [[1, 3], [5]]
    assert torch.equal(again[:3], fresh[[1, 0, 0]])
    assert torch.equal(get(None, [3, 1]), fresh)
    cache = PixelCache(tmp_path, codecs.jpeg(MAX_PX))
    assert cache.has("ab", [1, 3, 5]) and not cache.has("ab", [1, 2]) and not cache.has("zz", [1])
    assert cache.size("ab") > 0 == cache.size("zz")


def test_a_packed_file_that_is_damaged_is_computed_again(tmp_path, recwarn):
    cache = PixelCache(tmp_path, codecs.jpeg(MAX_PX))
    right = cache.get("ab", [1], lambda indices: smooth()[None], torch.float16)
    (file,) = tmp_path.rglob("*.safetensors")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    file.write_bytes(data)
    assert torch.equal(cache.get("ab", [1], lambda indices: smooth()[None], torch.float16), right)
    assert any("damaged" in str(warning.message) for warning in recwarn)
