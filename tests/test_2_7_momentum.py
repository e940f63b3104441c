"""2.7 Momentum: step moves W and b by a velocity, v = momentum v - lr dW; W = W + v.

Fix the first failure first: it explains those below it. Five steps of a linear classifier (2.3) are
calculated by hand. Then each layer of a deeper network must follow the same rule: its steps are
compared with those of the same network without momentum, so that they can be tested before 2.4 to
2.6 are right. gamma and beta move without momentum.
"""

import pytest

from tests.gradients import assert_close
from tests.networks import build_linear, build_mlp, compute_gradients, make_batch

# With lr 0.1 and momentum 0.5 the velocities are -0.1, -0.05 - 0.2 = -0.25, -0.125,
# -0.0625 + 0.1 = 0.0375 and 0.01875. TOTAL_MOVES are their cumulative sums.
GRADIENTS = [1.0, 2.0, 0.0, -1.0, 0.0]
TOTAL_MOVES = [-0.1, -0.35, -0.475, -0.4375, -0.41875]


def step_with(mlp, dW, db):
    """Take one step of a linear classifier, with all entries of dW and db set to these numbers."""
    compute_gradients(mlp, *make_batch(0))
    mlp.dW[0][...] = dW
    mlp.db[0][...] = db
    mlp.step()


# ---- A linear classifier -------------------------------------------------------------------------

def test_five_steps_of_w_match_hand_calculation(nn):
    mlp = build_linear(nn, lr=0.1, momentum=0.5)
    start = mlp.W[0].copy()
    for k in range(5):
        step_with(mlp, dW=GRADIENTS[k], db=0.0)
        assert_close(mlp.W[0], start + TOTAL_MOVES[k], f"W[0] after step {k + 1}")


def test_five_steps_of_b_match_hand_calculation(nn):
    mlp = build_linear(nn, lr=0.1, momentum=0.5)
    start = mlp.b[0].copy()
    for k in range(5):
        step_with(mlp, dW=0.0, db=GRADIENTS[k])
        assert_close(mlp.b[0], start + TOTAL_MOVES[k], f"b[0] after step {k + 1}")


def test_networks_have_velocities_and_settings_of_their_own(nn):
    first = build_linear(nn, lr=0.1, momentum=0.5)
    second = build_linear(nn, lr=0.2, momentum=0.8)
    start = first.W[0].copy()
    for k in range(2):
        step_with(first, dW=GRADIENTS[k], db=0.0)
        step_with(second, dW=1.0, db=1.0)
    assert_close(first.W[0], start + TOTAL_MOVES[1], "W[0] after two steps")
    # Velocities: -0.2 and 0.8 * -0.2 - 0.2 = -0.36.
    assert_close(second.W[0], start - 0.56, "W[0] of another network after two steps")


# ---- Deeper networks -----------------------------------------------------------------------------

def collect_parameters(mlp, num_bn_layers):
    """Return W, b, gamma and beta of every layer by name."""
    parameters = {}
    for i in range(len(mlp.W)):
        parameters[f"W[{i}]"] = mlp.W[i]
        parameters[f"b[{i}]"] = mlp.b[i]
    for i in range(num_bn_layers):
        parameters[f"bn_layers[{i}].gamma"] = mlp.bn_layers[i].gamma
        parameters[f"bn_layers[{i}].beta"] = mlp.bn_layers[i].beta
    return parameters


def build_deep(nn, momentum, num_bn_layers):
    """Return a network with two hidden layers and Identity after each layer."""
    activations = ["Identity", "Identity", "Identity"]
    return build_mlp(nn, [10, 10], activations, momentum=momentum, num_bn_layers=num_bn_layers)


def record_moves(nn, momentum, num_bn_layers=0, validate=False):
    """Return what each of three steps adds to each parameter: a dict by name for each step.

    After each step the parameters are restored, so that the next step has the same gradients.
    validate: run a batch in eval mode before each step, as between two epochs.
    """
    moves = []
    try:
        mlp = build_deep(nn, momentum, num_bn_layers)
        compute_gradients(mlp, *make_batch(1))
    except Exception as error:
        section = "2.6" if num_bn_layers else "2.5"
        pytest.skip(f"the network of {section} does not run yet: {error!r}")
    start = {}
    for name, parameter in collect_parameters(mlp, num_bn_layers).items():
        start[name] = parameter.copy()
    for _ in range(3):
        if validate:
            mlp.eval()
            mlp.forward(make_batch(2)[0])
            mlp.train()
        compute_gradients(mlp, *make_batch(1))
        mlp.step()
        added = {}
        for name, parameter in collect_parameters(mlp, num_bn_layers).items():
            added[name] = parameter - start[name]
            parameter[...] = start[name]
        moves.append(added)
    return moves


def assert_w_and_b_have_momentum(plain, moves):
    """Assert that W and b move by v = 0.5 v + their move without momentum, which is in plain."""
    for name in plain[0]:
        if name.startswith(("W[", "b[")):
            velocity = 0
            for k in range(3):
                velocity = 0.5 * velocity + plain[k][name]
                assert_close(moves[k][name], velocity, f"the move of {name} in step {k + 1}")


def test_momentum_moves_each_layer(nn):
    plain = record_moves(nn, momentum=0.0)
    moves = record_moves(nn, momentum=0.5)
    assert_w_and_b_have_momentum(plain, moves)


def test_validation_keeps_the_velocity(nn):
    plain = record_moves(nn, momentum=0.0)
    moves = record_moves(nn, momentum=0.5, validate=True)
    assert_w_and_b_have_momentum(plain, moves)


def test_momentum_moves_each_layer_of_a_network_with_batchnorm(nn):
    plain = record_moves(nn, momentum=0.0, num_bn_layers=2)
    moves = record_moves(nn, momentum=0.5, num_bn_layers=2)
    assert_w_and_b_have_momentum(plain, moves)


@pytest.mark.parametrize("name", ["gamma", "beta"])
def test_gamma_and_beta_move_without_momentum(nn, name):
    plain = record_moves(nn, momentum=0.0, num_bn_layers=2)
    moves = record_moves(nn, momentum=0.5, num_bn_layers=2)
    for i in range(2):
        key = f"bn_layers[{i}].{name}"
        for k in range(3):
            assert_close(moves[k][key], plain[k][key], f"the move of {key} in step {k + 1}")
