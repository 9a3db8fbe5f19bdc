// Package dispatch lets workers on other machines hear what is said: transcribe.Tasks over HTTP.
//
// # The path of a task
//
//	client.go  a worker asks for one (long poll)
//	server.go  who asks, and for which region; the task is claimed from the queue of this process
//	leases.go  it is held for that worker until it answers, fails or falls silent
//	wire.go    both directions as JSON, every bound, and the checks of what comes from outside
//
// The server reads and stores; a worker gets the sound of one utterance and what helps to hear it, and
// gives words back. A token is bound to regions: a worker can neither ask for nor answer a task of
// another. A lease belongs to the token that claimed it; one that is not extended in 20 s goes to
// somebody else, and its first holder can do nothing with it any more.
//
// # Goroutines
//
// Run owns the one that ends silent leases. The client starts none.
//
// # What it never does
//
// It puts no sound, word or token into a log or a metric, follows no redirect, and sends nothing over a
// connection that is not encrypted unless it is told to.
package dispatch
