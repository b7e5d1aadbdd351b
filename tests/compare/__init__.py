"""How good proxies are."""
