"""What a user would install in place of swaprank, measured beside it: `make bench-peers`."""
