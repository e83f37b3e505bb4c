"""Where a model's files come from and what they say, for every backend that loads some."""
