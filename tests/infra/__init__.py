"""The project as a whole: pins, locks, scripts, packaging, what may not be in a tracked file."""
