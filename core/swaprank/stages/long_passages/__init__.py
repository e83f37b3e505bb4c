"""Passages that a model cannot read at once: split at sentences, scored in parts, scored as a whole by their parts."""
