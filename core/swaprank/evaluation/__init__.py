"""Measuring rerankers beside one another: data in many formats in, one versioned result out."""
