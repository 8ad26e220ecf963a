"""One rule for every network: Xavier-uniform weights, zero biases (docs/method.md, section 4)."""

from torch import nn


def normal(parameter: nn.Parameter) -> None:
    """Initialise a token. On torch's device `meta` it would import half of torch for nothing."""
    if not parameter.is_meta:
        nn.init.normal_(parameter, std=0.02)


def xavier(module: nn.Module) -> None:
    """Initialise all linear and convolution layers of `module` from torch's generator.

    A kernel counts as a matrix (outputs, inputs x kernel area), as Xavier's fans do.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
