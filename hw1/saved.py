"""Save a trained network and its training statistics in a file, and load both again.

    saved.save("network.npz", mlp, get_training_stats(mlp, dset, nepochs, batch_size))
    mlp, stats = saved.load("network.npz")

The file is NumPy's .npz of plain arrays. Nothing in it is pickled, so a stranger's file is safe.
"""

import io
import pathlib
import zipfile

import numpy as np

from data import files

FORMAT = "hw1 network 1"
STATS = ("training_losses", "training_errors", "validation_losses", "validation_errors")
BATCH_NORM_ARRAYS = ("gamma", "beta", "running_mean", "running_var")
BATCH_NORM_NUMBERS = ("alpha", "eps")
UNSCALED = {"mean": 0.0, "deviation": 1.0}  # for networks and older files without them


def save(path, mlp, stats):
    """Save mlp and its training statistics in path, an .npz file; replace an existing file.

    mlp: an MLP whose activations and criterion are of classes in hw1.py; the criterion is a
    SoftmaxCrossEntropy. The attributes of an activation are saved if they are numbers or arrays of
    numbers, and refused otherwise. If mlp has the attributes mean and deviation, the two numbers
    that mnist.scale returns, they are saved, too.
    stats: the result of get_training_stats, or its first four arrays while the training goes on.

    The file is written whole or not at all. Raises OSError if it cannot be written, ValueError if
    path, mlp or stats cannot be saved.
    """
    if pathlib.Path(path).suffix.lower() != ".npz":
        raise ValueError(f"expected a file name that ends in .npz, got {str(path)!r}")
    arrays = {"format": np.asarray(FORMAT)}
    arrays.update(_collect_network(mlp))
    arrays.update(_collect_stats(stats))
    # Refuse what load would refuse, before it replaces a file.
    _build_network(arrays)
    _read_stats(arrays)
    content = io.BytesIO()
    np.savez(content, **arrays)
    files.write(path, content.getvalue())


def load(path):
    """Return (mlp, stats), as they were when save wrote them to path.

    mlp is in eval mode, ready to predict the classes of pixels as they are stored:

        mlp.forward((pixels - mlp.mean) / mlp.deviation).argmax(axis=1)

    mlp.mean and mlp.deviation are 0.0 and 1.0 if it had none when it was saved, as in older files:
    then it takes x on the scale on which it was trained. It can be trained further, with the same
    lr and momentum; the velocities of momentum are not saved and start from zero.
    stats: four float arrays (nepochs,) and the confusion matrix (K, K), which is missing if the
    training was still going on.

    Raises OSError if path cannot be read, ValueError if it is damaged or was not written by save.
    """
    content = pathlib.Path(path).read_bytes()
    try:
        arrays = _read_archive(content)
        return _build_network(arrays), _read_stats(arrays)
    except ValueError as error:
        raise ValueError(f"{path} is damaged or not a network that hw1.saved.save wrote ({error}): "
                         "save it again, or choose another") from error


# ---- From a network to arrays --------------------------------------------------------------------

def _collect_network(mlp):
    """Return the arrays that describe mlp, by name; ValueError if a part cannot be saved."""
    module = _import_homework()
    _check_class(mlp.criterion, ["SoftmaxCrossEntropy"])
    arrays = {}
    sizes = [mlp.input_size]
    for i, (W, b) in enumerate(zip(mlp.W, mlp.b)):
        if np.ndim(W) != 2:
            raise ValueError(f"W{i} must have shape (d_in, d_out), got {np.shape(W)}")
        sizes.append(np.shape(W)[1])
        arrays[f"W{i}"] = np.asarray(W)
        arrays[f"b{i}"] = np.asarray(b)
    arrays["sizes"] = np.asarray(sizes)
    arrays["num_bn_layers"] = np.asarray(mlp.num_bn_layers)
    for name in ("lr", "momentum"):
        arrays[name] = _convert_number(name, getattr(mlp, name, None))
    for name, default in UNSCALED.items():
        arrays[name] = _convert_number(name, getattr(mlp, name, default))
    for i, layer in enumerate(getattr(mlp, "bn_layers", None) or []):
        for name in BATCH_NORM_ARRAYS:
            arrays[f"{name}{i}"] = np.asarray(getattr(layer, name))
        for name in BATCH_NORM_NUMBERS:
            arrays[f"{name}{i}"] = _convert_number(f"{name}{i}", getattr(layer, name))
    for i, activation in enumerate(mlp.activations):
        _check_class(activation, find_activations(module))
        for name, value in vars(activation).items():
            if name != "state":
                key = f"activation{i}.{name}"
                arrays[key] = _convert_numbers(key, value)
    names = [type(activation).__name__ for activation in mlp.activations]
    arrays["activations"] = np.asarray(names)
    return arrays


