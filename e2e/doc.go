// Package e2e tests parley as its users meet it: the built binary as a process, real clients over
// real ICE, DTLS and SRTP, real stores on disk, a real recognizer. It has only tests.
package e2e
