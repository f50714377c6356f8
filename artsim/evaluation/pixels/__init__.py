"""The task `pixels`: how alike hits and queries are, pixel by pixel."""
