"""Keeps a trained network and the figures of its training in a file, and gives them back.

    saved.save("network.npz", mlp, get_training_stats(mlp, dset, nepochs, batch_size))
    mlp, stats = saved.load("network.npz")

The file is NumPy's .npz of plain arrays. Nothing in it is pickled: to load a stranger's is safe.
"""

import io
import pathlib
import zipfile

import numpy as np

from data import files

FORMAT = "hw1 network 1"
ACTIVATIONS = "Identity", "Sigmoid", "Tanh", "ReLU"
STATS = "training_losses", "training_errors", "validation_losses", "validation_errors"
BATCH_NORM_ARRAYS = "gamma", "beta", "running_mean", "running_var"
BATCH_NORM_NUMBERS = "alpha", "eps"
NUMBERS = "lr", "momentum", "mean", "deviation"
UNSCALED = {"mean": 0.0, "deviation": 1.0}  # of older files


def save(path, mlp, stats):
    """Write mlp and the figures of its training to path, an .npz; a file there is replaced.

    mlp: an MLP of this homework's activations and SoftmaxCrossEntropy; where it has mean and
    deviation, two numbers, those of mnist.scale, they are kept. stats: what get_training_stats
    returns, or the first four of it, while the training is under way.

    The file appears whole or not at all. OSError or ValueError say what is wrong.
    """
    if pathlib.Path(path).suffix.lower() != ".npz":
        raise ValueError(f"expected a file name that ends in .npz, got {str(path)!r}")
    arrays = _as_arrays(mlp, stats)
    # What could not be loaded is refused before it replaces a file.
    _network(arrays)
    _stats(arrays)
    content = io.BytesIO()
    np.savez(content, **arrays)
    files.write(path, content.getvalue())


def load(path):
    """Return (mlp, stats), as they were when save wrote them to path.

    mlp is in eval mode, ready to predict the classes of pixels as they are stored:

        mlp.forward((pixels - mlp.mean) / mlp.deviation).argmax(axis=1)

    mlp.mean and mlp.deviation are 0.0 and 1.0 if it had none when it was saved, as in older files:
    then it takes x on the scale on which it was trained. It can also be trained on, with the same
    lr and momentum; the velocities of momentum are not in the file and start anew from zero.
    stats: five arrays, or four if the training was still under way, without a confusion matrix.

    Raises OSError if path cannot be read, ValueError if it is damaged or not a file of save's.
    """
    content = pathlib.Path(path).read_bytes()
    try:
        arrays = _read(content)
        return _network(arrays), _stats(arrays)
    except ValueError as error:
        raise ValueError(f"{path} is damaged or not a network that hw1.saved.save wrote ({error}): "
                         "save it again, or choose another") from error


def _as_arrays(mlp, stats):
    """Return what the file holds, by name; ValueError if mlp has parts that load could not make."""
    parts = [(part, ACTIVATIONS) for part in mlp.activations]
    for part, names in parts + [(mlp.criterion, ("SoftmaxCrossEntropy",))]:
        # By name: after a reload of hw1.hw1 the classes are others.
        if type(part).__module__ != "hw1.hw1" or type(part).__name__ not in names:
            raise ValueError(f"{' or '.join(names)} of hw1.hw1 can be saved here, got {part!r}")
    if len(stats) not in (4, 5):
        raise ValueError("stats must be the five arrays that get_training_stats returns, or the "
                         f"first four, got {len(stats)}")
    arrays = {"format": FORMAT, "sizes": [mlp.input_size] + [np.shape(W)[-1] for W in mlp.W],
              "activations": [type(part).__name__ for part in mlp.activations],
              "num_bn_layers": mlp.num_bn_layers,
              **{name: float(getattr(mlp, name, UNSCALED.get(name))) for name in NUMBERS},
              **dict(zip(STATS, stats)),
              "confusion_matrix": stats[4] if len(stats) == 5 else np.zeros((0, 0), np.int64)}
    for i, (W, b) in enumerate(zip(mlp.W, mlp.b)):
        arrays[f"W{i}"], arrays[f"b{i}"] = W, b
    for i, layer in enumerate(getattr(mlp, "bn_layers", None) or []):
        for name in BATCH_NORM_ARRAYS + BATCH_NORM_NUMBERS:
            arrays[f"{name}{i}"] = getattr(layer, name)
    return {name: np.asarray(value) for name, value in arrays.items()}