def _collect_stats(stats):
    """Return the training statistics as arrays, by name; ValueError unless there are 4 or 5."""
    if len(stats) not in (4, 5):
        raise ValueError("stats must be the five arrays that get_training_stats returns, or the "
                         f"first four, got {len(stats)}")
    arrays = {}
    for name, curve in zip(STATS, stats):
        arrays[name] = np.asarray(curve)
    arrays["confusion_matrix"] = np.zeros((0, 0), np.int64)
    if len(stats) == 5:
        arrays["confusion_matrix"] = np.asarray(stats[4])
    return arrays


def _check_class(part, names):
    """Raise ValueError unless part is an object of one of these classes of hw1.hw1."""
    # By name, as a reload of hw1.hw1 makes new classes.
    kind = type(part)
    if kind.__module__ != "hw1.hw1" or kind.__name__ not in names:
        raise ValueError(f"only {' or '.join(names)} of hw1.hw1 can be saved here, "
                         f"got {part!r}")


def _convert_number(name, value):
    """Return a number as a float64 array of shape (); ValueError if it is something else."""
    if not _is_numeric(value) or np.ndim(value) > 0:
        raise ValueError(f"{name} must be one number to be saved, got {value!r:.80}")
    return np.asarray(value, np.float64)


def _convert_numbers(name, value):
    """Return a number or an array of numbers as an array; ValueError if it is something else."""
    if not _is_numeric(value):
        raise ValueError(f"{name} must be a number or an array of numbers to be saved, got "
                         f"{value!r:.80}")
    return np.asarray(value)


def _is_numeric(value):
    """Return whether value is a real number or an array of real numbers."""
    is_plain = isinstance(value, (int, float, np.generic, np.ndarray))
    return is_plain and np.asarray(value).dtype.kind in "fiub"


# ---- From arrays to a network --------------------------------------------------------------------

def _read_archive(content):
    """Return the arrays in the bytes of an .npz, by name; ValueError if it is damaged."""
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                # The checksum is the whole member's; np.load reads no further than the array.
                member = io.BytesIO(archive.read(name))
                array = np.lib.format.read_array(member, allow_pickle=False)
                arrays[name[:-len(".npy")]] = array
    except Exception as error:  # for damaged files, zipfile and NumPy raise almost every kind
        raise ValueError(error) from error
    return arrays


