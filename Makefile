# Two doors: `make demo` runs the main job on embedded defaults, `make test`
# runs every test against real servers. Both install what is missing.
.PHONY: demo test check bench hearing

demo:
	scripts/setup.sh build model
	cargo build --release --locked
	./target/release/unsaid demo $(ARGS)

test:
	scripts/setup.sh build test model
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features unsaid/ner --locked -- -D warnings
	cargo test --workspace --features unsaid/ner --locked

# Licences, sources and known holes of everything we depend on (needs cargo-deny and the advisory database).
check:
	cargo deny check

bench:
	cargo bench --workspace

# What stays audible when real Whisper hears spoken calls: docs/hearing.md.
hearing:
	scripts/setup.sh build hearing
	cargo build --release --locked
	.servers/models/python/bin/python benches/hearing/run.py --unsaid target/release/unsaid $(ARGS) tests/data/hands/*.txt
