"""From files to data sets: sources read, cleaning counts, vocabularies translate, splits divide."""

from penchant.data.dataset import Dataset
from penchant.data.interactions import Interactions
from penchant.data.vocabulary import Vocabulary

__all__ = ["Dataset", "Interactions", "Vocabulary"]
