// Package objects keeps immutable bytes: parley.Objects over a directory (dir.go).
//
// objectstest holds the conformance suite that every implementation runs. Nothing here starts a
// goroutine, and nothing here can delete an object.
package objects
