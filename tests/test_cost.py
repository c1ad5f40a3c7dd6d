"""Operations are counted as they are published."""

import pytest
import torch

from amc import model
from amc.model import Classifier
from amc.runs import cost


def test_operations_are_counted_as_published_and_none_is_missed():
    """X-CLIP-B/32 of 8 frames and 400 behaviours: 39 G multiply-adds, 78 GFLOPs. A layer of torch's own: by hand."""
    xclip = model.build("ViT-B-32-quickgelu", "random", num_slots=8)
    classifier = Classifier(xclip.network, xclip.preprocess, {}, context=[torch.randn(400, 512)])
    with torch.inference_mode():
        found = cost.gflops(lambda: classifier(torch.zeros(1, 8, 3, 224, 224, dtype=torch.uint8)))
        assert found == pytest.approx(78, rel=0.04)
        layer = torch.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval()  # N = 5 tokens of D = 16
        products = 2 * 5 * (4 * 16 * 16 + 2 * 16 * 32) + 2 * 2 * 5 * 5 * 16
        assert cost.gflops(lambda: layer(torch.zeros(1, 5, 16))) == pytest.approx(products / 1e9)