def _read(content):
    """Return the arrays in the bytes of an .npz, by name; ValueError if they are not that."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # np.load would stop where an array says that it ends; the checksum is the member's.
            members = {name: archive.read(name) for name in archive.namelist()}
        return {name[:-4]: np.lib.format.read_array(io.BytesIO(member), allow_pickle=False)
                for name, member in members.items()}  # without .npy
    except Exception as error:  # for damaged files, zipfile and NumPy raise almost every kind
        raise ValueError(error) from error


def _network(arrays):
    """Return the network that the arrays describe, in eval mode; ValueError if one is wrong."""
    from hw1 import hw1  # as it is now: it may have been reloaded, and the figures do not need it

    if _taken(arrays, "format", "U", ()) != FORMAT:
        raise ValueError(f"its format is {str(arrays['format'])!r}, expected {FORMAT!r}")
    sizes = _taken(arrays, "sizes", "iu", (None,)).tolist()
    names = _taken(arrays, "activations", "U", (len(sizes) - 1,)).tolist()
    if not set(names) <= set(ACTIVATIONS):
        raise ValueError(f"its activations are {names}, expected some of {list(ACTIVATIONS)}")
    arrays = {**{name: np.array(value) for name, value in UNSCALED.items()}, **arrays}
    lr, momentum, mean, deviation = (_taken(arrays, name, "f", ()).item() for name in NUMBERS)
    shapes = list(zip(sizes, sizes[1:]))
    weights = iter([_taken(arrays, f"W{i}", "f", shape) for i, shape in enumerate(shapes)])
    biases = iter([_taken(arrays, f"b{i}", "f", (d,), (1, d)) for i, (_, d) in enumerate(shapes)])
    mlp = hw1.MLP(sizes[0], sizes[-1], sizes[1:-1], [getattr(hw1, name)() for name in names],
                  lambda *shape: next(weights), lambda *shape: next(biases),
                  hw1.SoftmaxCrossEntropy(), lr, momentum,
                  _taken(arrays, "num_bn_layers", "iu", ()).item())
    mlp.mean, mlp.deviation = mean, deviation
    for i, layer in enumerate(getattr(mlp, "bn_layers", None) or []):
        for name in BATCH_NORM_ARRAYS:
            setattr(layer, name, _taken(arrays, f"{name}{i}", "f", (1, sizes[i + 1])))
        for name in BATCH_NORM_NUMBERS:
            setattr(layer, name, _taken(arrays, f"{name}{i}", "f", ()).item())
    mlp.eval()
    return mlp


def _stats(arrays):
    """Return the figures in the arrays, four or five; ValueError if one is missing or wrong."""
    curves = [_taken(arrays, name, "f", (None,)) for name in STATS]
    if len(set(map(len, curves))) > 1 or len(curves[0]) == 0:
        raise ValueError(f"the figures of the epochs must be as many of each kind, 1 or more, got "
                         f"{[len(curve) for curve in curves]}")
    nclasses = _taken(arrays, "sizes", "iu", (None,)).tolist()[-1]
    matrix = _taken(arrays, "confusion_matrix", "iu", (nclasses, nclasses), (0, 0))
    return tuple(curves + [matrix] if matrix.size else curves)


def _taken(arrays, name, kinds, *shapes):
    """Return arrays[name]; ValueError unless dtype and shape are among these, None for any n."""
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    array = arrays[name]
    fits = any(len(shape) == array.ndim and all(d in (None, n) for d, n in zip(shape, array.shape))
               for shape in shapes)
    if array.dtype.kind not in kinds or not fits:
        expected = " or ".join(map(str, shapes)).replace("None", "n")
        raise ValueError(f"{name} must have shape {expected} and a dtype of kind "
                         f"{' or '.join(kinds)}, got {array.shape} and {array.dtype}")
    return array
