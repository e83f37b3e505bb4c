"""What orders candidates: a method on a backend, fusion, decomposition, cascade; with limits and failure policy."""
