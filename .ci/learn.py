"""Train a small network with the hw1 of the current folder: it must learn."""

import numpy as np

from hw1 import hw1

np.random.seed(11785)
x = np.random.normal(size=(60, 5))
y = np.eye(2)[(x[:, 0] > 0).astype(int)]
mlp = hw1.MLP(5, 2, [8], [hw1.Tanh(), hw1.Identity()], hw1.random_normal_weight_init,
              hw1.zeros_bias_init, hw1.SoftmaxCrossEntropy(), 0.1, 0.9, 1)
stats = hw1.get_training_stats(mlp, ((x, y), (x, y), (x, y)), 20, 10)
validation_error = stats[3][-1]
print("validation error", validation_error)
if validation_error >= 0.1 or stats[4].sum() != 60:
    raise SystemExit("the network does not learn")
