"""Run configs: typed models of a TOML file, the code that builds a run from them, and the ready-made files."""
