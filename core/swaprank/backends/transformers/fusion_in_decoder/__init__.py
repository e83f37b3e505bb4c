"""Fusion-in-Decoder: passages encoded alone, read by one decoder."""
