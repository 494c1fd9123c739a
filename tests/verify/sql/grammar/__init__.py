"""The grammar of fuzz.py: random typed queries over random tables (queries.py is the way in)."""
