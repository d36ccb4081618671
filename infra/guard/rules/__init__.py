"""The rules, each a function, in one module for each family of controls."""
