// Package problem is the one place where a parley.Kind becomes an HTTP status and a document, and
// where a client makes a parley.Error of it again.
//
// problem.go holds the table and both directions. The documents are those of RFC 9457: type names a
// heading of docs/problems.md, detail is the sentence of the error (never its cause), instance is the
// identifier of the request, which the log has too. An Internal error shows nothing of itself.
//
// The package has no state and starts no goroutine.
package problem
