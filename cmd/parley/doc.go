// Command parley is the whole product in one binary: a video meeting server that records,
// transcribes and mines what was agreed, and the tools around it.
//
// It is the only place that knows every package, and the only one that reads flags, the environment
// and signals, or exits. main.go names the commands; config.go composes the configuration of the
// packages; server.go opens everything in the order it depends on each other and closes it in
// reverse; each command has a file of its own.
//
// Exit codes: 0 done; 1 it failed, and standard error says why; 2 bad usage or configuration;
// 3 a second signal ended it before it was done.
package main
