"""What the adapters of all frameworks share: making the core from arguments, and what results leave in metadata."""
