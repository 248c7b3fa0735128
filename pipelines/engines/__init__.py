"""Engines: where the stages run. One contract, `pipelines.engines.base`."""
