"""Segments evaluated: pure, over answers of the engine and facts about profiles."""
