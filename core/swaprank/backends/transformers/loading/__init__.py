"""Loading networks by transformers: number format and device, fine-tunings, and what a checkpoint lacks."""
