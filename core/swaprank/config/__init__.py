"""From YAML to objects: `load` reads, `expand` writes recipes out, `kinds` says what there is, `build` makes it."""
