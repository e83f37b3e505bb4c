"""One file per method; the file name with hyphens is its name in a config."""
