//go:build !amd64

package sfu

import "unsafe"

// prefetch does nothing: where it would help has not been measured here.
func prefetch(unsafe.Pointer, int) {}
