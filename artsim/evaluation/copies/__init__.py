"""The task `copies`: searches by edited pictures, and by other scans."""
