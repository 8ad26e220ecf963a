"""One rule for every network: Xavier-uniform weights, zero biases (docs/method.md, section 4)."""

from torch import nn


def normal(parameter: nn.Parameter) -> None:
    """Initialise a token. On torch's device `meta` it would import half of torch for nothing."""
    if not parameter.is_meta:
        nn.init.normal_(parameter, std=0.02)


def xavier(module: nn.Module, transposed_gain: float = 1.0) -> None:
    """Initialise all linear and convolution layers of `module` from torch's generator.

    A kernel counts as a matrix (outputs, inputs x kernel area), as Xavier's fans do. But where the
    kernel of a transposed convolution is its stride, one of its cells alone makes an output: with
    2 x 2 cells the fans are 4 times too large, and the weights 2 times too small.

    transposed_gain: factor of the weights of the transposed convolutions.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            gain = transposed_gain if isinstance(layer, nn.ConvTranspose2d) else 1.0
            nn.init.xavier_uniform_(layer.weight, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
