"""Offline commands, each a function: import, train, evaluate, publish, look at the machine."""
