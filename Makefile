# Two doors: `make demo` runs the main job on embedded defaults, `make test`
# runs every test against real servers. Both install what is missing.
.PHONY: demo test check bench

demo:
	scripts/setup.sh build
	cargo build --release --locked
	./target/release/unsaid demo $(ARGS)

test:
	scripts/setup.sh build test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features unsaid/whisper,unsaid/ner --locked -- -D warnings
	cargo test --workspace --features unsaid/whisper,unsaid/ner --locked

# Licences, sources and known holes of everything we depend on (needs cargo-deny and the advisory database).
check:
	cargo deny check

bench:
	cargo bench --workspace
