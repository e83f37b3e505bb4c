"""Decoders without padding: a forward pass of our own for prompts that are only read, never continued."""
