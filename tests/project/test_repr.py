"""repr(mlp), which a notebook shows: what the network is, exactly."""

import pytest

from hw1 import hw1 as nn


@pytest.mark.parametrize("num_bn_layers, expected", [
    (0, "MLP(784 -> 64 Sigmoid -> 32 ReLU -> 10 Identity; 52,650 parameters)"),
    (1, "MLP(784 -> 64 BatchNorm Sigmoid -> 32 ReLU -> 10 Identity; 52,778 parameters)")])
def test_layers_from_input_to_output_and_the_number_of_parameters(num_bn_layers, expected):
    mlp = nn.MLP(784, 10, [64, 32], [nn.Sigmoid(), nn.ReLU(), nn.Identity()], nn.random_normal_weight_init,
                 nn.zeros_bias_init, nn.SoftmaxCrossEntropy(), 0.1, num_bn_layers=num_bn_layers)
    assert repr(mlp) == expected
