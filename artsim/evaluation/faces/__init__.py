"""The task `faces`: faces found, told apart and found again."""
