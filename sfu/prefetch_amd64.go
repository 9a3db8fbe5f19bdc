package sfu

import "unsafe"

// prefetch asks for so many cache lines from p on, at least one, and does not wait. p may be anything: what
// cannot be fetched is not.
//
//go:noescape
func prefetch(p unsafe.Pointer, lines int)
