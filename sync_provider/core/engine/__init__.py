"""The one pipeline and its stages."""
