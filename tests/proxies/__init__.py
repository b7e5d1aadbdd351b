"""Tests of the proxies, one file a proxy or a family."""
