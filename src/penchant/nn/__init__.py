"""Torch blocks: tensors in, tensors out. No configs, no devices, no data sets."""