def _build_network(arrays):
    """Return the network that the arrays describe, in eval mode; ValueError if one is wrong."""
    module = _import_homework()
    found = _read_array(arrays, "format", "U", ()).item()
    if found != FORMAT:
        raise ValueError(f"its format is {found!r}, expected {FORMAT!r}")
    sizes = _read_array(arrays, "sizes", "iu", (None,)).tolist()
    weights = []
    biases = []
    for i, (d_in, d_out) in enumerate(zip(sizes, sizes[1:])):
        weights.append(_read_array(arrays, f"W{i}", "f", (d_in, d_out)))
        biases.append(_read_array(arrays, f"b{i}", "f", (d_out,), (1, d_out)))
    activations = _build_activations(arrays, module, len(sizes) - 1)
    next_weight = iter(weights)
    next_bias = iter(biases)
    mlp = module.MLP(sizes[0], sizes[-1], sizes[1:-1], activations,
                     lambda d_in, d_out: next(next_weight), lambda d: next(next_bias),
                     module.SoftmaxCrossEntropy(), _read_number(arrays, "lr"),
                     _read_number(arrays, "momentum"),
                     _read_array(arrays, "num_bn_layers", "iu", ()).item())
    for name, default in UNSCALED.items():
        value = _read_number(arrays, name) if name in arrays else default
        setattr(mlp, name, value)
    for i, layer in enumerate(getattr(mlp, "bn_layers", None) or []):
        for name in BATCH_NORM_ARRAYS:
            setattr(layer, name, _read_array(arrays, f"{name}{i}", "f", (1, sizes[i + 1])))
        for name in BATCH_NORM_NUMBERS:
            setattr(layer, name, _read_number(arrays, f"{name}{i}"))
    mlp.eval()
    return mlp


def _build_activations(arrays, module, nlayers):
    """Return the activation of each layer, with the attributes that it had."""
    names = _read_array(arrays, "activations", "U", (nlayers,)).tolist()
    classes = find_activations(module)
    if not set(names) <= set(classes):
        raise ValueError(f"its activations are {names}, expected some of {list(classes)}; "
                         "define the others in hw1.py")
    activations = []
    for i, name in enumerate(names):
        # Without __init__, which may have arguments: what it sets was saved, but for state.
        activation = classes[name].__new__(classes[name])
        activation.state = None
        prefix = f"activation{i}."
        for key, array in arrays.items():
            if key.startswith(prefix):
                value = _convert_numbers(key, array)
                if value.ndim == 0:
                    value = value.item()
                setattr(activation, key[len(prefix):], value)
        activations.append(activation)
    return activations


def _read_stats(arrays):
    """Return the training statistics, four or five; ValueError if one is missing or wrong."""
    stats = [_read_array(arrays, name, "f", (None,)) for name in STATS]
    lengths = [len(curve) for curve in stats]
    if len(set(lengths)) > 1 or lengths[0] == 0:
        raise ValueError("the losses and errors must be four arrays of the same length, at least "
                         f"1, got {lengths}")
    nclasses = _read_array(arrays, "sizes", "iu", (None,)).tolist()[-1]
    matrix = _read_array(arrays, "confusion_matrix", "iu", (nclasses, nclasses), (0, 0))
    if matrix.size > 0:
        stats.append(matrix)
    return tuple(stats)


def _read_number(arrays, name):
    """Return the float in arrays[name]; ValueError if it is something else."""
    return _read_array(arrays, name, "f", ()).item()


def _read_array(arrays, name, kinds, *shapes):
    """Return arrays[name]; ValueError unless dtype and shape are among these, None for any n."""
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    array = arrays[name]
    if array.dtype.kind not in kinds or not any(_fits(array.shape, shape) for shape in shapes):
        expected = " or ".join(map(str, shapes)).replace("None", "n")
        raise ValueError(f"{name} must have shape {expected} and a dtype of kind "
                         f"{' or '.join(kinds)}, got {array.shape} and {array.dtype}")
    return array


def _fits(found, expected):
    """Return whether two shapes are the same, where None in the second is any size."""
    if len(found) != len(expected):
        return False
    return all(size in (None, n) for n, size in zip(found, expected))


# ---- hw1.py --------------------------------------------------------------------------------------

def _import_homework():
    """Return the module hw1.hw1 as it is now: it may have been reloaded, or not be finished yet."""
    from hw1 import hw1
    return hw1


def find_activations(module):
    """Return {name: class} of the subclasses of Activation in the module hw1.hw1."""
    found = {}
    for name, value in vars(module).items():
        if isinstance(value, type) and issubclass(value, module.Activation):
            if value is not module.Activation:
                found[name] = value
    return found
