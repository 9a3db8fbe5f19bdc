// Package client is a participant in Go: it joins a meeting over the same WebSocket and WebRTC as a
// browser, speaks, watches and writes. The demo, the end-to-end tests and the benchmarks use it.
//
// client.go has Join and what a participant can do; line.go is one WebSocket, media.go the peer
// connection and its lines, play.go sends sound and pictures at the pace of the clock, receive.go takes
// what comes in on the seats.
//
// A Client owns its goroutines: one reads the WebSocket, one per sending line reads RTCP, one per seat
// reads media. Close ends them all and waits for them; so do Leave and End. Callbacks come from these
// goroutines: they must not call Close, and whoever is slow in one loses packets, not memory.
//
// Client.mu guards what arrived so far; line.writing serializes writes to one socket. Neither is held
// while the other is taken, nor over a callback.
//
// Sources: W3C webrtc-pc, RFC 8829 (JSEP), RFC 7587 (Opus in RTP), RFC 6464 (audio levels), RFC 7741
// (VP8 in RTP).
package client
