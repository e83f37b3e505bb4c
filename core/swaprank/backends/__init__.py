"""One file per kind of backend; nothing heavy is imported before the first run."""
