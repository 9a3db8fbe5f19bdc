// Package auth says who is asking and what they may do in which meeting, by signatures alone: there
// are no accounts yet.
//
// key.go keeps the one key that signs everything; token.go makes and reads what it signs: links,
// one-time host links, bearer tokens and resume tokens, each with an audience of its own so that none
// can stand in for another. cookie.go turns a request into a Caller and a Caller into the cookie of a
// browser; auth.go has the rules: the role of a caller in a meeting, and who may create one.
//
// An Auth is constant and safe for concurrent use; no goroutine starts here. The package never logs,
// and none of its errors repeats a token or any part of one.
//
// Sources: RFC 7519 (JWT), RFC 6750 (bearer tokens), RFC 6265 and its SameSite draft (cookies), RFC
// 6454 (origins).
package auth
