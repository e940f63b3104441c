"""2.3 The linear classifier: forward, backward, and five steps of gradient descent."""

from tests.handout.judge import batch, check, entries, gradients, network


def forward(nn, given):
    x, _ = batch(8, seed=1)
    return {"forward(x)": network(nn, [], ["Identity"]).forward(given("x", x))}


def backward(nn, given):
    x, labels = batch(8, seed=2)
    mlp = network(nn, [], ["Identity"])
    mlp.zero_grads()
    mlp.forward(given("x", x))
    mlp.backward(given("labels", labels))
    return gradients(mlp)


def five_steps(nn, given):
    mlp = network(nn, [], ["Identity"], lr=0.3)
    for seed in range(5):
        x, labels = batch(8, seed)
        mlp.zero_grads()
        mlp.forward(x)
        mlp.backward(labels)
        mlp.step()
    return entries(mlp, "W", "b")


SCENARIOS = [forward, backward, five_steps]


def test_forward(nn):
    check(nn, forward, "2.3")


def test_backward(nn):
    check(nn, backward, "2.3")


def test_five_steps(nn):
    check(nn, five_steps, "2.3")
