# Everything a person or CI runs. `make` alone lists the targets.
# A target installs what it needs itself: Debian packages when run as root, npm and Go modules always.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

BIN     := bin
TOOLS   := build/tools
ENGINE  := transcribe/sherpa/library
WEIGHTS := transcribe/weights

# Debian packages by what they are for. Without root and without them the build still works, with a
# pure-Go Opus decoder that cannot hide packet loss.
PACKAGES_BUILD := gcc libc6-dev pkg-config libopus-dev
PACKAGES_TEST  := $(PACKAGES_BUILD) ffmpeg chromium firefox-esr iproute2

# Asked each time a recipe runs, since an earlier recipe may have installed them.
go := CGO_ENABLED=$$(command -v gcc >/dev/null && pkg-config --exists opus 2>/dev/null && echo 1 || echo 0) go

##@ Use

.PHONY: run
run: build ## Build parley and start the server on http://localhost:8080
	@exec $(BIN)/parley serve

.PHONY: demo
demo: build ## Hold a sample meeting and print its minutes
	@exec $(BIN)/parley demo

##@ Build

.PHONY: build
build: $(BIN)/parley engine ## Build bin/parley, with the speech engine and its weights beside it

.PHONY: engine
engine: $(BIN)/lib/libsherpa-onnx-c-api.so $(BIN)/models/.copied ## Lay the speech library and the weights beside bin/parley

.PHONY: $(BIN)/parley # the go command knows what changed
$(BIN)/parley: web/dist/index.html
	@.ci/packages $(PACKAGES_BUILD)
	@mkdir -p build
	@$(go) build -trimpath -o build/parley ./cmd/parley
	@# A copy: the linker's file lies in the page cache in blocks of 2 MiB, which newer kernels map whole.
	@cmp -s build/parley $@ || install -D -m 755 build/parley $@

$(BIN)/lib/libsherpa-onnx-c-api.so: $(ENGINE)/package-lock.json
	@mkdir -p build/engine $(BIN)/lib
	@cp $(ENGINE)/package.json $(ENGINE)/package-lock.json build/engine/
	@npm --prefix build/engine ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@cp build/engine/node_modules/sherpa-onnx-linux-x64/*.so $(BIN)/lib/
	@touch $@

$(BIN)/models/.copied: $(wildcard $(WEIGHTS)/*/*)
	@mkdir -p $(BIN)/models
	@cp -ru $(WEIGHTS)/*/ $(BIN)/models/
	@touch $@

web/node_modules/.installed: web/package-lock.json
	@npm --prefix web ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.installed web/index.html $(shell find web/src -type f 2>/dev/null)
	@npm --prefix web run build --silent
	@touch $@

##@ Check

.PHONY: test
test: build ## Quick tests: Go with the race detector, the web app, two real browsers
	@.ci/packages $(PACKAGES_TEST)
	@npm --prefix web run check --silent
	@npm --prefix web run test --silent
	@npm --prefix web run size --silent
	@.ci/browsers
	@$(go) test -race -timeout 15m $$(go list ./... | grep -v /e2e$$)
	@$(go) test -run TheWeights ./transcribe/minutes # ten times as slow under the race detector, which skips it
	@$(go) test -race -timeout 15m -count=1 ./e2e # it builds the binary: the test cache cannot know what is in it

.PHONY: check
check: SOAKTIME = 2m
check: test lint fuzz soak ## Everything slow as well: lint, fuzzing and a short soak

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## Vet, lint and format checks
	@$(go) vet ./...
	@$(TOOLS)/golangci-lint run ./...
	@go mod tidy -diff

$(TOOLS)/golangci-lint:
	@GOBIN=$(CURDIR)/$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

FUZZTIME ?= 20s
.PHONY: fuzz
fuzz: ## Fuzz every parser of outside bytes for FUZZTIME each
	@for pkg in $$(grep -rl --include='*_test.go' '^func Fuzz' . | grep -v node_modules | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$pkg/*_test.go | cut -c6- | sort -u); do \
	    echo "$$pkg $$target"; \
	    $(go) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg | tail -1; \
	  done; \
	done

SOAKTIME ?= 30m
.PHONY: soak
soak: $(BIN)/parley ## Have people join and leave for SOAKTIME: the server may keep nothing of them
	@.ci/soak $(BIN)/parley $(SOAKTIME)

.PHONY: bench
bench: ## Benchmarks of the packet, recording and transcription paths
	@$(go) test -run '^$$' -bench . -benchmem ./...

##@ House

.PHONY: clean
clean: ## Remove what was built; ./data stays
	@rm -rf $(BIN) build web/node_modules
	@find web/dist -mindepth 1 ! -name .keep -delete

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-zA-Z_-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST); echo
