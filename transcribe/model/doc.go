// Package model installs speech models: it knows some by name, fetches files that may be large over
// lines that may be bad, and lets nothing in whose checksum is not the one asked for.
//
//	table.go    the models that are known, with the sums of their files
//	fetch.go    one file over HTTP: resumed where it was cut, given up where it lies
//	archive.go  a tar archive becomes a directory, or nothing
//	shelf.go    the directory of installed models: install, verify, remove
//	property.go   what an ONNX network says of itself
//	streaming.go  networks that hear sound piece by piece, told by that
//
// A model is a directory of files with a model.json that lists them with their sums. It appears whole,
// by one rename, or not at all; what was fetched so far stays in .partial for the next try.
//
// It starts no goroutine that outlives a call, and never runs what it fetches.
package model
