"""One file per strategy: pure generators over indices; no model, no I/O."""
