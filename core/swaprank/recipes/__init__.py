"""Named presets, one YAML file per published model family."""
