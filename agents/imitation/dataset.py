"""Demonstrations: their rows (`dataset_rows`) and their file (`dataset_file`)."""

from __future__ import annotations

from halfspread.agents.imitation.dataset_file import load_dataset, save_dataset
from halfspread.agents.imitation.dataset_rows import NUMBERS, WHOLE, ExpertDataset

__all__ = ["NUMBERS", "WHOLE", "ExpertDataset", "load_dataset", "save_dataset"]
