"""Cross-encoders and sentence encoders, as sentence-transformers loads them."""
