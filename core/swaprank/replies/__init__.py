"""Reading what language models write."""
