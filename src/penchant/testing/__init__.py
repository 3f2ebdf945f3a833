"""Contract suites and tiny data sets for whoever writes a component. They need pytest, which the product itself does not."""
