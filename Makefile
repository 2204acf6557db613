.PHONY: help run demo test soak fuzz clients bench lint build zips terraform deploy lambda sam-local
.DEFAULT_GOAL := help

functions = access datasources http-proxy perses-api sql-proxy
# Where `make lambda` listens, and on whose data.
port = 9000
data = .sourcegate
event-access = grafana/org-list
event-datasources = grafana/list
event-perses-api = perses/list
event-http-proxy = grafana/proxy-query
event-sql-proxy = perses/statement
opentofu = v1.12.6
percli = v0.54.0
go = CGO_ENABLED=0 go build

help: ## Lists these commands
	@sed -nE 's/^([a-z%-]+): ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: ## Starts the gateway on 127.0.0.1:3000
	cargo run

demo: ## Starts it with an upstream to play with
	cargo run -- --demo

test: ## Installs what is missing and runs every test
	tests/setup
	rm -rf target/test-logs
	cargo build --workspace --bins
	cargo test --workspace

soak: ## Runs the tests that take minutes
	tests/setup
	cargo build --workspace --bins
	cargo test --workspace -- --ignored soak_

fuzz: ## Puts paths and statements together at random, a minute each
	cargo test -p upstream -p sql --lib -- --ignored fuzz_ --test-threads 1

# OpenTofu must be built in its own module: what it replaces there, `go install` refuses. Its provider is brought along.
clients: ## Runs the clients that need Go; provider=PATH of terraform-provider-grafana adds OpenTofu
	tests/setup
	cd tests/clients/go && $(go) -o $(CURDIR)/target/go/openapi-client .
	cd "$$(go mod download -json github.com/perses/perses@$(percli) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')" && \
		$(go) -o $(CURDIR)/target/go/percli ./cmd/percli
ifdef provider
	cd "$$(go mod download -json github.com/opentofu/opentofu@$(opentofu) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')" && \
		$(go) -o $(CURDIR)/target/go/tofu ./cmd/tofu
	ln -sf $(abspath $(provider)) target/go/terraform-provider-grafana
endif
	cargo test -p harness --test it -- --ignored $(if $(provider),clients::needs_,clients::needs_go)

bench: ## Measures, beside nginx; only=lambda measures one part
	tests/setup
	cargo build --profile bench -p local -p benches $(functions:%=-p %)
	taskset -c 0 $${CARGO_TARGET_DIR:-target}/release/benches $(only)

lint: ## Checks format, lints and documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

build: ## Builds the functions for AWS, of template.yaml or template=FILE
	tests/setup
	rustup target add aarch64-unknown-linux-gnu
	PATH=$(CURDIR)/target/venv/bin:$$PATH target/venv-sam/bin/sam build $(template:%=-t %)

zips: ## Builds the functions' archives for Terraform
	tests/setup
	rustup target add aarch64-unknown-linux-gnu
	PATH=$(CURDIR)/target/venv/bin:$$PATH cargo lambda build --release --arm64 --output-format zip $(functions:%=-p %)

# In a folder of its own, since `init` leaves files behind.
terraform: ## Validates infra/terraform: needs terraform and its provider; plugins=DIR takes that from a folder
	@set -e; work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; cp infra/terraform/*.tf infra/terraform/*.tftpl "$$work"; \
	terraform -chdir="$$work" fmt -check; \
	terraform -chdir="$$work" init -backend=false -input=false $(if $(plugins),-plugin-dir=$(abspath $(plugins))) >"$$work/log" || { cat "$$work/log"; exit 1; }; \
	terraform -chdir="$$work" validate

deploy: ## Deploys them: make deploy stage=dev
	target/venv-sam/bin/sam deploy --config-env $(or $(stage),dev)

# cargo-lambda's own start of functions finds none but the default member's. Egress is as on AWS but for loopback.
lambda: ## Runs the functions on port 9000, on the data of a running `cargo run -- --dynamodb-listen 127.0.0.1:8000`
	@tests/setup
	@test -e $(data)/dynamodb || { echo "first: cargo run -- --dynamodb-listen 127.0.0.1:8000" >&2; exit 1; }
	cargo build --workspace --bins
	@set -a; . $(abspath $(data))/dynamodb; trap 'kill $$started' EXIT; trap exit INT TERM; \
	SOURCEGATE_KEY_FILE=$(data)/key; SOURCEGATE_EGRESS_ALLOW=127.0.0.0/8,::1/128; \
	AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH=1; AWS_LAMBDA_FUNCTION_VERSION=1; AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256; \
	for name in $(functions); do \
		AWS_LAMBDA_FUNCTION_NAME=$$name AWS_LAMBDA_RUNTIME_API=http://127.0.0.1:$(port)/.rt/$$name target/debug/$$name & \
		started="$$started $$!"; \
	done; \
	PATH="$(CURDIR)/target/venv/bin:$$PATH" cargo lambda watch -A 127.0.0.1 -P $(port) --ignore-changes --disable-cors --only-lambda-apis

# The file has `Bearer TOKEN` where the administrator's credential goes; who makes organisations is the user, not the token.
# The answer's body is shown if its status is 200; cargo-lambda takes all else for errors of a shape that it then misses.
invoke-%: event = $(or $(EVENT),$(event-$*))
invoke-%: ## Sends a function of `make lambda` a file of events/: make invoke-access EVENT=grafana/org-list
	@test -n "$(filter $*,$(functions))" || { echo "no function is called $*; they are: $(functions)" >&2; exit 1; }
	@test -e events/$(event).json || { echo "there is no events/$(event).json" >&2; exit 1; }
	@test -e $(data)/admin || { echo "first: make lambda, as make help says" >&2; exit 1; }
	@. $(abspath $(data))/admin; sent=$$(mktemp); trap 'rm -f $$sent' EXIT; credential="Bearer $$SOURCEGATE_ADMIN_TOKEN"; \
	if [ $* = access ]; then credential="Basic $$(printf 'admin:%s' "$$SOURCEGATE_ADMIN_PASSWORD" | base64 -w0)"; fi; \
	sed "s|Bearer TOKEN|$$credential|" events/$(event).json >$$sent; \
	PATH="$(CURDIR)/target/venv/bin:$$PATH" cargo lambda invoke $* -A 127.0.0.1 -P $(port) -F $$sent

sam-local: ## Runs the functions in containers on port 3001: needs Docker, and a gateway as infra/sam-local says
	data=$(data) infra/sam-local
