"""Pages that show what was found: one self-contained HTML file each, which loads nothing."""
