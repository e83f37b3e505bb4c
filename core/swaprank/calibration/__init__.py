"""Fitting a map from scores to relevance on labelled data, and writing it into a config."""
