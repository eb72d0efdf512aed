"""Labelled seconds: from rules, from public annotations, from recordings; and how they are kept."""
