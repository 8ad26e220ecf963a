"""Linear probe: how well a linear classifier on features names the class of a sound."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

L2 = 1e-3  # on the classifier's weights, features standardised
NUM_STEPS = 100  # of L-BFGS


def probe_accuracy(
    train: Tensor, train_classes: np.ndarray, test: Tensor, test_classes: np.ndarray
) -> float:
    """The accuracy of `classify`, in the mean over classes.

    Args:
        train, test: features (items, size).
        train_classes, test_classes: class numbers (items,). A class that only `test` has counts
            with 0.
    """
    hits = classify(train, train_classes, test) == test_classes
    return float(np.mean([hits[test_classes == c].mean() for c in np.unique(test_classes)]))


def classify(train: Tensor, train_classes: np.ndarray, test: Tensor) -> np.ndarray:
    """Multinomial logistic regression: features (items, size) -> the class numbers of `test`."""
    mean, std = train.mean(dim=0), train.std(dim=0).clamp(min=1e-6)
    classes = torch.from_numpy(train_classes)
    inputs = (train - mean) / std
    weight = torch.zeros(int(classes.max()) + 1, inputs.shape[1], requires_grad=True)
    bias = torch.zeros(len(weight), requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=NUM_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = cross_entropy(inputs @ weight.T + bias, classes) + L2 * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    with torch.no_grad():
        return (((test - mean) / std) @ weight.T + bias).argmax(dim=1).numpy()


def over_time(features: Tensor) -> Tensor:
    """(batch, steps, size) -> mean and maximum over time (batch, 2 size)."""
    return torch.cat((features.mean(dim=1), features.amax(dim=1)), dim=1)
