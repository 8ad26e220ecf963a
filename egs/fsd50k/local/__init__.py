"""Stage 0 of this recipe. A package, so that no other `local` in PYTHONPATH comes before it."""
