"""Reports from the records of one or several runs: tables, curves, pictures."""
