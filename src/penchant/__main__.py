"""`python -m penchant`: what `torchrun -m penchant train` starts."""

from penchant.cli import main

main()
