"""What the data is: records, tables, configuration. No I/O, no engine, no torch."""
