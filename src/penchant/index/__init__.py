"""Top-n over scores and vectors."""
