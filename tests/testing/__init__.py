"""The contracts that ship."""
