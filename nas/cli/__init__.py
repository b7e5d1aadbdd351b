"""The command line: arguments become settings, settings become objects, mistakes a sentence."""
