// Package container writes and reads the files that media is kept in: WebM segments of recorded
// tracks (webm.go) and Ogg Opus of utterances (ogg.go).
//
// It is pure: it knows bytes and times, no files, no goroutines. The readers take whatever a disk
// gives them, torn or hostile, and either understand it or say so; both are fuzzed.
//
// Sources: RFC 8794 (EBML), RFC 9559 (Matroska), the WebM guidelines, RFC 3533 (Ogg), RFC 7845 (Ogg
// Opus), RFC 6716 (Opus).
package container
