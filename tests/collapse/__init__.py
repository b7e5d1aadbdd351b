"""One shared weight: the collapsed evaluation against the dense one."""
