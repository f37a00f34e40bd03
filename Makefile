# Aliases of the commands in xtask; `cargo xtask help` says more.
.PHONY: help demo test
help:
	@cargo xtask help
demo:
	@cargo xtask demo
test:
	@cargo xtask test
