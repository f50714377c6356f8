"""What is measured: a module for each task, with its options and what it adds to the report."""
