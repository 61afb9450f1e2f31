"""Measurements of halfspread beside other backtesters. See README.md in this folder."""
