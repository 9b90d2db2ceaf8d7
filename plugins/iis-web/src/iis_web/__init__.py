"""People at the mouse: `iis click`, and `show` in a notebook."""
