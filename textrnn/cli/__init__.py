"""The command line. Importing it loads nothing heavy."""
