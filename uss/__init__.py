"""Universal sound separation with a self-supervised audio masked autoencoder."""

__version__ = "0.1.0"
