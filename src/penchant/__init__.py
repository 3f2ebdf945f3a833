"""penchant: a self-hosted recommender built on large models."""

__version__ = "0.1.0"
