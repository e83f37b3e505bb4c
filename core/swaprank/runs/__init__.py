"""Files of queries: JSON lines, Ray, evaluation."""
