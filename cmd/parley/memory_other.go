//go:build !linux

package main

// dropMapped does nothing: other systems are for trying things out.
func dropMapped() {}
