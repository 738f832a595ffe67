"""Freeze what is labelled: rows, split, leak check, datasheet, a folder that never changes again."""
