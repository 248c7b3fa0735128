"""The corpus store: Delta tables in a folder, written by many workers and committed by one."""
