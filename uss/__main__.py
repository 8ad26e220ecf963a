"""python -m uss: the command `uss` where the package is not installed."""

from uss.bin.cli import console

console()
